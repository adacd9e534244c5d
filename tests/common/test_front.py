"""Writes of a front: a command is accepted once it is in the log, or turned away with a reason."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import OutOfOrderSequenceNumber

from services.common.api import refuse_now
from services.common.front import (
    RECENT_MAX,
    BadCursorError,
    UnavailableError,
    decode_cursor,
    encode_cursor,
)
from services.common.kafka import partition_of
from services.common.problem import ProblemError
from services.common.telemetry import EXIT_APPEND_FAILED
from tests.common import tally
from tests.common.deaths import Deaths, DiedError
from tests.common.fronts import LANGUAGE, PARTITIONS, One, add_rows, check_problem
from tests.common.tally import Add


async def test_a_command_is_accepted_once_it_is_in_the_log(one: One) -> None:
    """202, with the trace of the client in the record."""
    worker, http = one
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    answer = await http.post("/tallies/a", json=[1, 2], headers={"traceparent": trace})
    assert answer.status_code == 202
    (record,) = worker.producer.log.read("tally.commands", partition_of("a", PARTITIONS))
    envelope, command = LANGUAGE.decode_command(record.value, "", tally.EPOCH)
    assert (command, envelope.id, record.key) == (Add("a", 3), "id-a", b"a")
    assert ("ab" * 16).encode() in dict(record.headers)["traceparent"]


async def test_too_many_waiting_commands_are_turned_away(one: One) -> None:
    """The queue before the log has a limit, and empties again."""
    worker, http = one
    worker.producer.is_prompt = False
    waiting = [asyncio.create_task(worker.front.send(Add("a", 1), f"{n}")) for n in range(3)]
    await asyncio.sleep(0.01)
    check_problem(await http.post("/tallies/a", json=[1]), 503, "too many")
    worker.producer.acknowledge()
    await asyncio.gather(*waiting)
    worker.producer.is_prompt = True
    assert (await http.post("/tallies/a", json=[1])).status_code == 202


async def test_a_record_that_the_log_refuses_for_good_ends_the_process(
    one: One, deaths: Deaths
) -> None:
    """An idempotent producer takes nothing more for that partition; a restart does."""
    worker, _ = one
    worker.producer.is_prompt = False
    sending = asyncio.create_task(worker.front.send(Add("a", 1), "x"))
    await asyncio.sleep(0.01)
    worker.producer.fail(OutOfOrderSequenceNumber())
    with pytest.raises(DiedError):
        await sending
    assert deaths.codes == [EXIT_APPEND_FAILED]


async def test_a_command_that_can_not_be_written_does_not_end_the_process(
    one: One, deaths: Deaths
) -> None:
    """A client could make the worker exit at will."""
    with pytest.raises(UnavailableError):
        await one[0].front.send(Add("a", 1, "\ud800"), "x")
    assert deaths.codes == []


async def test_a_row_that_has_gone_to_another_worker_is_unavailable(one: One) -> None:
    """Between the look for the owner and the look into the table."""
    worker, _ = one
    worker.open_partitions = frozenset()
    with pytest.raises(UnavailableError):
        worker.front.row("a")


async def test_a_new_aggregate_is_remembered_for_a_while(
    one: One, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last ones, up to the named number."""
    front = one[0].front
    front.remember("first")
    for number in range(RECENT_MAX - 1):
        front.remember(f"k{number}")
    front.remember("first")
    front.remember("last")
    assert front.was_acknowledged("first")
    assert front.was_acknowledged("last")
    assert not front.was_acknowledged("k0")
    assert not front.was_acknowledged("never")
    monkeypatch.setattr("services.common.front.RECENT_SECONDS", 0.0)
    assert not front.was_acknowledged("last")


def test_a_cursor_comes_back_as_it_was() -> None:
    """As one word that is safe in a URL; anything else is none."""
    for place in (("0", "a"), ("é\0", "?&=#"), ("", "")):
        word = encode_cursor(*place)
        assert decode_cursor(word) == place
        assert word.replace("-", "").replace("_", "").isalnum()
    for bad in ("", "x", "é", "====", encode_cursor("a", "b")[:-2], "W10"):
        with pytest.raises(BadCursorError):
            decode_cursor(bad)


async def test_what_would_be_refused_is_answered_at_once(one: One) -> None:
    """409 with the reason, as far as the table tells; nothing reaches the log."""
    worker, _ = one
    add_rows(worker, ["a"])
    ports: Any = worker
    refuse_now(ports, Add("a", -1), "new")
    with pytest.raises(ProblemError, match="below_zero") as refused:
        refuse_now(ports, Add("a", -2), "new")
    assert refused.value.status == 409
    with pytest.raises(ProblemError, match="below_zero"):
        refuse_now(ports, Add("unknown", -1), "new")
    row = worker.front.row("a")
    assert row is not None
    refuse_now(ports, Add("a", -2), row.recent[-1])
