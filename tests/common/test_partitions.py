"""Partitions come and go: what was taken is finished and committed, and nothing is skipped."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from services.common.command_loop import Limits, Pipeline
from services.common.event_table import EventTable
from services.common.lease import Lease
from services.common.log import Ack, Appender
from services.common.partitions import PartitionLimits, Partitions
from services.common.telemetry import EXIT_LOOP_FAILED, Counters
from tests.common import tally
from tests.common.deaths import Deaths, DiedError
from tests.common.memory_log import LogRecord, MemoryLog, MemoryProducer
from tests.common.tally import Add, Tally
from tests.common.test_command_loop import put

INPUT = "tally.commands"
MORE = "tally.more"
LANGUAGE = tally.language()
PLACE = TopicPartition(INPUT, 0)


class Consumer:
    """A member of a group, as far as Partitions sees it; what the client does, a test can do."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.kept: dict[TopicPartition, int] = {}
        self.positions: dict[TopicPartition, int] = {}
        self.begin = 0
        self.is_rebalancing = False
        self.commit_error: Exception | None = None
        self.commits_hang = False
        self.hold: asyncio.Event | None = None

    async def getmany(
        self, *places: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[LogRecord]]:
        """Records of these places; while the group rebalances, nothing, without end."""
        while self.is_rebalancing:
            await asyncio.sleep(0.001)
        found: dict[TopicPartition, list[LogRecord]] = {}
        for place in places:
            start = self.positions[place]
            records = self.log.read(place.topic, place.partition, start)[:max_records]
            if records:
                max_records -= len(records)
                found[place] = records
                self.positions[place] = records[-1].offset + 1
        if not found:
            await asyncio.sleep(0.001)
        if self.hold is not None:
            await self.hold.wait()
        return found

    def seek(self, place: TopicPartition, offset: int) -> None:
        """The next record that is read."""
        self.positions[place] = offset

    async def committed(self, place: TopicPartition) -> int | None:
        """What the group keeps."""
        await asyncio.sleep(0)
        return self.kept.get(place)

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The first record that is left."""
        return dict.fromkeys(places, self.begin)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The next record that will come."""
        return {place: len(self.log.read(place.topic, place.partition)) for place in places}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Has the group keep these."""
        if self.commits_hang:
            await asyncio.sleep(60)
        if self.commit_error is not None:
            raise self.commit_error
        self.kept |= offsets


class Member:
    """A worker's partitions on a log in memory."""

    def __init__(
        self, directory: Path, topics: tuple[str, ...] = (INPUT,), outage_seconds_max: float = 5.0
    ) -> None:
        self._topics = topics
        self.log = MemoryLog()
        self.consumer = Consumer(self.log)
        self.producer: MemoryProducer = MemoryProducer(self.log)
        self.tables = EventTable[Tally](directory, tally.decider())
        self.pipelines: list[Pipeline[Tally]] = []
        self.closed: list[int] = []
        self.opening: Callable[[], Any] | None = None
        self.lease = Lease(5.0, 5.0)
        self.limits = Limits(append_seconds_max=5.0, steps_in_flight_max=1)
        self.partitions = Partitions(
            self.consumer,
            topics,
            self._open,
            self._close,
            self.lease,
            PartitionLimits(
                commit_seconds=0.01,
                drain_seconds_max=0.5,
                records_per_batch_max=2,
                outage_seconds_max=outage_seconds_max,
            ),
        )

    async def _open(self, number: int) -> Pipeline[Tally]:
        table = self.tables.open(number)
        tail = self.log.events(LANGUAGE, number, table.position.next_offset)
        if tail:
            table.apply(tail)
        if self.opening is not None:
            await self.opening()
        pipeline: Pipeline[Tally] = Pipeline(
            number,
            1,
            table,
            LANGUAGE,
            tally.decider(),
            Appender("tally", self.producer),
            lambda *_: None,
            Counters(),
            self.limits,
        )
        self.pipelines.append(pipeline)
        return pipeline

    def _close(self, number: int) -> None:
        self.tables.close(number)
        self.closed.append(number)

    async def assign(self, *numbers: int) -> None:
        """The group has given these partitions."""
        await self.partitions.on_partitions_assigned(
            [TopicPartition(topic, number) for topic in self._topics for number in numbers]
        )

    async def revoke(self) -> None:
        """The group takes all partitions, as the client tells it."""
        await self.partitions.on_partitions_revoked([])

    def total(self, key: str = "a") -> int | None:
        """The total that the open table has."""
        row = self.tables[0].row(key)
        return None if row is None else row.state.total

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits, though not for ever."""
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)

    async def until_open(self) -> None:
        """Waits for the partitions that were assigned."""
        await self.until(lambda: self.partitions.is_ready)


@asynccontextmanager
async def member(
    directory: Path, topics: tuple[str, ...] = (INPUT,), outage_seconds_max: float = 5.0
) -> AsyncIterator[Member]:
    """A member whose loop runs."""
    made = Member(directory, topics, outage_seconds_max)
    made.lease.watch()
    running = asyncio.create_task(made.partitions.run())
    try:
        yield made
    finally:
        running.cancel()
        made.lease.close()
        with suppress(asyncio.CancelledError, DiedError):
            await running
        for pipeline in made.pipelines:
            with suppress(DiedError):
                await pipeline.stop()
        made.tables.close(0)


async def test_commands_of_an_assigned_partition_are_decided_and_committed(tmp_path: Path) -> None:
    """From the start where nothing was committed."""
    async with member(tmp_path) as m:
        for _ in range(5):
            put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 5)
        assert m.total() == 5


async def test_a_member_is_ready_when_all_its_partitions_are_open(tmp_path: Path) -> None:
    """Not before the group has spoken; then also with none."""
    async with member(tmp_path) as m:
        gate = asyncio.Event()
        m.opening = gate.wait
        assert not m.partitions.is_ready
        await m.assign()
        assert m.partitions.is_ready
        await m.revoke()
        await m.assign(0)
        await asyncio.sleep(0.01)
        assert not m.partitions.is_ready
        assert (m.partitions.assigned, m.partitions.open_partitions) == ({0}, frozenset())
        gate.set()
        await m.until_open()
        assert m.partitions.open_partitions == {0}


async def test_an_input_that_is_flooded_holds_up_no_other(tmp_path: Path) -> None:
    """The client gives all of one before anything of the next; here they take turns."""
    async with member(tmp_path, (INPUT, MORE)) as m:
        for _ in range(60):
            put(m.log, Add("flooding", 1))
        for _ in range(6):
            put(m.log, Add("calm", 1), topic=MORE)
        await m.assign(0)
        await m.until_open()
        await m.until(lambda: m.total("flooding") == 60)
        keys = [each.event.tally_id for each in m.log.events(LANGUAGE)]
        assert max(n for n, key in enumerate(keys) if key == "calm") < 15


class SilentProducer(MemoryProducer):
    """Has no room for a record while the log is silent."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.is_asked = asyncio.Event()
        self.has_room = asyncio.Event()

    async def send(self, *args: Any, **named: Any) -> Ack:
        """Waits for room."""
        self.is_asked.set()
        await self.has_room.wait()
        return await super().send(*args, **named)


