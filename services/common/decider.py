"""The contract between a service's pure domain and the runtime.

An aggregate is three pure functions: decide, evolve, and the agenda that its state implies (the
Decider of Jérémie Chassaing, "Functional Event Sourcing Decider", 2021; the agenda is ours).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

from services.common.values import Instant

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")

# What a service does about one event of another: commands of its own.
React = Callable[[Any], Iterable[Any]]


ID_CHARS_MAX = 200
VERSION_MAX = 2**63 - 1

Name = Annotated[str, Meta(max_length=ID_CHARS_MAX)]
Id = Annotated[Name, Meta(min_length=1)]
Version = Annotated[int, Meta(ge=0, le=VERSION_MAX)]


class Envelope(Struct, frozen=True):
    """What every record says about itself, next to its own content.

    `follows` is the id of the aggregate's event before, which an event was decided on.
    `source` and `source_version` name the event that a command follows from: the aggregate, as
    `<service>/<key>`, and its version. They are None for commands from outside.
    """

    id: Id
    type: str
    occurred_at: Instant
    causation_id: Id
    correlation_id: Id
    version: Version = 0
    source: Name | None = None
    source_version: Version | None = None
    follows: Name | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A refused command: `reason` is a short code, `detail` a sentence for a person."""

    reason: str
    detail: str


class Wakeup(Struct, frozen=True):
    """The aggregate wants this command at this instant, never earlier."""

    at: datetime
    command: Any


class Row(Struct, Generic[State], frozen=True):
    """One aggregate as the table keeps it.

    `event_id` is the id of its last event. `sources` and `recent` are the bounded memory of
    commands that have had their event, the oldest first: by source, the last version that was
    applied; and the ids of commands from outside.
    """

    version: int
    changed_at: datetime
    sources: dict[str, int]
    recent: tuple[str, ...]
    state: State
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decider(Generic[State, Command, Event]):
    """One aggregate's pure functions, and the bound of its memory of commands.

    decide: the event of an accepted command, Rejected, or None for a repeat.
    agenda: the Wakeups and the calls to the outside world (any other frozen dataclass) that the
        state waits for. A call is made until the state no longer asks for it.
    labels: what lists are filtered by, as name -> value.
    listed_at: the instant that lists are ordered by; the same for the whole life of an aggregate.
    recognised: events whose commands the state itself knows again, each with what says so of a
        state and the event; their ids are not remembered.
    stage: what is timed from `listed_at` until an aggregate comes to it: a status, and whether the
        thing was asked for "now" or for "later".
    routine: events so frequent that the log tells of them at level DEBUG.
    state_type: a struct. With `omit_defaults` it is stored without what has its default; another
        default is another form of state, and such a table is folded anew.
    snapshot: writes the whole row as an event; answers `snapshot_command` in place of decide.
    """

    name: str
    key_field: str
    decide: Callable[[Command, State | None, datetime], Event | Rejected | None]
    evolve: Callable[[State | None, Event, datetime], State]
    agenda: Callable[[State], tuple[Any, ...]]
    labels: Callable[[State], Mapping[str, str]]
    listed_at: Callable[[State], datetime]
    state_type: type[State]
    sources_max: int = 64
    recent_max: int = 64
    recognised: Mapping[type[Any], Callable[[Any, Any], bool]] = field(default_factory=dict)
    keeps_history: bool = False
    stage: Callable[[State], tuple[str, str]] | None = None
    routine: Collection[str] = ()
    snapshot_command: type[Any] | None = None
    snapshot_event: type[Any] | None = None
    snapshot: Callable[[str, Row[State]], Event] | None = None


def is_repeat(row: Row[Any] | None, command: Envelope) -> bool:
    """True when the command, or a later one of the same source, already has its event."""
    return row is not None and _has_had(row, command, command.id)


def follows(row: Row[Any] | None, envelope: Envelope) -> bool:
    """True when the event is the next of its aggregate, and was decided on the one before."""
    if row is None:
        return envelope.version == 1
    return envelope.version == row.version + 1 and envelope.follows in (None, row.event_id)


def is_had(decider: Decider[Any, Any, Any], row: Row[Any], envelope: Envelope, event: Any) -> bool:
    """True when the command of the event, or a later one of its source, already has its event."""
    return _has_had(row, envelope, envelope.causation_id) or is_recognised(decider, row, event)


def is_recognised(decider: Decider[Any, Any, Any], row: Row[Any], event: Any) -> bool:
    """True when the state itself tells that the command of the event has had its event."""
    knows = decider.recognised.get(type(event))
    return knows is not None and knows(row.state, event)


def fold(
    decider: Decider[State, Any, Event], row: Row[State] | None, envelope: Envelope, event: Event
) -> Row[State] | None:
    """The row after the event, or None when the event loses.

    It loses when it does not follow: the first event of a version in the order of the log wins, and
    with it what was decided on it. It also loses when its command has had its event: another writer
    may have decided the same commands in another order. A snapshot may begin a row at any version;
    any other event begins it at version 1.
    """
    is_snapshot = decider.snapshot_event is not None and isinstance(event, decider.snapshot_event)
    if row is None:
        if envelope.version != 1 and not is_snapshot:
            return None
        state = decider.evolve(None, event, envelope.occurred_at)
        sources: dict[str, int] = {}
        recent: tuple[str, ...] = ()
    else:
        if not follows(row, envelope) or is_had(decider, row, envelope, event):
            return None
        state = decider.evolve(row.state, event, envelope.occurred_at)
        sources, recent = row.sources, row.recent
    if is_snapshot:
        sources = getattr(event, "sources")  # noqa: B009 - every snapshot event has it
    if envelope.source is not None and envelope.source_version is not None:
        sources = sources.copy()  # dict() takes ten times as long where one was taken out
        sources.pop(envelope.source, None)  # it comes last, as the one heard of last
        sources[envelope.source] = envelope.source_version
        while len(sources) > decider.sources_max:
            del sources[next(iter(sources))]
    elif type(event) not in decider.recognised:
        recent = (*recent, envelope.causation_id)[-decider.recent_max :]
    return Row(envelope.version, envelope.occurred_at, sources, recent, state, envelope.id)


def _has_had(row: Row[Any], envelope: Envelope, command_id: str) -> bool:
    if envelope.source is not None and envelope.source_version is not None:
        return row.sources.get(envelope.source, -1) >= envelope.source_version
    return command_id in row.recent
