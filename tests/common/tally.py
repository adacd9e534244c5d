"""A small aggregate that exercises every part of the runtime: a tally that is added to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.common import ids
from services.common.codec import Language, encode_event
from services.common.decider import Decider, Envelope, Rejected, Row, Wakeup, fold
from services.common.event_table import Appended

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Add:
    """Adds to a tally and paints it; a tally of less than nothing is refused."""

    tally_id: str
    amount: int
    colour: str = "white"

    def __post_init__(self) -> None:
        if abs(self.amount) > 1000:
            raise ValueError(f"amount is from -1000 to 1000, not {self.amount}")


@dataclass(frozen=True, slots=True)
class Break:
    """Makes decide raise."""

    tally_id: str


@dataclass(frozen=True, slots=True)
class Derail:
    """Is accepted with an event that evolve can't take."""

    tally_id: str


@dataclass(frozen=True, slots=True)
class Inflate:
    """Is accepted with an event of so many bytes."""

    tally_id: str
    size: int


@dataclass(frozen=True, slots=True)
class TakeTallySnapshot:
    """Writes the tally to the log whole."""

    tally_id: str


@dataclass(frozen=True, slots=True)
class Added:
    """The tally has grown and has this colour."""

    tally_id: str
    amount: int
    colour: str = "white"


@dataclass(frozen=True, slots=True)
class Derailed:
    """No tally can become of this."""

    tally_id: str


@dataclass(frozen=True, slots=True)
class Inflated:
    """A long text was said."""

    tally_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TallySnapshotted:
    """The whole tally."""

    tally_id: str
    total: int
    colour: str
    created_at: datetime
    sources: dict[str, int]


@dataclass(frozen=True, slots=True)
class Tally:
    """The sum of what was added. A red tally waits for a call, a blue one for a minute."""

    tally_id: str
    total: int
    colour: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Ring:
    """A call to the outside world."""

    tally_id: str


Command = Add | Break | Derail | Inflate | TakeTallySnapshot
Event = Added | Derailed | Inflated | TallySnapshotted


def decide(command: Command, tally: Tally | None, at: datetime) -> Event | Rejected | None:
    """The event of a command; nothing is added where the amount is 0."""
    match command:
        case Add(tally_id=tally_id, amount=amount, colour=colour):
            if amount == 0:
                return None
            if (0 if tally is None else tally.total) + amount < 0:
                return Rejected("below_zero", "a tally is never less than nothing")
            return Added(tally_id, amount, colour)
        case Break():
            raise RuntimeError("decide is broken")
        case Derail(tally_id=tally_id):
            return Derailed(tally_id)
        case Inflate(tally_id=tally_id, size=size):
            return Inflated(tally_id, "x" * size)
        case TakeTallySnapshot():
            return None


def evolve(tally: Tally | None, event: Event, at: datetime) -> Tally:
    """The tally after the event."""
    match event:
        case Added(tally_id=tally_id, amount=amount, colour=colour):
            if tally is None:
                return Tally(tally_id, amount, colour, at, at)
            return replace(tally, total=tally.total + amount, colour=colour, changed_at=at)
        case Inflated(tally_id=tally_id):
            return tally or Tally(tally_id, 0, "white", at, at)
        case TallySnapshotted():
            return Tally(event.tally_id, event.total, event.colour, event.created_at, at)
        case Derailed():
            raise RuntimeError("evolve is broken")


def agenda(tally: Tally) -> tuple[Wakeup | Ring, ...]:
    """What a coloured tally waits for."""
    match tally.colour:
        case "red":
            return (Ring(tally.tally_id),)
        case "blue":
            due_at = tally.changed_at + timedelta(minutes=1)
            return (Wakeup(due_at, Add(tally.tally_id, 1)),)
        case _:
            return ()


def labels(tally: Tally) -> Mapping[str, str]:
    """What tallies are listed by."""
    return {"colour": tally.colour}


def snapshot(key: str, row: Row[Tally]) -> TallySnapshotted:
    """The whole tally as an event."""
    state = row.state
    return TallySnapshotted(key, state.total, state.colour, state.created_at, row.sources)


def decider(recent_max: int = 64) -> Decider[Tally, Command, Event]:
    """The tally for the runtime."""
    return Decider(
        name="tally",
        key_field="tally_id",
        decide=decide,
        evolve=evolve,
        agenda=agenda,
        labels=labels,
        listed_at=lambda tally: tally.created_at,
        state_type=Tally,
        recent_max=recent_max,
        keeps_history=True,
        snapshot_command=TakeTallySnapshot,
        snapshot_event=TallySnapshotted,
        snapshot=snapshot,
    )


def language(owner: str = "tally") -> Language:
    """The messages of tallies."""
    return Language(
        owner,
        "tally_id",
        (Add, Break, Derail, Inflate, TakeTallySnapshot),
        (Added, Derailed, Inflated, TallySnapshotted),
    )


def appended(offset: int, event: Event, version: int, source: str | None = None) -> Appended:
    """An event as it lies in the log at an offset, a second after the one before."""
    command_id = ids.derive(f"command/{offset}", "test")
    envelope = Envelope(
        id=ids.derive(command_id, "event"),
        type=type(event).__name__,
        occurred_at=EPOCH + timedelta(seconds=offset),
        causation_id=command_id,
        correlation_id=event.tally_id,
        version=version,
        source=source,
        source_version=None if source is None else version,
    )
    return Appended(offset, envelope, event, encode_event(envelope, event))


def folded(events: list[Appended]) -> dict[str, Row[Tally]]:
    """The rows that a log leads to, folded one by one with nothing but the pure functions."""
    rows: dict[str, Row[Tally]] = {}
    for each in events:
        row = fold(decider(), rows.get(each.event.tally_id), each.envelope, each.event)
        if row is not None:
            rows[each.event.tally_id] = row
    return rows
