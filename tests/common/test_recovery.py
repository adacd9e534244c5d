"""Recovery: the table becomes the fold of the log, whatever has become of either; and it ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from infra.broker import LocalCluster
from services.common import kafka, recovery
from services.common.decider import Row
from services.common.event_table import Appended, TablePartition
from services.common.recovery import Progress, RecoveryError, recover
from services.common.settings import CommonSettings
from services.common.telemetry import Counters
from tests.common import tally
from tests.common.kafka_topics import Topics, topics_of, unique
from tests.common.tally import Added, Tally, appended

LANGUAGE = tally.language()
RECOVERY_SECONDS_MAX = 10.0
COMPACTION_SECONDS_MAX = 90.0
AT_ONCE = {
    "min.cleanable.dirty.ratio": "0.0",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "100",
}


@dataclass(slots=True)
class Bench:
    """An event log on a real broker, and a table that may have been folded from it."""

    topic: str
    topics: Topics
    reader: AIOKafkaConsumer
    table: TablePartition[Tally]
    directory: Path
    counters: Counters

    async def fill(self, *events: Appended) -> None:
        """Appends events to the log."""
        await self.topics.fill(self.topic, list(events))

    async def recover(self) -> int:
        """Recovers within the time there is; returns how many events were folded."""
        before = self.counters.snapshot().get("events_recovered", 0)
        async with asyncio.timeout(RECOVERY_SECONDS_MAX):
            await recover(self.table, self.reader, Progress(self.topic, 0), LANGUAGE, self.counters)
        return self.counters.snapshot().get("events_recovered", 0) - before

    def reopen(self) -> None:
        """As after a restart."""
        self.table.close()
        self.table = TablePartition(self.directory, tally.decider())

    def rows(self, *keys: str) -> dict[str, Row[Tally] | None]:
        """What the table has of these keys."""
        return {key: self.table.row(key) for key in keys}


@pytest.fixture
async def bench(broker: LocalCluster, tmp_path: Path) -> AsyncIterator[Bench]:
    """An empty log and an empty table."""
    settings = CommonSettings(bootstrap=broker.bootstrap)
    reader = kafka.log_reader(settings)
    await reader.start()
    async with topics_of(settings) as topics:
        topic = unique("tally.events")
        await topics.create(topic)
        table = TablePartition(tmp_path / "table", tally.decider())
        made = Bench(topic, topics, reader, table, tmp_path / "table", Counters())
        yield made
        made.table.close()
    await reader.stop()


def events(key: str, count: int, first: int = 1) -> list[Appended]:
    """The events of one tally, from a version on."""
    return [appended(first + n, Added(key, n + 1), first + n) for n in range(count)]


def placed(each: list[Appended]) -> list[Appended]:
    """The events as they lie in a log that has nothing else."""
    return [replace(event, offset=offset) for offset, event in enumerate(each)]


async def test_an_empty_log_gives_an_empty_table(bench: Bench) -> None:
    """At once."""
    assert await bench.recover() == 0
    assert bench.table.position.next_offset == 0


async def test_a_table_is_folded_from_scratch(bench: Bench) -> None:
    """In as many reads as it takes."""
    log = placed([*events("a", 30), *events("b", 20)])
    await bench.fill(*log)
    assert await bench.recover() == 50
    assert bench.rows("a", "b") == tally.folded(log)
    assert bench.table.position.next_offset == 50


async def test_a_table_that_was_kept_folds_the_tail_only(bench: Bench) -> None:
    """And nothing where there is none."""
    log = placed(events("a", 30))
    await bench.fill(*log[:20])
    await bench.recover()
    bench.reopen()
    assert await bench.recover() == 0
    await bench.fill(*log[20:])
    bench.reopen()
    assert await bench.recover() == 10
    assert bench.rows("a") == tally.folded(log)


async def test_a_reader_serves_one_partition_after_another(bench: Bench, tmp_path: Path) -> None:
    """What it has read of one is not taken for the other's."""
    other = unique("tally.events")
    await bench.topics.create(other)
    await bench.topics.fill(other, events("b", 3))
    await bench.fill(*events("a", 3))
    await bench.recover()
    table = TablePartition(tmp_path / "other", tally.decider())
    await recover(table, bench.reader, Progress(other, 0), LANGUAGE, bench.counters)
    assert table.row("a") is None
    assert table.row("b") is not None
    table.close()


async def test_a_truncated_log_is_folded_from_its_first_record(bench: Bench) -> None:
    """From scratch, an aggregate without its first event is unknown, and a later one is known."""
    await bench.fill(*placed([*events("a", 5), *events("b", 5)]))
    await bench.topics.truncate(bench.topic, 5)
    assert await bench.recover() == 5
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
    assert bench.table.row("a") is None
    row = bench.table.row("b")
    assert row is not None
    assert row.version == 2


