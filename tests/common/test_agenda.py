"""The agenda: all that states wait for comes about, however little of it memory has room for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from services.common import agenda as agendas
from services.common import clock, timers
from services.common.agenda import Agenda
from services.common.calls import CallLog
from services.common.event_table import EventTable
from services.common.log import Appender
from services.common.messages.shared import CallMade
from services.common.pulse import Pulses
from services.common.room import Room
from services.common.settings import CommonSettings
from services.common.telemetry import Counters, hex_of
from services.common.tracing import TracedProducer, Tracer, cause
from tests.common import tally
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.common.tally import EPOCH, Add, Added, Ring, Tally, appended

HELD_MAX, HELD_PER_USER_MAX, TIMERS_MAX = 40, 10, 20
MANY = 150


@dataclass
class World:
    """Answers each call at once, and folds what comes of it: a tally that was called is white.

    wait: what a call waits for before it is answered.
    apart_seconds: between events.
    """

    table: EventTable[Tally]
    agenda: Agenda = field(init=False)
    offsets: dict[int, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    apart_seconds: int = 1
    held_most: int = 0
    timers_most: int = 0
    wait: asyncio.Event = field(default_factory=asyncio.Event)

    def target(self, call: Ring) -> str:
        """There is one."""
        return "bell"

    def user(self, call: Ring) -> str:
        """What is before the dash."""
        return call.tally_id.partition("-")[0]

    async def perform(self, key: str, call: Ring, attempt: int) -> Any:
        """Is called."""
        await self.wait.wait()
        self.called.append(key)
        return Add(key, 1)

    def flag(self, key: str, call: Ring, attempts: int, error: str) -> Any:
        """Is never told."""

    async def close(self) -> None:
        """Nothing is open."""

    def paint(self, key: str, colour: str, partition: int = 0) -> None:
        """Folds an event that changes what a tally waits for, as the command loop does."""
        offset = self.offsets[partition] = self.offsets.get(partition, -1) + 1
        version = self.versions[key] = self.versions.get(key, 0) + 1
        event = appended(offset, Added(key, 1, colour), version)
        at = EPOCH + timedelta(seconds=offset * self.apart_seconds)
        event = structs.replace(event, envelope=structs.replace(event.envelope, occurred_at=at))
        changed = self.table[partition].apply([event])
        self.agenda.set(partition, changed.items())
        self.held_most = max(self.held_most, len(self.agenda.effects or ()))
        self.timers_most = max(self.timers_most, len(self.agenda.timers))

    async def command(self, key: str, *_: Any) -> "asyncio.Future[None]":
        """A command is appended, and decided at once."""
        if self.versions[key] == 1 and key not in self.called:
            self.fired.append(key)
        self.paint(key, "white", int(key[-1]) % 2 if key.startswith("two") else 0)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits, though not for ever."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.001)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[EventTable[Tally]]:
    """An empty table with two partitions."""
    made = EventTable(tmp_path, tally.decider())
    made.open(0)
    made.open(1)
    yield made
    made.close(0)
    made.close(1)


@pytest.fixture
def world(table: EventTable[Tally], monkeypatch: pytest.MonkeyPatch) -> World:
    """Little room, few rows at a time, short naps."""
    monkeypatch.setattr(agendas, "ROWS_AT_A_TIME_MAX", 7)
    monkeypatch.setattr(agendas, "SHORT_NAP_SECONDS", 0.001)
    monkeypatch.setattr(timers, "NAP_SECONDS_MAX", 0.001)
    settings = CommonSettings(
        effects_held_max=HELD_MAX,
        effects_held_per_user_max=HELD_PER_USER_MAX,
        effects_per_target_max=3,
        timers_held_max=TIMERS_MAX,
    )
    made = World(table)
    appender: Any = made
    made.agenda = Agenda(settings, tally.decider(), appender, 2, made, Pulses(), Counters())
    return made


@asynccontextmanager
async def running(world: World) -> AsyncIterator[None]:
    """The agenda's loops turn."""
    loops = [asyncio.create_task(each) for each in (world.agenda.run(), world.agenda.timers.run())]
    try:
        yield
    finally:
        for loop in loops:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
        world.agenda.close(0)
        world.agenda.close(1)
        await asyncio.sleep(0)