@pytest.mark.parametrize(("outage_seconds_max", "is_renewed"), [(60.0, True), (0.0, False)])
async def test_an_outage_of_the_log_is_no_stall_up_to_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outage_seconds_max: float, is_renewed: bool
) -> None:
    """The worker keeps its table and its partitions, and goes on when the log does."""
    monkeypatch.setattr("services.common.partitions.RENEW_SECONDS", 0.005)
    async with member(tmp_path, outage_seconds_max=outage_seconds_max) as m:
        producer = m.producer = SilentProducer(m.log)
        await m.assign(0)
        await m.until_open()
        put(m.log, Add("a", 1))
        await producer.is_asked.wait()
        before = m.lease._commands._beaten_at
        if is_renewed:
            await m.until(lambda: m.lease._commands._beaten_at > before)
        await asyncio.sleep(0.05)
        assert (m.lease._commands._beaten_at > before) == is_renewed
        producer.has_room.set()
        await m.until(lambda: m.total() == 1)


async def test_revoking_finishes_and_commits_what_was_taken(tmp_path: Path) -> None:
    """Then the table is let go; the next owner begins where this one has ended."""
    async with member(tmp_path) as m:
        m.producer.is_prompt = False
        await m.assign(0)
        await m.until_open()
        put(m.log, Add("a", 1))
        await m.until(lambda: len(m.producer.waiting) == 1)
        revoking = asyncio.create_task(m.revoke())
        await asyncio.sleep(0.05)
        assert (revoking.done(), m.closed) == (False, [])
        m.producer.acknowledge()
        await asyncio.wait_for(revoking, 5)
        assert (m.consumer.kept, m.closed) == ({PLACE: 1}, [0])
        assert m.partitions.open_partitions == frozenset()
        await m.assign(0)
        await m.until_open()
        assert (m.total(), m.consumer.positions[PLACE]) == (1, 1)


