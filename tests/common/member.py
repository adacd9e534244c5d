"""A member of a consumer group on a log in memory; what the client does, a test can do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from services.common.command_loop import Limits, Pipeline
from services.common.event_table import EventTable
from services.common.lease import Lease
from services.common.log import Appender
from services.common.partitions import PartitionLimits, Partitions
from services.common.telemetry import Counters
from tests.common import tally
from tests.common.deaths import DiedError
from tests.common.loop_bench import INPUT, LANGUAGE
from tests.common.memory_log import LogRecord, MemoryLog, MemoryProducer
from tests.common.tally import Tally

MORE = "tally.more"
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
