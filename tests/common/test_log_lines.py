"""Log lines are one per record, and a library that repeats itself does not flood them."""

import logging
import logging.config

import msgspec
import pytest

from services.common.log_lines import JsonFormatter, Seldom, logging_config


def _record(name: str, message: str, line: int = 1) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "client.py", line, message, (), None)


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