async def test_revoking_ends_also_while_the_loop_waits_for_a_full_pipeline(tmp_path: Path) -> None:
    """The loop holds what the hand-over needs until the log has made room."""
    async with member(tmp_path, (INPUT, MORE)) as m:
        m.producer.is_prompt = False
        await m.assign(0)
        await m.until_open()
        for _ in range(2):  # a record of each input: two steps of one read
            for topic in (INPUT, MORE):
                put(m.log, Add("a", 1), topic=topic)
            await m.until(lambda: m.pipelines[0].is_full)
        m.producer.acknowledge(1)
        await m.until(lambda: m.partitions._taking.locked())
        revoking = asyncio.create_task(m.revoke())
        await asyncio.sleep(0.05)
        assert not revoking.done()
        m.producer.is_prompt = True
        m.producer.acknowledge()
        await asyncio.wait_for(revoking, 5)
        assert len(m.log.read("tally.events")) == sum(m.consumer.kept.values())


async def test_a_partition_that_can_not_be_drained_ends_the_process(
    tmp_path: Path, deaths: Deaths
) -> None:
    """Another owner must not begin while events are on their way."""
    async with member(tmp_path) as m:
        m.producer.is_prompt = False
        await m.assign(0)
        await m.until_open()
        put(m.log, Add("a", 1))
        await m.until(lambda: len(m.producer.waiting) == 1)
        with pytest.raises(DiedError):
            await m.revoke()
        assert deaths.codes == [EXIT_LOOP_FAILED]
        assert m.consumer.kept.get(PLACE, 0) == 0


async def test_a_partition_that_is_revoked_while_it_opens_is_closed(tmp_path: Path) -> None:
    """It never opens, and can be opened again."""
    async with member(tmp_path) as m:
        put(m.log, Add("a", 1))
        m.opening = asyncio.Event().wait
        await m.assign(0)
        await asyncio.sleep(0.01)
        await asyncio.wait_for(m.revoke(), 5)
        assert (m.closed, m.partitions.open_partitions) == ([0], frozenset())
        m.opening = None
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)


async def test_no_pipeline_is_left_running_of_a_partition_that_did_not_open(
    tmp_path: Path,
) -> None:
    """Revoked between the table and the first offset."""
    async with member(tmp_path) as m:
        gate = asyncio.Event()
        asked = m.consumer.committed

        async def slow(place: TopicPartition) -> int | None:
            await gate.wait()
            return await asked(place)

        m.consumer.committed = slow  # type: ignore[method-assign]
        await m.assign(0)
        await m.until(lambda: bool(m.pipelines))
        await asyncio.sleep(0.01)
        await asyncio.wait_for(m.revoke(), 5)
        assert m.pipelines[0]._applying.done()
        assert m.closed == [0]


async def test_records_read_under_an_earlier_assignment_are_read_again(tmp_path: Path) -> None:
    """A read that was on its way while the partition went and came back skips nothing."""
    async with member(tmp_path) as m:
        await m.assign(0)
        await m.until_open()
        m.consumer.hold = asyncio.Event()
        for _ in range(4):
            put(m.log, Add("a", 1))
        await m.until(lambda: m.consumer.positions[PLACE] == 2)
        await m.revoke()
        await m.assign(0)
        await m.until_open()
        m.consumer.hold.set()
        await m.until(lambda: m.consumer.kept.get(PLACE) == 4)
        assert m.total() == 4


async def test_the_loop_turns_while_the_group_rebalances(tmp_path: Path) -> None:
    """The client's call may hang until the next assignment; the loop does not hang with it."""
    async with member(tmp_path) as m:
        await m.assign(0)
        await m.until_open()
        m.consumer.is_rebalancing = True
        idle = 0.0
        for _ in range(150):
            await asyncio.sleep(0.01)
            idle = max(idle, m.lease.idle_seconds)
        assert idle < 1.3
        revoking = asyncio.create_task(m.revoke())
        await asyncio.wait_for(revoking, 5)
        m.consumer.is_rebalancing = False
        put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)


