"""The command topics' consumer: opens, feeds, commits and closes a pipeline per owned partition."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from services.common.command_loop import Pipeline
from services.common.lease import Lease
from services.common.log import Record
from services.common.telemetry import EXIT_LOOP_FAILED, die, log
from services.common.turns import Turns

IDLE_SECONDS = 0.01
RENEW_SECONDS = 1.0
POLL_MILLISECONDS = 200
# The client's own calls wait without end: for the group's next assignment, for a broker.
FETCH_SECONDS_MAX = 1.0
COMMIT_SECONDS_MAX = 5.0

Open = Callable[[int], Awaitable[Pipeline[Any]]]
Close = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLimits:
    """How often offsets are committed, and the bounds of a batch and of a hand-over.

    outage_seconds_max: how long the log may keep a batch waiting before the loop counts as stalled.
    """

    commit_seconds: float
    drain_seconds_max: float
    records_per_batch_max: int
    outage_seconds_max: float


class Partitions(ConsumerRebalanceListener):  # type: ignore[misc]
    """The partitions that the group has assigned to this worker.

    Args:
        topics: the inputs; equal partition numbers of all belong to one pipeline.
        open_: makes the pipeline of a partition once its table is folded; awaited beside the loop.
        close: lets go of what `open_` opened.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        topics: Sequence[str],
        open_: Open,
        close: Close,
        lease: Lease,
        limits: PartitionLimits,
    ) -> None:
        self._consumer = consumer
        self._topics = topics
        self._open = open_
        self._close = close
        self._lease = lease
        self._limits = limits
        self._assigned: frozenset[int] | None = None
        self._pipelines: dict[int, Pipeline[Any]] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._generation = 0
        self._taking = asyncio.Lock()
        self._committed: dict[TopicPartition, int] = {}
        self._turns = Turns[TopicPartition]()
        self._is_taking = False
        self._is_stopping = False

    @property
    def is_ready(self) -> bool:
        """True when the group has given its assignment and every table in it is folded."""
        return self._assigned is not None and self._assigned <= self._pipelines.keys()

    @property
    def open_partitions(self) -> frozenset[int]:
        """The partitions that this worker owns and can answer for."""
        return frozenset(self._pipelines)

    @property
    def assigned(self) -> frozenset[int]:
        """The partitions that this worker owns."""
        return self._assigned or frozenset()

    @property
    def is_held(self) -> bool:
        """True while the log is so slow with what was taken that no more is."""
        return self._is_taking or any(each.is_full for each in self._pipelines.values())

    @property
    def opening(self) -> tuple[int, frozenset[int]] | None:
        """What changes while partitions are on their way to this worker; None when all are open."""
        return None if self.is_ready else (self._generation, self.open_partitions)

    def positions(self) -> Mapping[TopicPartition, int]:
        """The next record that is taken from each input of the open partitions."""
        return {
            TopicPartition(topic, number): pipeline.next_offset(topic)
            for number, pipeline in self._pipelines.items()
            for topic in self._topics
        }

    async def run(self) -> None:
        """Feeds the pipelines, for ever."""
        committed_at = asyncio.get_running_loop().time()
        while True:
            self._lease.renew()
            generation = self._generation
            places = [
                TopicPartition(topic, number)
                for number, pipeline in self._pipelines.items()
                if number in self.assigned and not pipeline.is_full
                for topic in self._topics
            ]
            if places:
                await self._feed(places, generation)
            else:
                await asyncio.sleep(IDLE_SECONDS)
            now = asyncio.get_running_loop().time()
            if now - committed_at >= self._limits.commit_seconds:
                committed_at = now
                async with self._taking:
                    await self._commit(self._pipelines)

    async def _feed(self, places: Sequence[TopicPartition], generation: int) -> None:
        turn, is_first = self._turns.next(places)
        try:
            async with asyncio.timeout(FETCH_SECONDS_MAX):
                fetched = await self._consumer.getmany(
                    *turn,
                    timeout_ms=POLL_MILLISECONDS if is_first else 0,
                    max_records=self._limits.records_per_batch_max,
                )
        except (IllegalStateError, TimeoutError):
            return  # a partition went to another worker while the call was on its way
        self._turns.end(fetched)
        self._lease.renew()
        async with self._taking:
            for place, records in fetched.items():
                pipeline = self._pipelines.get(place.partition)
                if pipeline is None:
                    continue
                if generation != self._generation:
                    # Read under an earlier assignment: read again from where the pipeline stands.
                    self._consumer.seek(place, pipeline.next_offset(place.topic))
                    continue
                await self._take(pipeline, place.topic, _as_records(records))

    async def _take(self, pipeline: Pipeline[Any], topic: str, records: Sequence[Record]) -> None:
        """Hands a batch over; a log that takes its time is an outage of Kafka and no stall."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._limits.outage_seconds_max
        renewing: asyncio.TimerHandle

        def renew() -> None:
            nonlocal renewing
            renewing = loop.call_later(RENEW_SECONDS, renew)
            if loop.time() < until:
                self._lease.renew()

        renewing = loop.call_later(RENEW_SECONDS, renew)
        self._is_taking = True
        try:
            await pipeline.take(topic, records)
        finally:
            self._is_taking = False
            renewing.cancel()
        self._lease.renew()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finishes and commits what was taken, then lets the partitions go."""
        self._generation += 1
        self._assigned = None
        async with self._taking:
            self._lease.renew(self._limits.drain_seconds_max + COMMIT_SECONDS_MAX)
            opening = list(self._opening.values())
            self._opening.clear()
            for task in opening:
                task.cancel()
            await asyncio.gather(*opening, return_exceptions=True)
            for number, pipeline in self._pipelines.items():
                if not await pipeline.drain(self._limits.drain_seconds_max):
                    die(EXIT_LOOP_FAILED, f"partition {number} did not drain before it was revoked")
            await self._commit(self._pipelines)
            for number, pipeline in list(self._pipelines.items()):
                await pipeline.stop()
                del self._pipelines[number]
                self._close(number)
            self._committed.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begins to open what the group has given; the loop goes on meanwhile."""
        by_topic = {topic: set[int]() for topic in self._topics}
        for place in assigned:
            by_topic[place.topic].add(place.partition)
        numbers = by_topic[self._topics[0]]
        if self._is_stopping:
            return
        if any(numbers != others for others in by_topic.values()):
            die(EXIT_LOOP_FAILED, f"the inputs are not co-partitioned: {by_topic}")
        log.info("partitions %s assigned", sorted(numbers))
        self._assigned = frozenset(numbers)
        for number in numbers:
            self._opening[number] = asyncio.create_task(self._open_one(number))

    async def stop(self) -> None:
        """Finishes and commits what was taken, and takes no more."""
        self._is_stopping = True
        await self.on_partitions_revoked(())

    async def _open_one(self, number: int) -> None:
        pipeline: Pipeline[Any] | None = None
        try:
            pipeline = await self._open(number)
            for topic in self._topics:
                place = TopicPartition(topic, number)
                start = await self._start(place, pipeline.settled(topic))
                self._consumer.seek(place, start)
                pipeline.start_at(topic, start)
            self._pipelines[number] = pipeline
            log.info("partition %d open", number)
        except asyncio.CancelledError:
            if pipeline is not None:
                await pipeline.stop()
            self._close(number)
            raise
        except Exception as error:
            log.exception("partition %d can't be opened", number)
            die(EXIT_LOOP_FAILED, f"partition {number} can't be opened: {error!r}")

    async def _start(self, place: TopicPartition, settled: int) -> int:
        """Where to go on: behind what was committed or what the events say is settled.

        Args:
            settled: what the events say; further than what was committed, where a crash came
                between the two.
        """
        begin = (await self._consumer.beginning_offsets([place]))[place]
        end = (await self._consumer.end_offsets([place]))[place]
        committed = await self._consumer.committed(place)
        if committed is not None and not begin <= committed <= end:
            log.error(
                "%s/%d: the committed offset %d is not in the topic (%d to %d)",
                *place,
                committed,
                begin,
                end,
            )
            committed = None
        known = [offset for offset in (committed, settled) if offset is not None]
        return int(max(begin, *(offset for offset in known if offset <= end)))

    async def _commit(self, pipelines: dict[int, Pipeline[Any]]) -> None:
        offsets = {
            TopicPartition(topic, number): offset
            for number, pipeline in pipelines.items()
            for topic, offset in pipeline.committable().items()
        }
        changed = {
            place: offset
            for place, offset in offsets.items()
            if self._committed.get(place) != offset
        }
        if not changed:
            return
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                await self._consumer.commit(changed)
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            log.warning("offsets not committed, will be again: %r", error)
            return
        self._committed |= changed


def _as_records(records: Sequence[Any]) -> Sequence[Record]:
    return records
