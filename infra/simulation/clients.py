"""Kafka clients on the broker in memory, with the manners of aiokafka's (0.14) that matter here.

A producer keeps the order of a partition, retries what was lost and never doubles it. What it has
handed to the network arrives, though its process may have ended meanwhile. A group's consumer
joins, beats and joins again beside the reader, and calls its listener as aiokafka does.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaTimeoutError,
)

from infra.simulation.broker import (
    Broker,
    Draft,
    LogRecord,
    Place,
    RebalancingError,
    UnknownMemberError,
)
from infra.simulation.loop import Process
from services.common.kafka import partition_of
from services.common.log import Ack
from services.common.settings import CommonSettings
from services.common.telemetry import Headers, log

RETRY_SECONDS = 0.4
BACKOFF_SECONDS = 0.1
SUSPENDS_SHARE = 0.15
LATE_SHARE = 0.4
LATE_SECONDS_MAX = 4.0
PAST_ALL = 1 << 62


@dataclass(frozen=True, slots=True)
class _Acknowledged:
    offset: int


@dataclass(slots=True)
class _Request:
    """Records of one partition that travel together; the broker takes a repeat only once."""

    drafts: list[Draft]
    answered: "asyncio.Future[None]"
    offsets: list[int] = field(default_factory=list)


class _Client:
    def __init__(self, broker: Broker, process: Process | None) -> None:
        self.broker = broker
        self.process = process
        self.network = broker.network
        self.random = broker.network.random

    async def start(self) -> None:
        """Connects.

        Raises:
            KafkaConnectionError: the broker is not there.
        """
        await asyncio.sleep(self.network.latency())
        if not self.network.reaches(self.process):
            raise KafkaConnectionError("the broker is not there")


class Producer(_Client):
    """An idempotent producer with one request per partition under way."""

    def __init__(self, broker: Broker, process: Process | None, append_seconds_max: float) -> None:
        super().__init__(broker, process)
        self._append_seconds_max = append_seconds_max
        self._queues: dict[Place, list[tuple[Draft, Ack]]] = {}
        self._senders: dict[Place, asyncio.Task[None]] = {}
        self._failed: set[Place] = set()

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Ack:
        """Takes a record; the future that it answers knows the offset in time."""
        if self.random.random() < SUSPENDS_SHARE:
            await asyncio.sleep(0.003 * self.random.random())
        loop = self.broker.loop
        if partition is None:
            text = (key or b"").decode("utf-8", "replace")
            partition = partition_of(text, self.broker.partitions)
        place = Place(topic, partition)
        draft = Draft(place, key, value, tuple(headers or ()), self.process, loop.now)
        ack: Ack = loop.create_future()
        if place in self._failed:
            ack.set_exception(KafkaTimeoutError("a record before it was lost"))
            return ack
        self._queues.setdefault(place, []).append((draft, ack))
        if place not in self._senders:
            self._senders[place] = loop.create_task(self._send_all(place))
        return ack

    async def stop(self) -> None:
        """Sends what it has taken."""
        while self._senders:
            await asyncio.wait(list(self._senders.values()))

    async def _send_all(self, place: Place) -> None:
        queue = self._queues[place]
        while queue:
            await asyncio.sleep(self.network.latency())
            count = self.random.randint(1, len(queue))
            taken = queue[:count]
            del queue[:count]
            deadline = min(draft.sent_at for draft, _ in taken) + self._append_seconds_max
            request = _Request([draft for draft, _ in taken], self.broker.loop.create_future())
            if await self._deliver(request, deadline):
                for (_, ack), offset in zip(taken, request.offsets, strict=True):
                    if not ack.done():
                        ack.set_result(_Acknowledged(offset))
                continue
            self._failed.add(place)
            for _, ack in taken + queue:
                if not ack.done():
                    ack.set_exception(KafkaTimeoutError("the log did not answer in time"))
            queue.clear()
        del self._senders[place]

    async def _deliver(self, request: _Request, deadline: float) -> bool:
        loop = self.broker.loop
        while True:
            if self.network.reaches(self.process):
                loop.call_outside(self.network.latency(), self._arrive, request)
            await asyncio.wait([request.answered], timeout=RETRY_SECONDS)
            if request.answered.done():
                return True
            if loop.now > deadline:
                return False

    def _arrive(self, request: _Request, is_late: bool = False) -> None:
        loop = self.broker.loop
        is_dead = self.process is not None and not self.process.is_alive
        if is_dead and not is_late and self.random.random() < LATE_SHARE:
            # The network delivers what a dead process has left in it.
            loop.call_outside(LATE_SECONDS_MAX * self.random.random(), self._arrive, request, True)
            return
        if not self.network.reaches(self.process):
            # It lies in a buffer of some machine, or is gone.
            if self.random.random() < 0.5:
                loop.call_outside(0.3, self._arrive, request)
            return
        if self.network.loses():
            return
        if not request.offsets:
            request.offsets = self.broker.append(request.drafts)
        if not self.network.loses():
            loop.call_outside(self.network.latency(), self._answer, request)

    def _answer(self, request: _Request) -> None:
        if self.network.reaches(self.process) and not request.answered.done():
            request.answered.set_result(None)


class _Reader(_Client):
    """Reads partitions from positions."""

    def __init__(self, broker: Broker, process: Process | None) -> None:
        super().__init__(broker, process)
        self._positions: dict[Place, int] = {}

    async def beginning_offsets(self, places: Iterable[Any]) -> dict[Place, int]:
        """The first offset of each that the log still has."""
        await self.network.reach(self.process)
        return {Place(*place): 0 for place in places}

    async def end_offsets(self, places: Iterable[Any]) -> dict[Place, int]:
        """The offset of the next record of each."""
        await self.network.reach(self.process)
        return {Place(*place): len(self.broker.records[Place(*place)]) for place in places}

    async def position(self, place: Any) -> int:
        """The offset that is read next."""
        return self._positions[Place(*place)]

    async def _read(
        self, places: Sequence[Place], timeout: float, records_max: int
    ) -> dict[Place, list[LogRecord]]:
        loop = self.broker.loop
        until = loop.now + timeout
        while True:
            found = self._take(places, records_max) if self.network.reaches(self.process) else {}
            left = until - loop.now
            if found or left <= 0:
                return found
            more: asyncio.Future[None] = loop.create_future()
            if self.network.reaches(self.process):
                self.broker.wait_for_more(places, more)
            timer = loop.call_later(left, _let_go, more)
            await more
            timer.cancel()
            if loop.now < until:
                await asyncio.sleep(min(until - loop.now, self.network.latency()))

    def _first(self, place: Place) -> int:
        return self._positions[place]

    def _take(self, places: Sequence[Place], records_max: int) -> dict[Place, list[LogRecord]]:
        records_of, positions = self.broker.records, self._positions
        places = [
            place for place in places if positions.get(place, PAST_ALL) < len(records_of[place])
        ]
        found: dict[Place, list[LogRecord]] = {}
        if not places:
            return found
        count = self.random.randint(1, records_max)
        first = self.random.randrange(len(places))
        for place in (*places[first:], *places[:first]):
            if count > 0:
                position = self._first(place)
                found[place] = records_of[place][position : position + count]
                positions[place] = position + len(found[place])
                count -= len(found[place])
        return found


class LogReader(_Reader):
    """A consumer outside any group."""

    def assign(self, places: Iterable[Any]) -> None:
        """Reads these, from where it is told."""
        self._positions = {Place(*place): 0 for place in places}

    def seek(self, place: Any, offset: int) -> None:
        """Goes on from this offset."""
        self._positions[Place(*place)] = offset

    async def getmany(
        self, *places: Any, timeout_ms: int = 0, max_records: int = 500
    ) -> dict[Place, list[LogRecord]]:
        """The next records, or none after the time-out."""
        await asyncio.sleep(self.network.latency())
        return await self._read([Place(*place) for place in places], timeout_ms / 1000, max_records)

    async def stop(self) -> None:
        """Closes the connections."""


class GroupConsumer(_Reader):
    """A static member of a group."""

    def __init__(
        self, broker: Broker, process: Process | None, settings: CommonSettings, group: str
    ) -> None:
        super().__init__(broker, process)
        self._group = broker.group(group)
        self._instance = f"{group}/{settings.worker_name}"
        self._settings = settings
        self._topics: tuple[str, ...] = ()
        self._listener: Any = None
        self._member_id: str | None = None
        self._generation = -1
        self._assigned: tuple[Place, ...] | None = None
        self._reassigned: asyncio.Future[None] | None = None
        self._is_prepared = False
        self._has_read: set[Place] = set()
        self._rejoin = asyncio.Event()
        self._coordinating: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    @property
    def generation(self) -> int:
        """Of the group, as it was when this member joined last."""
        return self._generation

    def subscribe(self, topics: Iterable[str], listener: Any) -> None:
        """Joins the group, and again whenever it has to."""
        self._topics = tuple(topics)
        self._listener = listener
        self._coordinating = self.broker.loop.create_task(self._coordinate())

    async def stop(self) -> None:
        """Stops to beat; a static member leaves the group only when its session ends."""
        for task in (self._coordinating, self._beating):
            if task is not None:
                task.cancel()

    def seek(self, place: Any, offset: int) -> None:
        """Goes on from this offset.

        Raises:
            IllegalStateError: the partition is not this member's.
        """
        self._check(Place(*place))
        self._positions[Place(*place)] = offset

    async def getmany(
        self, *places: Any, timeout_ms: int = 0, max_records: int = 500
    ) -> dict[Place, list[LogRecord]]:
        """The next records, or none after the time-out; waits while the group finds itself.

        Raises:
            IllegalStateError: a partition is not this member's.
        """
        if self._assigned is None:
            if self._reassigned is None:
                self._reassigned = self.broker.loop.create_future()
            await asyncio.shield(self._reassigned)
        asked = [Place(*place) for place in places] or list(self._assigned or ())
        mine = [place for place in asked if place in (self._assigned or ())]
        for place in mine:
            if place not in self._positions:
                await self._reset(place)
        return await self._read(mine, timeout_ms / 1000, max_records)

    def _first(self, place: Place) -> int:
        """The record that is read next; at times a client leaves some out, and does not say so."""
        position = self._positions[place]
        if place in self._has_read and self.random.random() < self.network.skips_share:
            self.broker.trace(f"{self._instance}: {place.topic}/{place.partition} skips {position}")
            position += 1
        self._has_read.add(place)
        return position

    def _take(self, places: Sequence[Place], records_max: int) -> dict[Place, list[LogRecord]]:
        mine = self._assigned or ()
        return super()._take([place for place in places if place in mine], records_max)

    async def committed(self, place: Any) -> int | None:
        """The offset that the group has committed."""
        await self.network.reach(self.process)
        return self._group.committed.get(Place(*place))

    async def commit(self, offsets: Mapping[Any, int]) -> None:
        """Commits, and tries again while the broker is away.

        Raises:
            IllegalStateError: a partition is not this member's.
            CommitFailedError: the group has gone on without this member.
        """
        taken = {Place(*place): offset for place, offset in offsets.items()}
        for place in taken:
            self._check(place)
        await self.network.reach(self.process)
        try:
            self._group.commit(self._instance, self._member_id or "", self._generation, taken)
        except UnknownMemberError:
            self._forget()
            raise CommitFailedError("the group has gone on") from None
        await self.network.reach(self.process)

    def _check(self, place: Place) -> None:
        if self._assigned is None or place not in self._assigned:
            raise IllegalStateError(f"{place} is not assigned")

    async def _reset(self, place: Place) -> None:
        await self.network.reach(self.process)
        if self._assigned is not None and place in self._assigned:
            self._positions.setdefault(place, self._group.committed.get(place, 0))

    def _forget(self) -> None:
        self._member_id, self._generation = None, -1
        self._rejoin.set()

    async def _coordinate(self) -> None:
        while True:
            if not self._is_prepared:
                await self._prepare()
            await self._stop_beating()
            if not await self._join():
                await asyncio.sleep(BACKOFF_SECONDS)
                continue
            await self._begin()
            await self._rejoin.wait()

    async def _prepare(self) -> None:
        revoked, self._assigned = self._assigned or (), None
        try:
            await self._listener.on_partitions_revoked(revoked)
        except Exception:
            log.exception("on_partitions_revoked failed")
        self._is_prepared = True

    async def _join(self) -> bool:
        self._rejoin.clear()
        await self.network.reach(self.process)
        try:
            joined = await self._group.join(
                self._instance,
                self._member_id,
                self.process,
                self._topics,
                self._settings.session_seconds,
                self._settings.rebalance_seconds_max,
            )
            await self.network.reach(self.process)
        except UnknownMemberError:
            self._member_id = None
            return False
        self._member_id, self._generation = joined.member_id, joined.generation
        self._positions = {}
        self._has_read.clear()
        self._assigned = joined.places
        return True

    async def _begin(self) -> None:
        if self._reassigned is not None:
            self._reassigned.set_result(None)
            self._reassigned = None
        try:
            await self._listener.on_partitions_assigned(self._assigned)
        except Exception:
            log.exception("on_partitions_assigned failed")
        self._is_prepared = False
        self._beating = self.broker.loop.create_task(self._beat())

    async def _stop_beating(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None

    async def _beat(self) -> None:
        while self._member_id is not None:
            await asyncio.sleep(self._settings.heartbeat_seconds)
            await asyncio.sleep(self.network.latency())
            while not self.network.reaches(self.process):
                await asyncio.sleep(BACKOFF_SECONDS)
            if self._member_id is None:
                return
            try:
                self._group.heartbeat(self._instance, self._member_id, self._generation)
            except UnknownMemberError:
                self._forget()
            except RebalancingError:
                self._rejoin.set()


class Admin(_Client):
    """The admin protocol, as far as workers use it."""

    async def describe_topics(self, topics: Sequence[str]) -> list[dict[str, Any]]:
        """The topics and their partitions."""
        await self.network.reach(self.process)
        partitions = [{"partition": number} for number in range(self.broker.partitions)]
        return [{"topic": topic, "partitions": partitions} for topic in topics]

    async def close(self) -> None:
        """Closes the connections."""


def _let_go(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
