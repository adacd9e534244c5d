"""Recovery: the table becomes the fold of the log, whatever has become of either; and it ends."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from fastapi import FastAPI
from msgspec import structs

from infra.broker import LocalCluster
from services.common import kafka
from services.common.decider import Row
from services.common.event_table import Appended, TablePartition
from services.common.progress import Progress
from services.common.recovery import RecoveryError, RecoveryLimits, recover
from services.common.settings import CommonSettings
from services.common.telemetry import Counters
from services.common.worker import ServiceParts, Worker
from tests.common import tally
from tests.common.kafka_topics import Topics, topics_of, unique
from tests.common.tally import Added, Tally, appended

LANGUAGE = tally.language()
RECOVERY_SECONDS_MAX = 30.0
READY_SECONDS_MAX = 60.0
# Small, so that a few events take many reads and writes.
LIMITS = RecoveryLimits(records_per_read_max=7, events_per_write_max=10, rows_in_memory_max=1)
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
    caplog: pytest.LogCaptureFixture
    limits: RecoveryLimits = LIMITS
    read: list[int] = field(default_factory=list)

    @property
    def said(self) -> str:
        """The one line that the last recovery said about itself at its end."""
        (line,) = [text for text in self.caplog.messages if ": recovered: " in text]
        assert line.startswith(f"{self.topic}/0: recovered: ")
        return line.partition(": recovered: ")[2]

    async def fill(self, *events: Appended) -> None:
        """Appends events to the log."""
        await self.topics.fill(self.topic, list(events))

    async def recover(self) -> int:
        """Recovers within the time there is; returns how many events were folded."""
        self.caplog.clear()
        before = self.counters.snapshot().get("events_recovered", 0)
        progress = Progress(self.topic, 0)
        async with asyncio.timeout(RECOVERY_SECONDS_MAX):
            await recover(self.table, self.reader, progress, LANGUAGE, self.counters, self.limits)
        count = self.counters.snapshot().get("events_recovered", 0) - before
        assert self.said.startswith(f"{count} events from offset {progress.start} to ")
        return count

    def note_what_is_read(self, patch: pytest.MonkeyPatch) -> None:
        """Has the offsets of all records that the reader gives in `read` from now on."""
        fetch = self.reader.getmany

        async def getmany(*places: object, **limits: int) -> object:
            fetched = await fetch(*places, **limits)
            self.read += [record.offset for records in fetched.values() for record in records]
            return fetched

        patch.setattr(self.reader, "getmany", getmany)

    def crash(self) -> None:
        """What lies on disk at this moment is all that the next process finds."""
        left = self.directory.with_name(f"{self.directory.name}-left")
        shutil.copytree(self.directory, left)
        self.table.close()
        self.directory = left
        self.table = TablePartition(left, tally.decider())

    def reopen(self) -> None:
        """As after a restart."""
        self.table.close()
        self.table = TablePartition(self.directory, tally.decider())

    def rows(self, *keys: str) -> dict[str, Row[Tally] | None]:
        """What the table has of these keys."""
        return {key: self.table.row(key) for key in keys}


@pytest.fixture
async def bench(
    broker: LocalCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Bench]:
    """An empty log and an empty table."""
    caplog.set_level("INFO", "tiffin")
    settings = CommonSettings(bootstrap=broker.bootstrap)
    reader = kafka.log_reader(settings)
    await reader.start()
    async with topics_of(settings) as topics:
        topic = unique("tally.events")
        await topics.create(topic)
        table = TablePartition(tmp_path / "table", tally.decider())
        made = Bench(topic, topics, reader, table, tmp_path / "table", Counters(), caplog)
        yield made
        made.table.close()
    await reader.stop()


def events(key: str, count: int, first: int = 1) -> list[Appended]:
    """The events of one tally, from a version on."""
    return [appended(first + n, Added(key, n + 1), first + n) for n in range(count)]


def placed(each: list[Appended]) -> list[Appended]:
    """The events as they lie in a log that has nothing else."""
    return [structs.replace(event, offset=offset) for offset, event in enumerate(each)]


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


@pytest.mark.parametrize("is_clean", [True, False])
async def test_after_a_stop_only_the_tail_of_the_log_is_read(
    bench: Bench, is_clean: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clean or not; beside it only the table's last event, to see that the log is the same."""
    log = placed(events("a", 33))
    await bench.fill(*log[:20])
    await bench.recover()
    bench.table.apply(log[20:23])  # as the command loop does
    await bench.fill(*log[20:])
    bench.note_what_is_read(monkeypatch)
    if is_clean:
        bench.reopen()
    else:
        bench.crash()
    assert await bench.recover() == 10
    assert bench.read == [22, *range(23, 33)]
    assert bench.rows("a") == tally.folded(log)
    assert await bench.recover() == 0
    assert bench.said.startswith("0 events from offset 33 to 33 in ")


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
    assert bench.said.endswith("; 3 records were unreadable")
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
    assert bench.said.endswith("; 2 events lost")