def keys(user: str, many: int = MANY) -> list[str]:
    """The tallies of a user."""
    return [f"{user}-{number:03}" for number in range(many)]


async def test_a_flood_of_calls_is_made_whole_in_bounded_memory(world: World) -> None:
    """Each call once; what has no room waits in the table."""
    world.agenda.open(0, world.table[0])
    async with running(world):
        for key in keys("flood"):
            world.paint(key, "red")
        assert world.agenda.is_short
        world.wait.set()
        await world.until(lambda: len(world.called) == MANY and not world.agenda.is_short)
        await world.until(lambda: len(world.agenda.effects or ()) == 0)
    assert sorted(world.called) == keys("flood")
    assert world.held_most == HELD_PER_USER_MAX


async def test_a_flood_takes_no_room_of_other_users(world: World) -> None:
    """However much a user has left in the table, another's call is held and made at once."""
    world.agenda.open(0, world.table[0])
    async with running(world):
        for key in keys("flood"):
            world.paint(key, "red")
        world.paint("other-0", "red")
        world.wait.set()
        await world.until(lambda: "other-0" in world.called)
        assert len(world.called) <= HELD_PER_USER_MAX


async def test_many_users_together_have_a_bound_too(world: World) -> None:
    """Names of users come from outside; a new name for each order is no way round the limit."""
    world.agenda.open(0, world.table[0])
    every = [f"user{number:03}-0" for number in range(MANY)]
    async with running(world):
        for key in every:
            world.paint(key, "red")
        assert world.held_most == HELD_MAX
        world.wait.set()
        await world.until(lambda: len(world.called) == MANY)
    assert (sorted(world.called), world.held_most) == (every, HELD_MAX)


async def test_an_opened_partition_waits_for_all_that_its_table_says(world: World) -> None:
    """As after a restart: nothing has been told, all is in the tables."""
    for partition in (0, 1):
        mine = [key for key in keys("two") if int(key[-1]) % 2 == partition]
        for offset, key in enumerate(mine):
            world.table[partition].apply([appended(offset, Added(key, 1, "red"), 1)])
            world.versions[key], world.offsets[partition] = 1, offset
        world.agenda.open(partition, world.table[partition])
    world.wait.set()
    async with running(world):
        await world.until(lambda: len(world.called) == MANY)
    assert sorted(world.called) == keys("two")
    assert world.held_most <= HELD_PER_USER_MAX


async def test_a_partition_that_is_given_away_is_read_no_further(world: World) -> None:
    """Its table may be closed at that moment."""
    for offset, key in enumerate(keys("flood")):
        world.table[0].apply([appended(offset, Added(key, 1, "red"), 1)])
    world.agenda.open(0, world.table[0])
    async with running(world):
        await world.until(lambda: world.agenda.is_short)
        world.agenda.close(0)
        world.table.close(0)
        world.wait.set()
        await asyncio.sleep(0.05)
    assert (world.called, len(world.agenda.effects or ())) == ([], 0)


