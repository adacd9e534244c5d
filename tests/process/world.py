"""The four services in memory: their deciders and reactions on logs that keep order per partition.

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
from services.delivery.domain import Travel, delivery_decider
from services.delivery.process import REACTIONS as DELIVERY_REACTIONS
from services.driver.domain import driver_decider
from services.driver.process import REACTIONS as DRIVER_REACTIONS
from services.matcher.domain import region_decider
from services.matcher.process import REACTIONS as MATCHER_REACTIONS
from services.order.domain import order_decider
from services.order.process import REACTIONS as ORDER_REACTIONS
from tests.given import NOON, event_envelope

PARTITIONS = 2
PREPARATION_SECONDS = 60
SNAPSHOT_HOURS = 24.0


@dataclass
class Service:
    """One service: two partitions of commands and events, its table, and where it stands."""

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
    """All services, and the one clock that stamps what is appended."""

    def __init__(self) -> None:
        self.now = NOON
        travel = Travel(speed_mps=10.0, eta_change_seconds_min=1.0)
        self.services = {
            "order": Service(order_decider(PREPARATION_SECONDS), ORDER_REACTIONS),
            "delivery": Service(delivery_decider(travel), DELIVERY_REACTIONS),
            "matcher": Service(region_decider(SNAPSHOT_HOURS), MATCHER_REACTIONS),
            "driver": Service(driver_decider(SNAPSHOT_HOURS), DRIVER_REACTIONS),
        }

    def states(self, owner: str) -> dict[str, Any]:
        """The states of a service's aggregates by key."""
        return {key: row.state for key, row in self.services[owner].rows.items()}

    def send(self, owner: str, command: Any, command_id: str) -> None:
        """Appends a command from outside."""
        envelope = Envelope(command_id, type(command).__name__, self.now, command_id, command_id)
        self._append(owner, envelope, command)

    def wake(self, owner: str, key: str, wakeup: Wakeup) -> None:
        """Fires a timer, as the worker does."""
        purpose = f"wakeup/{type(wakeup.command).__name__}/{wakeup.at.isoformat()}"
        self.send(owner, wakeup.command, ids.derive(key, purpose))

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
        if decider.snapshot is not None and isinstance(command, decider.snapshot_command or ()):
            outcome = None if row is None else decider.snapshot(key, row)
        else:
            state = None if row is None else row.state
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
        for command in self.services[owner].reactions[source](event):
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

    def due(self, owner: str) -> list[tuple[str, Wakeup]]:
        """The wakeups that states ask for, whenever they are."""
        service = self.services[owner]
        return [
            (key, each)
            for key, row in service.rows.items()
            for each in service.decider.agenda(row.state)
            if isinstance(each, Wakeup)
        ]

    def pass_time(self, until: datetime) -> None:
        """Moves the clock on."""
        self.now = max(self.now, until)


def partition_of(key: str) -> int:
    """Where a key lies."""
    return crc32(key.encode()) % PARTITIONS
