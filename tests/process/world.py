"""All aggregates in memory: their deciders and reactions on logs that keep order per partition.

Commands are deduplicated, decided and folded as services/common/command_loop.py does it, and
reactions are put in envelopes as services/common/reactions.py does it. A crash is a reader that
goes back some records, as after an uncommitted offset; never behind what the events say is settled.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from services.common import ids
from services.common.codec import LANGUAGES
from services.common.decider import (
    Decider,
    Envelope,
    React,
    Rejected,
    Row,
    Wakeup,
    fold,
    is_repeat,
)
from services.common.reactions import command_envelope as reaction_envelope
from tests.given import NOON, event_envelope
from tests.process.parts import parts

PARTITIONS = 2


@dataclass(frozen=True, slots=True)
class Change:
    """One event, and what it made of its aggregate."""

    owner: str
    key: str
    at: datetime
    before: Any
    event: Any
    after: Any


@dataclass
class Service:
    """One aggregate: two partitions of commands and events, its table, and where it stands."""

    decider: Decider[Any, Any, Any]
    reactions: Mapping[str, React]
    commands: list[list[tuple[Envelope, Any]]] = field(
        default_factory=lambda: [[] for _ in range(PARTITIONS)]
    )
    events: list[list[tuple[Envelope, Any]]] = field(
        default_factory=lambda: [[] for _ in range(PARTITIONS)]
    )
    rows: dict[str, Row[Any]] = field(default_factory=dict)
    rejections: list[tuple[Envelope, Any, Rejected]] = field(default_factory=list)
    decided: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    settled: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    read: Counter[tuple[str, int]] = field(default_factory=Counter)

    def key(self, message: Any) -> str:
        """The id of the aggregate that the message is for."""
        key: str = getattr(message, self.decider.key_field)
        return key


class World:
    """All services, and the one clock that stamps what is appended.

    sent: what came from outside, which may come again.
    changes: all events in the order in which they were decided.
    """

    def __init__(self) -> None:
        self.now = NOON
        self.services = {name: Service(*each) for name, each in parts().items()}
        self.sent: list[tuple[str, Any, str]] = []
        self.changes: list[Change] = []

    def states(self, owner: str) -> dict[str, Any]:
        """The states of a service's aggregates by key."""
        return {key: row.state for key, row in self.services[owner].rows.items()}

    def state(self, owner: str, key: str) -> Any:
        """One aggregate, None where there is none."""
        row = self.services[owner].rows.get(key)
        return None if row is None else row.state

    def send(self, owner: str, command: Any, command_id: str) -> None:
        """Appends a command from outside."""
        self.sent.append((owner, command, command_id))
        self._append_from_outside(owner, command, command_id)

    def say(self, owner: str, command: Any) -> None:
        """Appends a command that somebody gives anew."""
        self.send(owner, command, f"said-{len(self.sent)}")

    def repeat(self, number: int) -> None:
        """Appends a command from outside once more, however long after."""
        if self.sent:
            self._append_from_outside(*self.sent[number % len(self.sent)])

    def wake(self, owner: str, key: str, wakeup: Wakeup) -> None:
        """Fires a timer, as the worker does."""
        purpose = f"wakeup/{type(wakeup.command).__name__}/{wakeup.at.isoformat()}"
        if hasattr(wakeup.command, "flag"):
            purpose += f"/{wakeup.command.flag}"
        self.send(owner, wakeup.command, ids.derive(key, purpose))

    def report(self, key: str, call: Any, command: Any) -> None:
        """Appends the outcome of an order's call, as the worker does."""
        purpose = ["outcome", type(call).__name__, type(command).__name__, call.idempotency_key]
        if hasattr(call, "round"):
            purpose.append(str(call.round))
        self.send("order", command, ids.derive(key, "/".join(purpose)))

    def _append_from_outside(self, owner: str, command: Any, command_id: str) -> None:
        envelope = Envelope(command_id, type(command).__name__, self.now, command_id, command_id)
        self._append(owner, envelope, command)

    def _append(self, owner: str, envelope: Envelope, command: Any) -> None:
        self.now += timedelta(milliseconds=1)
        service = self.services[owner]
        stamped = Envelope(
            id=envelope.id,
            type=envelope.type,
            occurred_at=self.now,
            causation_id=envelope.causation_id,
            correlation_id=envelope.correlation_id,
            source=envelope.source,
            source_version=envelope.source_version,
        )
        service.commands[partition_of(service.key(command))].append((stamped, command))

    def decide_next(self, owner: str, partition: int) -> bool:
        """Decides the next command of a partition; False when there is none."""
        service = self.services[owner]
        position = service.decided[partition]
        if position == len(service.commands[partition]):
            return False
        service.decided[partition] += 1
        envelope, command = service.commands[partition][position]
        key = service.key(command)
        row = service.rows.get(key)
        if is_repeat(row, envelope):
            return True
        decider = service.decider
        state = None if row is None else row.state
        if decider.snapshot is not None and isinstance(command, decider.snapshot_command or ()):
            outcome = None if row is None else decider.snapshot(key, row)
        else:
            outcome = decider.decide(command, state, envelope.occurred_at)
        if isinstance(outcome, Rejected):
            service.rejections.append((envelope, command, outcome))
        elif outcome is not None:
            event = event_envelope(outcome, envelope, 1 if row is None else row.version + 1)
            after = fold(decider, row, event, outcome)
            assert after is not None
            service.rows[key] = after
            service.events[partition].append((event, outcome))
            service.settled[partition] = max(service.settled[partition], position + 1)
            self.changes.append(
                Change(owner, key, envelope.occurred_at, state, outcome, after.state)
            )
        return True

    def react_next(self, owner: str, source: str, partition: int) -> bool:
        """Reacts to the next event of a source's partition; False when there is none."""
        service = self.services[owner]
        position = service.read[source, partition]
        if position == len(self.services[source].events[partition]):
            return False
        service.read[source, partition] += 1
        self.react_to(owner, source, partition, position)
        return True

    def react_to(self, owner: str, source: str, partition: int, position: int) -> None:
        """Appends the commands that an event leads to."""
        envelope, event = self.services[source].events[partition][position]
        name = f"{source}/{LANGUAGES[source].key(event)}"
        commands = list(self.services[owner].reactions[source](event))
        keys = [self.services[owner].key(command) for command in commands]
        assert len(keys) == len(set(keys)), "two commands of one event for one aggregate"
        for command in commands:
            self._append(owner, reaction_envelope(envelope, name, command), command)

    def crash(self, owner: str, partition: int, records: int) -> None:
        """A worker dies with `records` commands done and their offsets not committed."""
        service = self.services[owner]
        back = max(0, service.decided[partition] - records)
        service.decided[partition] = max(back, service.settled[partition])

    def lose_offsets(self, owner: str, partition: int, records: int) -> None:
        """The committed offset is lost, and the commands of a while are read again."""
        decided = self.services[owner].decided
        decided[partition] = max(0, decided[partition] - records)

    def crash_reactions(self, owner: str, source: str, partition: int, records: int) -> None:
        """A worker dies with `records` events reacted to and their offsets not committed."""
        read = self.services[owner].read
        read[source, partition] = max(0, read[source, partition] - records)

    def settle(self) -> None:
        """Lets the services work until nothing is left to read."""
        moved = True
        while moved:
            moved = False
            for owner, service in self.services.items():
                for partition in range(PARTITIONS):
                    while self.decide_next(owner, partition):
                        moved = True
                    for source in service.reactions:
                        while self.react_next(owner, source, partition):
                            moved = True

    def folded(self, owner: str) -> dict[str, Row[Any]]:
        """The table that the event log alone leads to."""
        service = self.services[owner]
        rows: dict[str, Row[Any]] = {}
        for log in service.events:
            for envelope, event in log:
                key = service.key(event)
                row = fold(service.decider, rows.get(key), envelope, event)
                assert row is not None, "an event lost, though there is one writer"
                rows[key] = row
        return rows

    def awaited(self, owner: str) -> list[tuple[str, Wakeup]]:
        """The wakeups that states ask for, whenever they are."""
        service = self.services[owner]
        return [
            (key, each)
            for key, row in service.rows.items()
            for each in service.decider.agenda(row.state)
            if isinstance(each, Wakeup)
        ]

    def due(self) -> list[tuple[str, str, Wakeup]]:
        """The wakeups of all services whose instant has come."""
        return [
            (owner, key, wakeup)
            for owner in self.services
            for key, wakeup in self.awaited(owner)
            if wakeup.at <= self.now
        ]

    def pass_time(self, until: datetime) -> None:
        """Moves the clock on."""
        self.now = max(self.now, until)


def partition_of(key: str) -> int:
    """Where a key lies."""
    return crc32(key.encode()) % PARTITIONS
