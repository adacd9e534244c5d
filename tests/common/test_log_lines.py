"""Log lines are one per record, and a library that repeats itself does not flood them."""

import asyncio
import io
import logging
import logging.config

import msgspec
import pytest

from services.common import log_lines
from services.common.log_lines import Decision, JsonFormatter, Seldom, Together, logging_config


def _record(name: str, message: str, line: int = 1) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "client.py", line, message, (), None)


def _decision(key: str) -> logging.LogRecord:
    told = Decision(
        outcome="accepted",
        command="Add",
        aggregate="tally",
        key=key,
        result="Added v1",
        correlation_id=key,
        headers=(),
    )
    return logging.LogRecord("tiffin", logging.INFO, "", 0, told, (), None)


def _told(stream: io.StringIO) -> list[str]:
    """The keys of decisions, or the last words, of what is written."""
    return [line.partition(" accepted")[0].split()[-1] for line in stream.getvalue().splitlines()]


def test_a_line_for_machines_is_json() -> None:
    """With instant, level, service and message, and the exception where there is one."""
    line = msgspec.json.decode(JsonFormatter("order").format(_record("tiffin", "hello")))
    assert line["at"].endswith("Z")
    del line["at"]
    assert line == {"level": "WARNING", "service": "order", "message": "hello"}


def test_a_chatty_library_is_heard_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line of a place is written; later ones are counted, and told with the next."""
    now = 0.0
    monkeypatch.setattr("services.common.log_lines.time.monotonic", lambda: now)
    seldom = Seldom()
    assert seldom.filter(_record("aiokafka.conn", "away"))
    assert not any(seldom.filter(_record("aiokafka.conn", "away")) for _ in range(99))
    assert seldom.filter(_record("aiokafka.conn", "another place", line=2))
    now = 11.0
    again = _record("aiokafka.conn", "away")
    assert seldom.filter(again)
    assert again.getMessage() == "away (and 99 like it)"


def test_our_own_lines_are_all_written() -> None:
    """Nothing that the services say themselves is held back."""
    seldom = Seldom()
    assert all(seldom.filter(_record("tiffin", "dead letter")) for _ in range(100))


async def test_decisions_are_written_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, a moment after the first of them, and again for those that follow."""
    monkeypatch.setattr(log_lines, "TOGETHER_SECONDS", 0.01)
    handler = Together(stream := io.StringIO())
    for keys in ("ab", "c"):
        for key in keys:
            handler.handle(_decision(key))
        before = _told(stream)
        await asyncio.sleep(0.05)
        assert _told(stream) == [*before, *keys]
    assert _told(stream) == ["a", "b", "c"]


async def test_any_other_line_is_written_at_once() -> None:
    """After the decisions that came before it."""
    handler = Together(stream := io.StringIO())
    handler.handle(_decision("a"))
    assert _told(stream) == []
    handler.handle(_record("tiffin", "dead letter"))
    assert _told(stream) == ["a", "letter"]


async def test_what_waits_is_written_when_the_process_ends() -> None:
    """Who ends it flushes the handlers, in `die` or as logging does at exit."""
    handler = Together(stream := io.StringIO())
    handler.handle(_decision("a"))
    handler.flush()
    assert _told(stream) == ["a"]


def test_a_decision_waits_for_nobody_where_no_loop_turns() -> None:
    """Nobody would come back to it."""
    handler = Together(stream := io.StringIO())
    handler.handle(_decision("a"))
    assert _told(stream) == ["a"]


async def test_a_stream_that_fails_fails_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    """As any handler of logging."""
    handler = Together(stream := io.StringIO())
    handler.handle(_decision("a"))
    stream.close()
    handler.handle(_record("tiffin", "dead letter"))
    assert capsys.readouterr().err.count("--- Logging error ---") == 2


@pytest.mark.parametrize("as_json", [True, False])
def test_the_configuration_is_one_that_logging_takes(as_json: bool) -> None:
    """For people and for machines."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(logging_config("order", "INFO", as_json))
        [handler] = logging.getLogger().handlers
        assert isinstance(handler.formatter, JsonFormatter) is as_json
    finally:
        root.handlers[:], root.level = handlers, level
