"""Walks through the states that an aggregate can be in: breadth first, with its pure decider.

From each state a finite set of commands is tried, and what the state itself waits for at its
instants. States that differ in nothing but instants and large numbers count as one.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from msgspec import Struct

from services.common.decider import Decider, Rejected, Row, Wakeup
from services.matcher.queues import Queue

START_AT = datetime(2030, 1, 31, 12, tzinfo=UTC)
# A command comes so long after the last event; a timer fires when it is due, and far too late.
NEXT = timedelta(seconds=1)
TOO_LATE = timedelta(hours=12)
NUMBER_MAX = 2
STATES_MAX = 5_000

# What may be said of a state at an instant; the state is None before the first event.
Commands = Callable[[Any, datetime], Iterable[Any]]
Summary = Callable[[Any], Hashable]


class TooManyStatesError(Exception):
    """The walk did not end within its bound; the text says which."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is walked through, and what is overlooked.

    ignored: names of a state's fields that no decision of interest depends on.
    summaries: what is kept of a field's value in place of all of it, by the name of the field.
    states_max: the bound of the walk.
    """

    key: str
    decider: Decider[Any, Any, Any]
    commands: Commands
    ignored: frozenset[str] = field(default_factory=frozenset)
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    states_max: int = STATES_MAX


@dataclass(frozen=True, slots=True)
class Step:
    """One event: the state before it, None at the beginning, and the one after."""

    before: Any
    event: Any
    after: Any


def steps(search: Search) -> Iterator[Step]:
    """Every step that is found, from the states that are found first.

    Raises:
        TooManyStatesError: there are more states than the bound.
    """
    decider = search.decider
    waiting: deque[tuple[Any, datetime]] = deque([(None, START_AT)])
    seen: set[Hashable] = {None}
    while waiting:
        state, at = waiting.popleft()
        for when, command in _tried(search, state, at):
            event = _decided(search, command, state, when)
            if event is None:
                continue
            after = decider.evolve(state, event, when)
            yield Step(state, event, after)
            found = abstract(after, search)
            if found in seen:
                continue
            seen.add(found)
            if len(seen) > search.states_max:
                raise TooManyStatesError(f"{decider.name}: more than {search.states_max} states")
            waiting.append((after, when))


def abstract(value: Any, search: Search) -> Hashable:
    """A value without its instants, the size of its numbers, and what the search overlooks."""
    match value:
        case None | bool() | Enum() | str():
            return value
        case datetime():
            return "at"
        case int():
            return min(value, NUMBER_MAX)
        case float():
            return "measure"
        case tuple() | Queue():
            return tuple(abstract(each, search) for each in value)
        case Struct():
            names = value.__struct_fields__
        case _ if is_dataclass(value):
            names = tuple(each.name for each in fields(value))
        case _:
            raise TypeError(f"no state is made of {type(value).__name__}")
    return tuple(
        (name, search.summaries[name](kept) if name in search.summaries else abstract(kept, search))
        for name, kept in ((name, getattr(value, name)) for name in names)
        if name not in search.ignored
    )


def _tried(search: Search, state: Any, at: datetime) -> Iterator[tuple[datetime, Any]]:
    yield from ((at + NEXT, command) for command in search.commands(state, at + NEXT))
    agenda = () if state is None else search.decider.agenda(state)
    for each in agenda:
        if isinstance(each, Wakeup):
            due_at = max(at, each.at)
            yield due_at, each.command
            yield due_at + TOO_LATE, each.command


def _decided(search: Search, command: Any, state: Any, at: datetime) -> Any:
    """The event of a command, or None for a repeat and a refusal."""
    decider = search.decider
    is_snapshot = decider.snapshot_command is not None and isinstance(
        command, decider.snapshot_command
    )
    if is_snapshot and decider.snapshot is not None:
        return decider.snapshot(search.key, Row(1, at, {}, (), state))
    outcome = decider.decide(command, state, at)
    return None if isinstance(outcome, Rejected) else outcome