async def test_a_cancelled_recovery_can_be_begun_again(bench: Bench) -> None:
    """A partition may be revoked in the midst of it, at any moment."""
    bench.limits = replace(LIMITS, records_per_read_max=3)
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


async def test_progress_tells_how_far_it_is_and_how_long_it_takes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it runs: to whoever asks, and in a line at each interval."""
    bench.limits = replace(LIMITS, records_per_read_max=10, told_seconds=0.0)
    await bench.fill(*events("a", 40))
    progress = Progress(bench.topic, 0)
    fetch = bench.reader.getmany
    seen: list[tuple[int, float | None]] = []

    async def getmany(*places: object, **limits: int) -> object:
        seen.append((progress.facts()["folded"], progress.eta_seconds))
        return await fetch(*places, **limits)

    monkeypatch.setattr(bench.reader, "getmany", getmany)
    await recover(bench.table, bench.reader, progress, LANGUAGE, bench.counters, bench.limits)
    assert [folded for folded, _ in seen] == sorted(folded for folded, _ in seen)
    assert seen[0] == (0, None)
    assert all(eta is not None and eta > 0 for _, eta in seen[1:])
    assert progress.facts()["folded"] == 40
    assert progress.facts()["eta_seconds"] == 0
    lines = [text for text in bench.caplog.messages if ": folding, " in text]
    assert "10 of 40 events" in lines[0]
    assert lines[0].endswith(" s to go")
    assert "40 of 40 events" in lines[-1]


async def test_a_log_that_gives_nothing_ends_the_recovery(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the named silence, with an error that says where."""
    bench.limits = replace(LIMITS, silence_seconds_max=0.2)
    await bench.fill(*events("a", 3))

    async def nothing(*places: object, **limits: int) -> object:
        await asyncio.sleep(0.01)
        return {}

    monkeypatch.setattr(bench.reader, "getmany", nothing)
    with pytest.raises(RecoveryError, match="gave nothing at 0, before 3"):
        await bench.recover()


async def test_a_worker_is_not_ready_and_says_how_far_it_is_until_its_tables_are_folded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In what both health endpoints answer with; one partition after another has its turn."""
    owner = bench.topic.replace("tally.events", "tally")
    language = tally.language(owner)
    for kind in ("commands", "events"):
        await bench.topics.create(f"{owner}.{kind}", partitions=2)
    for partition in range(2):
        await bench.topics.fill(f"{owner}.events", events(f"k{partition}", 8), partition)
    settings = replace(
        bench.topics.settings, data_dir=tmp_path, worker=owner, recovery_records_per_read_max=2
    )
    parts = ServiceParts(language=language, decider=tally.decider(), create_api=lambda _: FastAPI())
    worker = Worker(settings, parts)
    goes_on = asyncio.Event()
    create = kafka.log_reader

    def create_slow(settings: CommonSettings) -> AIOKafkaConsumer:
        reader = create(settings)
        fetch, reads = reader.getmany, 0

        async def getmany(*places: object, **limits: int) -> object:
            nonlocal reads
            reads += 1
            if reads == 3:
                await goes_on.wait()
            return await fetch(*places, **limits)

        reader.getmany = getmany
        return reader

    monkeypatch.setattr(kafka, "log_reader", create_slow)
    try:
        async with asyncio.timeout(READY_SECONDS_MAX):
            await worker.run()
            while sorted(each["folded"] for each in worker.live()["recovering"]) != [0, 4]:
                await asyncio.sleep(0.02)
            facts = worker.ready()
            assert not facts["ready"]
            assert (facts["assigned"], facts["open"]) == ([0, 1], [])
            told = [(each["partition"], each["folded"]) for each in facts["recovering"]]
            live = worker.live()["recovering"]
            assert told == [(each["partition"], each["folded"]) for each in live]
            waiting, busy = sorted(facts["recovering"], key=lambda each: each["folded"])
            assert (waiting["to_fold"], waiting["eta_seconds"]) == (8, None)
            assert busy["to_fold"] == 8
            assert busy["eta_seconds"] is not None  # on a quick machine it rounds to 0
            goes_on.set()
            while not worker.ready()["ready"]:
                await asyncio.sleep(0.02)
        assert worker.ready()["recovering"] == []
        assert [worker.table[n].row(f"k{n}") is not None for n in range(2)] == [True, True]
    finally:
        await worker.stop()
