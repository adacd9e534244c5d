"""A Kafka broker in memory: topics, and consumer groups with static members and sessions."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from infra.simulation.loop import Process, SimulatedLoop
from services.common.catalogue import catalogue

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
EPOCH_MS = int(EPOCH.timestamp() * 1000)
SEEK_NETWORK_SECONDS = 0.1
READERS_KEPT_MAX = 8


class Place(NamedTuple):
    """One partition of a topic; equal to aiokafka's TopicPartition."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as a consumer gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class Draft:
    """A record on its way to the log, and who sent it when."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    sender: Process | None
    sent_at: float


class UnknownMemberError(Exception):
    """The group does not know this member, or not in this generation."""


class RebalancingError(Exception):
    """The group waits for all members to join again."""


@dataclass(slots=True)
class Joined:
    """What a member is told when a generation begins."""

    member_id: str
    generation: int
    places: tuple[Place, ...]


@dataclass(slots=True)
class _Member:
    instance: str
    member_id: str
    process: Process | None
    topics: tuple[str, ...]
    session_seconds: float
    deadline: float
    places: tuple[Place, ...] = ()
    joining: "asyncio.Future[Joined] | None" = None


@dataclass(slots=True)
class Network:
    """How long messages are on their way, and who is cut off."""

    loop: SimulatedLoop
    random: Random
    slow_share: float
    slow_seconds_max: float
    lost_share: float
    skips_share: float
    is_up: bool = True
    cut_off: set[Process] = field(default_factory=set)

    def latency(self) -> float:
        """Seconds until the next message arrives."""
        if self.random.random() < self.slow_share:
            return self.random.random() * self.slow_seconds_max
        return 0.0005 + self.random.random() * 0.003

    def reaches(self, process: Process | None) -> bool:
        """True when the process and the broker reach each other."""
        return self.is_up and process not in self.cut_off

    def loses(self) -> bool:
        """True when the next message is lost."""
        return self.random.random() < self.lost_share

    async def reach(self, process: Process | None) -> None:
        """Returns when a request of the process has reached the broker, however long it takes."""
        await asyncio.sleep(self.latency())
        while not self.reaches(process):
            await asyncio.sleep(SEEK_NETWORK_SECONDS * (1 + self.random.random()))


class Group:
    """A consumer group: who is in it, what each has, and what was committed."""

    def __init__(self, broker: "Broker", name: str) -> None:
        self.name = name
        self.generation = 0
        self.committed: dict[Place, int] = {}
        self._broker = broker
        self._members: dict[str, _Member] = {}
        self._is_rebalancing = False
        self._rebalance = 0

    def join(
        self,
        instance: str,
        member_id: str | None,
        process: Process | None,
        topics: tuple[str, ...],
        session_seconds: float,
        rebalance_seconds_max: float,
    ) -> "asyncio.Future[Joined]":
        """Asks for a place in the group; a static member that comes back takes its old one."""
        loop = self._broker.loop
        answer: asyncio.Future[Joined] = loop.create_future()
        member = self._members.get(instance)
        if member is None:
            if member_id is not None:
                answer.set_exception(UnknownMemberError())
                return answer
            member = _Member(
                instance, self._broker.new_id(), process, topics, session_seconds, loop.now
            )
            self._members[instance] = member
            member.joining = answer
            self._watch(member)
            self._begin(rebalance_seconds_max)
        elif member_id is not None and member_id != member.member_id:
            answer.set_exception(UnknownMemberError())
            return answer
        else:
            if member_id is None:
                member.member_id, member.process = self._broker.new_id(), process
            member.deadline = loop.now + session_seconds
            if not self._is_rebalancing:
                answer.set_result(Joined(member.member_id, self.generation, member.places))
                self._broker.told(self, member.process, member.places)
                return answer
            member.joining = answer
        self._complete_when_all_are_here()
        return answer

    def heartbeat(self, instance: str, member_id: str, generation: int) -> None:
        """Prolongs the session.

        Raises:
            UnknownMemberError: the member's time was up, or another has taken its name.
            RebalancingError: it is to join again.
        """
        member = self._known(instance, member_id, generation)
        member.deadline = self._broker.loop.now + member.session_seconds
        if self._is_rebalancing:
            raise RebalancingError

    def commit(
        self, instance: str, member_id: str, generation: int, offsets: Mapping[Place, int]
    ) -> None:
        """Notes how far a member has come.

        Raises:
            UnknownMemberError: another has its partitions, perhaps.
        """
        self._known(instance, member_id, generation)
        self.committed.update(offsets)
        self._broker.committed(self, offsets)

    def forget_commits(self, count: int) -> None:
        """The last commits were lost, as with a coordinator that went away."""
        for place, offset in self.committed.items():
            self.committed[place] = max(0, offset - count)

    def renew_all(self) -> None:
        """A broker that comes back gives all members a whole session."""
        for member in self._members.values():
            member.deadline = self._broker.loop.now + member.session_seconds

    def owner(self, place: Place) -> Process | None:
        """The process that the group believes to have the partition."""
        for member in self._members.values():
            if place in member.places:
                return member.process
        return None

    def _known(self, instance: str, member_id: str, generation: int) -> _Member:
        member = self._members.get(instance)
        if member is None or member.member_id != member_id or generation != self.generation:
            raise UnknownMemberError
        return member

    def _watch(self, member: _Member) -> None:
        def look() -> None:
            if self._members.get(member.instance) is not member:
                return
            loop = self._broker.loop
            if not self._broker.network.is_up or member.joining is not None:
                member.deadline = loop.now + member.session_seconds
            if member.deadline <= loop.now:
                self._broker.trace(f"group {self.name}: {member.instance} has expired")
                del self._members[member.instance]
                self._begin(member.session_seconds * 3)
                self._complete_when_all_are_here()
                return
            loop.call_outside(member.deadline - loop.now + 0.001, look)

        self._broker.loop.call_outside(member.session_seconds, look)

    def _begin(self, seconds_max: float) -> None:
        if self._is_rebalancing:
            return
        self._is_rebalancing = True
        self._rebalance += 1
        rebalance = self._rebalance

        def lose_patience() -> None:
            if self._is_rebalancing and self._rebalance == rebalance:
                self._complete()

        self._broker.loop.call_outside(seconds_max, lose_patience)

    def _complete_when_all_are_here(self) -> None:
        if self._is_rebalancing and all(each.joining for each in self._members.values()):
            self._complete()

    def _complete(self) -> None:
        """A new generation begins, of those who have joined (ranges, as RangeAssignor has it)."""
        self._is_rebalancing = False
        self.generation += 1
        members = {name: each for name, each in self._members.items() if each.joining}
        self._members = members
        ordered = sorted(members.values(), key=lambda each: each.member_id)
        for number, member in enumerate(ordered):
            member.places = tuple(
                Place(topic, partition)
                for topic in member.topics
                for partition in _range(self._broker.partitions, len(ordered), number)
            )
            member.deadline = self._broker.loop.now + member.session_seconds
            joining, member.joining = member.joining, None
            assert joining is not None
            if not joining.done():
                joining.set_result(Joined(member.member_id, self.generation, member.places))
            self._broker.told(self, member.process, member.places)


class Broker:
    """Topics and groups, on the loop's time."""

    def __init__(
        self, loop: SimulatedLoop, random: Random, network: Network, partitions: int
    ) -> None:
        self.loop = loop
        self.network = network
        self.partitions = partitions
        self.records: dict[Place, list[LogRecord]] = {
            Place(topic, partition): [] for topic in catalogue() for partition in range(partitions)
        }
        self.groups: dict[str, Group] = {}
        self.on_append: Callable[[LogRecord, Draft], None] = lambda record, draft: None
        self.on_commit: Callable[[str, Mapping[Place, int]], None] = lambda group, offsets: None
        self.trace: Callable[[str], None] = lambda line: None
        self._random = random
        self._readers: dict[Place, list[asyncio.Future[None]]] = defaultdict(list)

    def group(self, name: str) -> Group:
        """The group of this name, a new one where there is none."""
        if name not in self.groups:
            self.groups[name] = Group(self, name)
        return self.groups[name]

    def new_id(self) -> str:
        """The id of a new member; who is first in the order of ids is chance."""
        return f"{self._random.getrandbits(32):08x}"

    def append(self, drafts: Iterable[Draft]) -> list[int]:
        """Puts the records at the ends of their partitions, and wakes who waits for them."""
        offsets = []
        for draft in drafts:
            records = self.records[draft.place]
            record = LogRecord(
                draft.place.topic,
                draft.place.partition,
                len(records),
                EPOCH_MS + int(self.loop.now * 1000),
                draft.key,
                draft.value,
                draft.headers,
            )
            records.append(record)
            offsets.append(record.offset)
            self.on_append(record, draft)
            waiting = self._readers.get(draft.place)
            if waiting:
                for reader in waiting:
                    if not reader.done():
                        reader.set_result(None)
                waiting.clear()
        return offsets

    def wait_for_more(self, places: Iterable[Place], reader: "asyncio.Future[None]") -> None:
        """The reader is told when one of these has a new record."""
        for place in places:
            readers = self._readers[place]
            if len(readers) >= READERS_KEPT_MAX:
                readers[:] = [each for each in readers if not each.done()]
            readers.append(reader)

    def shut(self) -> None:
        """Nobody reaches the broker any more."""
        self.network.is_up = False

    def come_back(self) -> None:
        """The broker is there again, with all that it has acknowledged."""
        self.network.is_up = True
        for group in self.groups.values():
            group.renew_all()

    def committed(self, group: Group, offsets: Mapping[Place, int]) -> None:
        """Tells that offsets were committed."""
        self.on_commit(group.name, offsets)

    def told(self, group: Group, process: Process | None, places: Sequence[Place]) -> None:
        """Tells who has what now."""
        if process is not None:
            mine = sorted({place.partition for place in places})
            self.trace(f"group {group.name}/{group.generation}: {process.name} has {mine}")


def instant(moment: float) -> datetime:
    """The instant at so many seconds of the simulated world."""
    return EPOCH + timedelta(seconds=moment)


def _range(partitions: int, members: int, number: int) -> range:
    size, rest = divmod(partitions, members)
    start = number * size + min(number, rest)
    return range(start, start + size + (number < rest))