async def test_a_table_beyond_the_end_of_the_log_is_folded_anew(bench: Bench) -> None:
    """The topic was made anew, shorter."""
    await bench.fill(*events("a", 9))
    await bench.recover()
    await bench.topics.delete(bench.topic)
    await bench.topics.create(bench.topic)
    await bench.fill(*events("b", 2))
    assert await bench.recover() == 2
    assert bench.table.row("a") is None
    assert bench.table.row("b") is not None


@pytest.mark.parametrize("count", [4, 9])
async def test_a_table_of_another_log_is_folded_anew(bench: Bench, count: int) -> None:
    """The topic was made anew, as long as before or longer, with other content."""
    await bench.fill(*events("a", 4))
    await bench.recover()
    await bench.topics.delete(bench.topic)
    await bench.topics.create(bench.topic)
    await bench.fill(*[replace(each) for each in renamed(events("b", count))])
    assert await bench.recover() == count
    assert bench.table.row("a") is None
    row = bench.table.row("b")
    assert row is not None
    assert row.version == count


def renamed(log: list[Appended]) -> list[Appended]:
    """The same events with other ids."""
    return [replace(each, value=each.value.replace(b'"id":"', b'"id":"x')) for each in log]


async def test_bad_records_in_the_log_are_passed_over_and_counted(bench: Bench) -> None:
    """Wherever they are; at the end, the table still comes to its end, again and again."""
    log = events("a", 4)
    await bench.topics.append(bench.topic, b"not json")
    await bench.fill(*log[:2])
    await bench.topics.append(bench.topic, b'{"type":"Unheard"}')
    await bench.fill(*log[2:])
    await bench.topics.append(bench.topic, b"\xff")
    await bench.recover()
    assert bench.table.position.next_offset == 7
    row = bench.table.row("a")
    assert row is not None
    assert row.version == 4
    assert bench.counters.snapshot()["events_unreadable"] == 3
    bench.reopen()
    assert await bench.recover() == 0
    await bench.fill(*events("a", 1, first=5))
    assert await bench.recover() == 1


async def test_losers_are_counted(bench: Bench) -> None:
    """Two writers were at work; the first event of a version has won."""
    await bench.fill(*events("a", 2), *events("a", 3))
    await bench.recover()
    row = bench.table.row("a")
    assert row is not None
    assert row.version == 3
    assert bench.counters.snapshot()["events_lost"] == 2


async def test_a_cancelled_recovery_can_be_begun_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition may be revoked in the midst of it, at any moment."""
    monkeypatch.setattr(recovery, "RECORDS_PER_READ_MAX", 3)
    log = placed(events("a", 40))
    await bench.fill(*log)
    for turns in range(0, 60, 7):
        task = asyncio.create_task(bench.recover())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        position = bench.table.position.next_offset
        assert bench.rows("a") == {"a": tally.folded(log[:position]).get("a")}
    await bench.recover()
    assert bench.rows("a") == tally.folded(log)


async def test_a_log_that_loses_records_while_it_is_read_is_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery ends with an error instead of a table with a hole; the next one is whole."""
    monkeypatch.setattr(recovery, "RECORDS_PER_READ_MAX", 3)
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
    assert bench.counters.snapshot()["events_missing"] == written - folded
    assert bench.table.position.next_offset == written
    assert await bench.recover() == 0


async def test_progress_tells_how_far_it_is_and_how_long_it_takes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it runs, and to whoever asks."""
    monkeypatch.setattr(recovery, "RECORDS_PER_READ_MAX", 10)
    await bench.fill(*events("a", 40))
    progress = Progress(bench.topic, 0)
    fetch = bench.reader.getmany
    seen: list[tuple[int, float | None]] = []

    async def getmany(*places: object, **limits: int) -> object:
        seen.append((progress.facts()["folded"], progress.eta_seconds))
        return await fetch(*places, **limits)

    monkeypatch.setattr(bench.reader, "getmany", getmany)
    await recover(bench.table, bench.reader, progress, LANGUAGE, bench.counters)
    assert [folded for folded, _ in seen] == sorted(folded for folded, _ in seen)
    assert seen[0] == (0, None)
    assert all(eta is not None and eta > 0 for _, eta in seen[1:])
    assert progress.facts()["folded"] == 40
    assert progress.facts()["eta_seconds"] == 0


async def test_a_log_that_gives_nothing_ends_the_recovery(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the named silence, with an error that says where."""
    monkeypatch.setattr(recovery, "SILENCE_SECONDS_MAX", 0.2)
    await bench.fill(*events("a", 3))

    async def nothing(*places: object, **limits: int) -> object:
        await asyncio.sleep(0.01)
        return {}

    monkeypatch.setattr(bench.reader, "getmany", nothing)
    with pytest.raises(RecoveryError, match="gave nothing at 0, before 3"):
        await bench.recover()
