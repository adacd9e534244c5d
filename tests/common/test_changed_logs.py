"""Logs that were truncated, emptied, compacted or made anew: a recovery reads each to its end."""

import asyncio
from dataclasses import replace

import pytest
from msgspec import structs

from services.common.event_table import Appended
from services.common.recovery import RecoveryError
from tests.common import tally
from tests.common.kafka_topics import unique
from tests.common.recovery_bench import LIMITS, Bench, events, placed

COMPACTION_SECONDS_MAX = 90.0
AT_ONCE = {
    "min.cleanable.dirty.ratio": "0.0",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "100",
}


async def test_a_truncated_log_is_folded_from_its_first_record(bench: Bench) -> None:
    """From scratch, an aggregate without its first event is unknown, and a later one is known."""
    await bench.fill(*placed([*events("a", 5), *events("b", 5)]))
    await bench.topics.truncate(bench.topic, 5)
    assert await bench.recover() == 5
    assert bench.said.endswith("; the log begins at 5")
    assert bench.table.row("a") is None
    assert bench.rows("b") == tally.folded(events("b", 5)) | {"b": bench.table.row("b")}
    assert bench.table.position.next_offset == 10


async def test_a_log_that_is_truncated_to_nothing_leaves_an_empty_table(bench: Bench) -> None:
    """The table stands at its end, wherever that is."""
    await bench.fill(*events("a", 5))
    await bench.topics.truncate(bench.topic, 5)
    assert await bench.recover() == 0
    assert bench.table.position.next_offset == 5


async def test_truncation_before_the_table_s_place_changes_nothing(bench: Bench) -> None:
    """Also right up to it: what was folded stays folded."""
    log = placed(events("a", 10))
    await bench.fill(*log[:6])
    await bench.recover()
    for before in (3, 6):
        await bench.topics.truncate(bench.topic, before)
        bench.reopen()
        assert await bench.recover() == 0
    await bench.fill(*log[6:])
    assert await bench.recover() == 4
    assert bench.rows("a") == tally.folded(log)


async def test_a_table_that_stands_before_the_first_record_is_folded_anew(bench: Bench) -> None:
    """What it has missed is gone for good; it does not go on as if nothing had been."""
    await bench.fill(*events("a", 2))
    await bench.recover()
    await bench.fill(*events("a", 3, first=3), *events("b", 2))
    await bench.topics.truncate(bench.topic, 5)
    assert await bench.recover() == 2
    assert "folded anew, as it stands at 2, before the first kept offset 5" in bench.said
    assert bench.table.row("a") is None
    row = bench.table.row("b")
    assert row is not None
    assert row.version == 2


async def test_a_table_that_stands_before_an_emptied_log_is_emptied(bench: Bench) -> None:
    """Retention took the rest of the log too."""
    await bench.fill(*events("a", 2))
    await bench.recover()
    await bench.fill(*events("a", 3, first=3))
    await bench.topics.truncate(bench.topic, 5)
    assert await bench.recover() == 0
    assert "folded anew, as it stands at 2, before the first kept offset 5" in bench.said
    assert (bench.table.row("a"), bench.table.position.next_offset) == (None, 5)


async def test_a_table_of_a_topic_that_was_made_anew_and_is_empty_is_emptied(bench: Bench) -> None:
    """And the first event of the new topic is folded as the first."""
    await bench.fill(*events("a", 4))
    await bench.recover()
    await bench.topics.delete(bench.topic)
    await bench.topics.create(bench.topic)
    assert await bench.recover() == 0
    assert "folded anew, as it stands at 4, beyond the end 0" in bench.said
    assert (bench.table.row("a"), bench.table.position.next_offset) == (None, 0)
    await bench.fill(*events("b", 1))
    assert await bench.recover() == 1
    assert bench.table.row("b") is not None


async def test_a_table_beyond_the_end_of_the_log_is_folded_anew(bench: Bench) -> None:
    """The topic was made anew, shorter."""
    await bench.fill(*events("a", 9))
    await bench.recover()
    await bench.topics.delete(bench.topic)
    await bench.topics.create(bench.topic)
    await bench.fill(*events("b", 2))
    assert await bench.recover() == 2
    assert "folded anew, as it stands at 9, beyond the end 2" in bench.said
    assert bench.table.row("a") is None
    assert bench.table.row("b") is not None


@pytest.mark.parametrize("count", [4, 9])
async def test_a_table_of_another_log_is_folded_anew(bench: Bench, count: int) -> None:
    """The topic was made anew, as long as before or longer, with other content."""
    await bench.fill(*events("a", 4))
    await bench.recover()
    await bench.topics.delete(bench.topic)
    await bench.topics.create(bench.topic)
    await bench.fill(*[structs.replace(each) for each in renamed(events("b", count))])
    assert await bench.recover() == count
    assert "folded anew, as its last event is not the one that the log has there" in bench.said
    assert bench.table.row("a") is None
    row = bench.table.row("b")
    assert row is not None
    assert row.version == count


def renamed(log: list[Appended]) -> list[Appended]:
    """The same events with other ids."""
    return [structs.replace(each, value=each.value.replace(b'"id":"', b'"id":"x')) for each in log]


async def test_a_log_that_loses_records_while_it_is_read_is_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery ends with an error instead of a table with a hole; the next one is whole."""
    bench.limits = replace(LIMITS, records_per_read_max=3)
    await bench.fill(*events("a", 3), *events("b", 9), *events("c", 2))
    fetch = bench.reader.getmany
    reads = 0

    async def getmany(*places: object, **limits: int) -> object:
        nonlocal reads
        reads += 1
        if reads == 2:
            await bench.topics.truncate(bench.topic, 12)
            bench.reader.seek(places[0], 3)
        return await fetch(*places, **limits)

    monkeypatch.setattr(bench.reader, "getmany", getmany)
    with pytest.raises(RecoveryError, match="lost its records from 3 on"):
        await bench.recover()
    assert await bench.recover() == 2
    assert [key for key in "abc" if bench.table.row(key) is not None] == ["c"]


async def test_a_compacted_log_is_folded_as_far_as_it_goes(bench: Bench) -> None:
    """Nobody should compact an event log; if somebody did, the worker starts and says so."""
    topic = unique("compacted")
    await bench.topics.create(
        topic, settings={"cleanup.policy": "compact", "segment.ms": "100", **AT_ONCE}
    )
    log = [*events("a", 5), *events("b", 3)]
    await bench.topics.fill(topic, log)
    written = len(log)
    async with asyncio.timeout(COMPACTION_SECONDS_MAX):
        while len(await bench.topics.offsets(topic)) == written:
            # A segment that is written to is not compacted.
            await asyncio.sleep(1)
            await bench.topics.fill(topic, [events("c", 1)[0]])
            written += 1
    bench.topic = topic
    folded = await bench.recover()
    assert folded < written
    missing = bench.counters.snapshot()["events_missing"]
    assert missing == written - folded
    assert f"; {missing} records are gone: the log was compacted" in bench.said
    assert bench.table.position.next_offset == written
    assert await bench.recover() == 0