async def test_nothing_is_read_once_the_group_takes_the_partitions(tmp_path: Path) -> None:
    """Also not while what was taken is being finished."""
    async with member(tmp_path) as m:
        m.producer.is_prompt = False
        await m.assign(0)
        await m.until_open()
        put(m.log, Add("a", 1))
        await m.until(lambda: len(m.producer.waiting) == 1)
        revoking = asyncio.create_task(m.revoke())
        await asyncio.sleep(0.01)
        for _ in range(4):
            put(m.log, Add("a", 1))
        await asyncio.sleep(0.05)
        assert m.consumer.positions[PLACE] <= 2 + 1
        m.producer.acknowledge()
        await asyncio.wait_for(revoking, 5)
        assert len(m.log.read("tally.events")) == m.consumer.kept[PLACE]


async def test_a_commit_that_failed_is_made_again(tmp_path: Path) -> None:
    """The loop goes on meanwhile."""
    async with member(tmp_path) as m:
        m.consumer.commit_error = CommitFailedError("rebalanced")
        put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until_open()
        await m.until(lambda: m.total() == 1)
        assert m.consumer.kept == {}
        m.consumer.commit_error = None
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)


async def test_a_commit_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client repeats it without end while the broker is away; the hand-over goes on."""
    monkeypatch.setattr("services.common.partitions.COMMIT_SECONDS_MAX", 0.05)
    async with member(tmp_path) as m:
        m.consumer.commits_hang = True
        put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until_open()
        await m.until(lambda: m.total() == 1)
        await asyncio.wait_for(m.revoke(), 5)
        assert m.consumer.kept == {}
        m.consumer.commits_hang = False
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)
        assert len(m.log.read("tally.events")) == 1


@pytest.mark.parametrize(
    ("committed", "begin", "start"),
    [(None, 0, 0), (2, 0, 2), (3, 0, 3), (9, 0, 0), (1, 2, 2), (None, 1, 1)],
)
async def test_a_partition_begins_at_the_committed_offset_where_it_is_there(
    tmp_path: Path, committed: int | None, begin: int, start: int
) -> None:
    """Else at the first record that is left: a topic may be truncated or made anew."""
    async with member(tmp_path) as m:
        for number in range(3):
            put(m.log, Add(f"k{number}", 1))
        m.consumer.begin = begin
        if committed is not None:
            m.consumer.kept[PLACE] = committed
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 3 and m.partitions.is_ready)
        assert len(m.log.read("tally.events")) == 3 - start


@pytest.mark.parametrize("committed", [0, None, 77])
async def test_what_an_event_in_the_log_came_after_is_not_decided_again(
    tmp_path: Path, committed: int | None
) -> None:
    """Though its offset was not committed, or forgotten: a refused command stays refused."""
    async with member(tmp_path) as m:
        for amount in (-1, 5):
            put(m.log, Add("a", amount))
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 2)
        await m.revoke()
        del m.consumer.kept[PLACE]
        if committed is not None:
            m.consumer.kept[PLACE] = committed
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 2)
        assert m.total() == 5
        assert len(m.log.read("tally.rejections")) == 1


async def test_inputs_with_other_partition_numbers_end_the_process(
    tmp_path: Path, deaths: Deaths
) -> None:
    """One table can't be fed from partitions that are apart."""
    made = Member(tmp_path, (INPUT, MORE))
    with pytest.raises(DiedError):
        await made.partitions.on_partitions_assigned([PLACE, TopicPartition(MORE, 1)])
    assert deaths.codes == [EXIT_LOOP_FAILED]


async def test_a_partition_that_can_not_be_opened_ends_the_process(
    tmp_path: Path, deaths: Deaths
) -> None:
    """A worker that owns it and does not serve it would be worse."""

    async def fail() -> None:
        raise OSError("no space left on device")

    async with member(tmp_path) as m:
        m.opening = fail
        await m.assign(0)
        await m.until(lambda: bool(deaths.codes))
        assert deaths.codes == [EXIT_LOOP_FAILED]
        assert "no space left" in deaths.reasons[0]


async def test_a_stopped_member_takes_nothing_more(tmp_path: Path) -> None:
    """Not even what the group gives it while it leaves."""
    async with member(tmp_path) as m:
        put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)
        await m.partitions.stop()
        await m.assign(0)
        await asyncio.sleep(0.02)
        assert m.partitions.open_partitions == frozenset()
        assert m.closed == [0]