@pytest.mark.parametrize("apart_seconds", [0, 1])
async def test_a_flood_of_timers_fires_whole_and_in_order(
    world: World, apart_seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None early, and none forgotten; also where all are due at the same instant."""
    now: list[datetime] = [EPOCH]
    monkeypatch.setattr(world.agenda.timers, "_clock", lambda: now[0])
    monkeypatch.setattr(clock, "now", lambda: now[0])
    world.apart_seconds = apart_seconds
    world.agenda.open(0, world.table[0])
    for key in reversed(keys("timer")):
        world.paint(key, "blue")
    assert world.agenda.is_short
    async with running(world):
        await asyncio.sleep(0.02)
        assert world.fired == []
        for fired in range(1, MANY + 1):
            now[0] = EPOCH + timedelta(minutes=1, seconds=(fired - 1) * apart_seconds)
            await world.until(lambda fired=fired: len(world.fired) >= fired)  # type: ignore[misc]
            assert len(world.fired) == fired or not apart_seconds
    assert sorted(world.fired) == keys("timer")
    if apart_seconds:
        assert world.fired == keys("timer")[::-1]
    assert world.timers_most <= TIMERS_MAX + 1


def test_room_is_given_back_where_it_was_taken() -> None:
    """A round begins when one who has left something has half of its places again."""
    room = Room(places_max=10, places_per_user_max=4)
    assert [room.take("a") for _ in range(6)] == [True] * 4 + [False] * 2
    assert (room.is_short, room.is_worthwhile, len(room)) == (True, False, 4)
    room.give_back("a")
    assert not room.is_worthwhile
    room.give_back("a")
    assert room.is_worthwhile
    room.begin_round()
    assert (room.is_short, room.is_worthwhile, len(room)) == (False, False, 2)
    assert all(room.take(user) for user in "abbbbccc")
    assert not room.take("d")
    assert room.is_short


async def test_a_call_and_its_outcome_are_told_under_the_event_that_they_come_from(
    table: EventTable[Tally],
) -> None:
    """The call under the last event of the aggregate, its outcome's append under the call."""
    cause.set(None)
    tracer, log = Tracer("tally", 100), MemoryLog(2)
    outside = World(table)
    outside.wait.set()
    producer = TracedProducer(MemoryProducer(log), tracer)
    outside.agenda = Agenda(
        CommonSettings(),
        tally.decider(),
        Appender("tally", producer),
        1,
        outside,
        Pulses(),
        Counters(),
        tracer,
    )
    outside.agenda.open(0, table[0])
    outside.paint("a", "red")
    row = table[0].row("a")
    assert row is not None
    async with asyncio.timeout(20):
        while len(tracer.held) < 2:
            await asyncio.sleep(0.001)
    outside.agenda.close(0)
    called, appended = tracer.held
    assert (called.name, appended.name) == ("call Ring", "append Add")
    assert (called.parent_trace, called.parent_span) == (
        called.trace,
        hex_of(row.event_id or "")[:16],
    )
    assert (appended.parent_trace, appended.parent_span) == (called.trace, called.span_id)


async def test_an_attempt_is_told_in_the_trace_of_its_order_with_cause_and_command(
    table: EventTable[Tally],
) -> None:
    """The cause is the last event when it began; the command is the one that was appended."""
    log, counters = MemoryLog(), Counters()
    world = World(table)
    tracer = Tracer("tally", 99)
    appender = Appender("tally", TracedProducer(MemoryProducer(log), tracer))
    calls = CallLog(appender, counters, 9, 1.0)
    world.agenda = Agenda(
        CommonSettings(), tally.decider(), appender, 1, world, Pulses(), counters, tracer, calls
    )
    world.agenda.open(0, table[0])
    world.paint("a", "red")
    row = table[0].row("a")
    assert row is not None
    world.wait.set()
    await world.until(lambda: bool(log.values("tally.calls")))
    world.agenda.close(0)
    (record,) = log.read("tally.calls")
    (command,) = log.read("tally.commands")
    made = msgspec.json.decode(record.value or b"", type=CallMade)
    assert (made.key, made.correlation_id, made.causation_id) == ("a", "a", row.event_id)
    assert made.command_id == msgspec.json.decode(command.value or b"")["id"]
    assert (made.call, made.command_type) == ("Ring", "Add")
    (_, parent) = dict(record.headers)["traceparent"].split(b"-")[1:3]
    assert dict(record.headers)["traceparent"].split(b"-")[1] == hex_of("a").encode()
    call = next(span for span in tracer.held if span.verb == "call")
    (append,) = (span for span in tracer.held if span.topic == "tally.calls")
    assert (append.span_id, append.parent_span) == (parent.decode(), call.span_id)
