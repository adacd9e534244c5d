"""Recovery: the table becomes the fold of the log, and tells how far it is; and it ends."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from fastapi import FastAPI

from services.common import kafka
from services.common.event_table import TablePartition
from services.common.progress import Progress
from services.common.recovery import RecoveryError, recover
from services.common.settings import CommonSettings
from services.common.worker import ServiceParts, Worker
from tests.common import tally
from tests.common.kafka_topics import unique
from tests.common.recovery_bench import LANGUAGE, LIMITS, Bench, events, placed

READY_SECONDS_MAX = 60.0


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
