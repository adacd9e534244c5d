"""What must hold, checked by one who sees all records, stores, commits and ledgers.

It folds every event log for itself, as records come, and compares; it trusts nothing that a worker
says of itself. Each invariant has a name.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from infra.simulation.broker import Broker, Draft, LogRecord, Place
from infra.simulation.loop import SimulatedLoop
from infra.simulation.sense import Sense
from infra.simulation.violation import ViolationError, expect
from infra.simulation.workers import SERVICES, SESSION_SECONDS, parts_of
from services.common.codec import LANGUAGES, BadRecordError
from services.common.decider import Envelope, Row, fold, is_recognised
from services.common.event_table import row_decoder
from services.common.log import instant_of, place_of
from services.common.reactions import command_envelope

ROW, POSITION = b"r", b"mposition"


@dataclass(slots=True)
class _Partition:
    """One partition of one service: what its logs say."""

    rows: dict[str, Row[Any]] = field(default_factory=dict)
    pasts: dict[str, list[Row[Any]]] = field(default_factory=lambda: defaultdict(list))
    winners: dict[str, bytes] = field(default_factory=dict)  # value by event id
    by_cause: dict[str, str] = field(default_factory=dict)  # event id by command id
    commands: dict[str, list[tuple[Envelope, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    has_losers: bool = False


class Checker:
    """Sees all, says nothing until something is wrong."""

    def __init__(self, loop: SimulatedLoop, broker: Broker) -> None:
        self.losers: list[tuple[str, LogRecord, Envelope]] = []
        self.events = 0
        self._loop = loop
        self._broker = broker
        self._partitions = {
            (owner, number): _Partition()
            for owner in SERVICES
            for number in range(broker.partitions)
        }
        self._command_ids: dict[str, set[str]] = defaultdict(set)  # by service
        self.refusals: dict[str, set[str]] = defaultdict(set)  # reasons by aggregate
        self._refused: set[str] = set()  # command ids that a rejection names
        self._put_aside: set[str] = set()  # places that a dead letter names
        self._checked: dict[tuple[str, Place], int] = defaultdict(int)
        self._sense = Sense(self.row)
        self._rows = {name: row_decoder(parts_of(name).decider) for name in SERVICES}
        self._positions = msgspec.json.Decoder(dict[str, Any])

    def appended(self, record: LogRecord, draft: Draft) -> None:
        """A record is in the log."""
        owner, kind = record.topic.split(".", 1)
        with self._told():
            match kind:
                case "events":
                    self._event(owner, record, draft)
                case "commands" | "locations":
                    self._command(owner, record)
                case "rejections":
                    content = msgspec.json.decode(record.value or b"")
                    self._refused.add(content["causation_id"])
                    self.refusals[content["key"]].add(content["reason"])
                case "calls":
                    pass  # for people: nothing is to follow from them
                case _:
                    self._dead_letter(owner, msgspec.json.decode(record.value or b""))

    def wrote(self, directory: Path, key: bytes, value: bytes) -> None:
        """A store was written to: a table never knows what the log does not."""
        name, number = directory.name.rsplit("-", 1)
        if key[:1] == ROW and self._partitions[name, int(number)].has_losers:
            self._expect_row(name, int(number), key[1:].decode(), value)
        if key != POSITION:
            return
        end = len(self._broker.records[Place(f"{name}.events", int(number))])
        position = self._positions.decode(value)["next_offset"]
        with self._told():
            expect(
                position <= end,
                "table_is_never_ahead_of_the_log",
                f"{directory} stands at {position}, the log ends at {end}",
            )

    def _expect_row(self, name: str, number: int, key: str, value: bytes) -> None:
        """What a table says of an aggregate, the log has said of it at some offset."""
        with self._told():
            expect(
                self._rows[name].decode(value) in self._partitions[name, number].pasts[key],
                "table_is_the_fold_of_the_log",
                f"{name}/{number} {key}: the log has never said {value.decode()}",
            )

    def committed(self, group: str, offsets: Mapping[Place, int]) -> None:
        """Offsets were committed: all that was before them is done."""
        service, _, is_reactions = group.partition(".")
        with self._told():
            for place, offset in offsets.items():
                first = self._checked[group, place]
                records = self._broker.records[place]
                expect(offset <= len(records), "commit_is_in_the_log", f"{group} {place} {offset}")
                for record in records[first:offset]:
                    if is_reactions:
                        self._expect_reacted(service, record)
                    else:
                        self._expect_decided(service, record)
                self._checked[group, place] = max(first, offset)

    def check_losers(self) -> None:
        """Every event that lost is a repeat: its command has its event, and a winner.

        Where commands come from one topic only, it is the very same event; from two, another worker
        may have read them in another order. Or the state knows it again, as a location that a later
        one has overtaken.
        """
        for owner, record, envelope in self.losers:
            partition = self._partitions[owner, record.partition]
            winner = partition.winners.get(envelope.id)
            expect(
                winner == record.value
                or (winner is not None and bool(parts_of(owner).inputs))
                or self._is_recognised(owner, partition, record),
                "no_loser_with_other_content",
                f"{place_of(record)} {envelope.type} v{envelope.version} lost to no equal",
            )

    def _is_recognised(self, owner: str, partition: _Partition, record: LogRecord) -> bool:
        _, event = LANGUAGES[owner].decode_event(record.value)
        row = partition.rows.get(LANGUAGES[owner].key(event))
        return row is not None and is_recognised(parts_of(owner).decider, row, event)

    def row(self, owner: str, key: str) -> Row[Any] | None:
        """The aggregate as the log has it."""
        for (name, _), partition in self._partitions.items():
            if name == owner and key in partition.rows:
                return partition.rows[key]
        return None

    def states(self, owner: str) -> list[Any]:
        """All aggregates of a service, as the log has them."""
        return [
            row.state
            for (name, _), partition in self._partitions.items()
            if name == owner
            for row in partition.rows.values()
        ]

    def rows(self, owner: str, number: int) -> Mapping[str, Row[Any]]:
        """The fold of one partition's log."""
        return self._partitions[owner, number].rows

    def all_read(self) -> bool:
        """True when every group has committed all that it reads."""
        for service in SERVICES:
            parts = parts_of(service)
            read = [(service, f"{service}.commands"), *((service, each) for each in parts.inputs)]
            read += [(f"{service}.reactions", f"{each}.events") for each in parts.reactions or ()]
            for group, topic in read:
                for number in range(self._broker.partitions):
                    place = Place(topic, number)
                    committed = self._broker.group(group).committed.get(place, 0)
                    if committed < len(self._broker.records[place]):
                        return False
        return True

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except ViolationError as violation:
            if self._loop.failure is None:
                self._loop.failure = violation

    def _command(self, owner: str, record: LogRecord) -> None:
        with contextlib.suppress(BadRecordError):
            envelope, command = self._decoded(owner, record)
            partition = self._partitions[owner, record.partition]
            partition.commands[envelope.id].append((envelope, command))
            self._command_ids[owner].add(envelope.id)

    def _dead_letter(self, owner: str, letter: dict[str, Any]) -> None:
        self._put_aside.add(letter["causation_id"])
        place = Place(letter["source_topic"], letter["source_partition"])
        record = self._broker.records[place][letter["source_offset"]]
        with contextlib.suppress(BadRecordError):
            envelope, _ = self._decoded(owner, record)
            raise ViolationError(
                "only_bad_records_are_put_aside",
                f"{place_of(record)} {envelope.type}: {letter['reason']}",
            )

    def _decoded(self, owner: str, record: LogRecord) -> tuple[Envelope, Any]:
        return LANGUAGES[owner].decode_command(record.value, place_of(record), instant_of(record))

    def _event(self, owner: str, record: LogRecord, draft: Draft) -> None:
        envelope, event = LANGUAGES[owner].decode_event(record.value)
        partition = self._partitions[owner, record.partition]
        decider = parts_of(owner).decider
        key = LANGUAGES[owner].key(event)
        self._expect_no_zombie(owner, record, draft)
        before = partition.rows.get(key)
        after = fold(decider, before, envelope, event)
        value = record.value or b""
        if after is None:
            self.losers.append((owner, record, envelope))
            partition.has_losers = True
            return
        self.events += 1
        twin = partition.by_cause.get(envelope.causation_id)
        expect(
            twin is None,
            "one_event_per_command",
            f"{place_of(record)} {envelope.type} is the second of {envelope.causation_id}",
        )
        self._expect_decision(owner, partition, before, envelope, event)
        partition.by_cause[envelope.causation_id] = envelope.id
        partition.winners[envelope.id] = value
        partition.rows[key] = after
        partition.pasts[key].append(after)
        causes = [command for _, command in partition.commands.get(envelope.causation_id, ())]
        self._sense.check(owner, before, envelope, event, after, causes)

    def _expect_no_zombie(self, owner: str, record: LogRecord, draft: Draft) -> None:
        process = draft.sender
        if process is None or process.woken_at is None:
            return
        was_away = process.woken_at - process.stopped_at
        place = Place(f"{owner}.commands", record.partition)
        group = self._broker.group(owner)
        expect(
            was_away <= SESSION_SECONDS
            or draft.sent_at <= process.woken_at
            or group.owner(place) is process,
            "no_zombie_appends",
            f"{process.name} was away for {was_away:.1f} s and has appended {place_of(record)}",
        )

    def _expect_decision(
        self,
        owner: str,
        partition: _Partition,
        before: Row[Any] | None,
        envelope: Envelope,
        event: Any,
    ) -> None:
        decider = parts_of(owner).decider
        outcomes: list[Any] = []
        for cause, command in partition.commands.get(envelope.causation_id, ()):
            if cause.occurred_at != envelope.occurred_at:
                continue
            if decider.snapshot is not None and isinstance(command, decider.snapshot_command or ()):
                key = LANGUAGES[owner].key(event)
                outcomes.append(None if before is None else decider.snapshot(key, before))
                continue
            state = None if before is None else before.state
            outcomes.append(decider.decide(command, state, cause.occurred_at))
        expect(
            event in outcomes,
            "event_is_the_decision_of_its_command",
            f"{envelope.type} v{envelope.version}: {event} is none of {outcomes}",
        )

    def _expect_reacted(self, service: str, record: LogRecord) -> None:
        owner = record.topic.removesuffix(".events")
        language = LANGUAGES[owner]
        envelope, event = language.decode_event(record.value)
        reactions = parts_of(service).reactions or {}
        for command in reactions[owner](event):
            made = command_envelope(envelope, f"{owner}/{language.key(event)}", command)
            expect(
                made.id in self._command_ids[service],
                "reaction_is_committed_when_done",
                f"{service} has committed {place_of(record)} {envelope.type}, "
                f"and its {made.type} is not in the log",
            )

    def _expect_decided(self, service: str, record: LogRecord) -> None:
        partition = self._partitions[service, record.partition]
        if place_of(record) in self._put_aside:
            return
        try:
            envelope, command = self._decoded(service, record)
        except BadRecordError:
            raise ViolationError(
                "command_is_committed_when_done", f"{place_of(record)} has no dead letter"
            ) from None
        if envelope.id in partition.by_cause or envelope.id in self._refused:
            return
        key = LANGUAGES[service].key(command)
        others = [each for (name, _), each in self._partitions.items() if name == service]
        if any(envelope.id in each.by_cause for each in others):
            return
        past = partition.pasts.get(key, [])
        expect(
            self._is_forwarded(service, record, envelope)
            or self._is_nothing(service, envelope, command, past),
            "command_is_committed_when_done",
            f"{place_of(record)} {envelope.type} of {key} has led to nothing",
        )

    def _is_forwarded(self, service: str, record: LogRecord, envelope: Envelope) -> bool:
        places = sum(
            envelope.id in partition.commands
            for (name, _), partition in self._partitions.items()
            if name == service
        )
        same = self._partitions[service, record.partition].commands.get(envelope.id, ())
        return places > 1 or (record.key is None and len(same) > 1)

    def _is_nothing(
        self, service: str, envelope: Envelope, command: Any, past: Iterable[Row[Any]]
    ) -> bool:
        """True when the command was a repeat, or asked for nothing, in some state."""
        decider = parts_of(service).decider
        for row in (None, *past):
            if isinstance(command, decider.snapshot_command or ()):
                return True
            if row is not None and envelope.source is not None:
                seen = row.sources.get(envelope.source, -1)
                if seen >= (envelope.source_version or 0):
                    return True
            state = None if row is None else row.state
            if decider.decide(command, state, envelope.occurred_at) is None:
                return True
        return False
