"""given(past events).when(command).then(event): how decisions are told in tests."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic

from hypothesis import settings

from services.common import ids
from services.common.decider import (
    Command,
    Decider,
    Envelope,
    Event,
    Rejected,
    Row,
    State,
    fold,
    is_repeat,
)

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)

# Properties are tried on the same examples in every run, and leave no files behind.
deterministic = settings(derandomize=True, deadline=None, database=None)


def command_envelope(command: Any, at: datetime = NOON, command_id: str = "command") -> Envelope:
    """The envelope of a command from outside."""
    return Envelope(command_id, type(command).__name__, at, command_id, "correlation")


def event_envelope(event: Any, command: Envelope, version: int) -> Envelope:
    """The envelope of the event of a command, as the command loop makes it."""
    return Envelope(
        id=ids.derive(command.id, "event"),
        type=type(event).__name__,
        occurred_at=command.occurred_at,
        causation_id=command.id,
        correlation_id=command.correlation_id,
        version=version,
        source=command.source,
        source_version=command.source_version,
    )


@dataclass(frozen=True, slots=True)
class Given(Generic[State, Command, Event]):
    """An aggregate with its past; `at` is the instant of its last event."""

    decider: Decider[State, Command, Event]
    row: Row[State] | None

    @property
    def state(self) -> State:
        """The state that the past led to."""
        assert self.row is not None, "nothing has happened yet"
        return self.row.state

    def when(self, command: Command, at: datetime = NOON) -> "Outcome[State, Command, Event]":
        """Decides a command from outside at an instant."""
        state = None if self.row is None else self.row.state
        return Outcome(self, command, at, self.decider.decide(command, state, at))

    def after(self, event: Event, command: Envelope) -> "Given[State, Command, Event]":
        """The aggregate with one more event, which follows from a command."""
        version = 1 if self.row is None else self.row.version + 1
        row = fold(self.decider, self.row, event_envelope(event, command, version), event)
        assert row is not None
        return Given(self.decider, row)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[State, Command, Event]):
    """What a command led to."""

    before: Given[State, Command, Event]
    command: Command
    at: datetime
    result: Event | Rejected | None

    def then(self, event: Event) -> Given[State, Command, Event]:
        """The command was accepted with this very event; the same again yields nothing."""
        assert self.result == event
        return self.accepted()

    def accepted(self) -> Given[State, Command, Event]:
        """The command was accepted with some event; the same again yields nothing."""
        assert self.result is not None
        assert not isinstance(self.result, Rejected), self.result
        number = 1 if self.before.row is None else self.before.row.version + 1
        envelope = command_envelope(self.command, self.at, f"command-{number}")
        after = self.before.after(self.result, envelope)
        again = self.before.decider.decide(self.command, after.state, self.at)
        assert is_repeat(after.row, envelope) or again is None
        return after

    def rejected(self, reason: str) -> None:
        """The command was refused for this reason."""
        assert isinstance(self.result, Rejected), self.result
        assert self.result.reason == reason
        assert self.result.detail

    def nothing(self) -> None:
        """The command was a repeat: neither an event nor a refusal."""
        assert self.result is None


def given(
    decider: Decider[State, Command, Event], *events: Event, at: datetime = NOON
) -> Given[State, Command, Event]:
    """An aggregate to which these events have happened, all at one instant."""
    story: Given[State, Command, Event] = Given(decider, None)
    for number, event in enumerate(events):
        story = story.after(event, Envelope(f"past-{number}", "Past", at, "past", "correlation"))
    return story


def outcome_word(outcome: Outcome[Any, Any, Any]) -> str:
    """`+` for an event, `=` for a repeat, or the reason of the refusal; for tables."""
    match outcome.result:
        case None:
            return "="
        case Rejected(reason=reason):
            return reason
        case _:
            return "+"


def cells(table: str) -> list[tuple[str, str, str]]:
    """(row, column, cell) of a table whose first line names the columns; cells are words."""
    head, *lines = [line.split() for line in table.strip().splitlines()]
    found = []
    for name, *words in lines:
        assert len(words) == len(head), f"{name} has {len(words)} cells, not {len(head)}"
        found += [(name, column, word) for column, word in zip(head, words, strict=True)]
    return found
