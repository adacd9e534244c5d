"""Hand-made evidence: records and ledgers, written one by one, to be broken by the tests."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from infra.verify.entry import INPUTS, OWNERS, TOPICS, WRITER, Entry, Typed, Writer, read_entry
from infra.verify.evidence import Evidence, Ledgers, Patience
from infra.verify.folds import Folds
from infra.verify.identity import derived, order_id_of, partition_of
from infra.verify.rules import Rule
from infra.verify.verdict import Verdict
from services.common.codec import encode_plain

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)
LATER = timedelta(hours=1)
STEP = timedelta(milliseconds=100)
PARTITIONS = 4
HERE = {"latitude": 37.33, "longitude": -121.88}
THERE = {"latitude": 37.35, "longitude": -121.9}
REGION = "san-jose"


class Story:
    """Records and ledgers as a sound build leaves them."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Entry]] = {topic: [] for topic in TOPICS}
        self.typed: dict[str, Typed] = {}
        self.begins: dict[tuple[str, int], int] = {}
        self.charges: list[dict[str, Any]] = []
        self.refunds: list[dict[str, Any]] = []
        self.voids: list[dict[str, Any]] = []
        self.tickets: list[dict[str, Any]] = []
        self.now = NOON
        self.writer = Writer("worker-1", 1, NOON)
        self._versions: dict[tuple[str, str], int] = {}
        self._last_ids: dict[tuple[str, str], str] = {}

    def record(
        self, topic: str, key: str, content: Mapping[str, Any], partition: int | None = None
    ) -> Entry:
        """Appends a record in the partition of its key."""
        self.now += STEP
        if partition is None:
            partition = partition_of(key.encode(), PARTITIONS)
        offset = sum(entry.partition == partition for entry in self.entries[topic])
        offset += self.begins.get((topic, partition), 0)
        milliseconds = int(self.now.timestamp() * 1000)
        value = msgspec.json.encode(content)
        headers = [(WRITER, encode_plain(self.writer))]
        entry, typed = read_entry(
            topic, partition, offset, milliseconds, key.encode(), value, headers
        )
        self.entries[topic].append(entry)
        if typed is not None:
            self.typed[entry.place] = typed
        return entry

    def command(
        self, owner: str, type_: str, content: Mapping[str, Any], cause: Entry | None = None
    ) -> Entry:
        """Appends a command, from outside or as the reaction to an event."""
        key_field = OWNERS[owner]
        key = content.get(key_field) or order_id_of(content["partner"], content["reference"])
        command_id = derived(cause.id, f"{type_}/{key}") if cause else f"{type_}-{self.now}"
        source = source_version = None
        if cause is not None:
            cause_owner = cause.topic.removesuffix(".events")
            source = f"{cause_owner}/{cause[OWNERS[cause_owner]]}"
            source_version = cause["version"]
        head = {
            "id": command_id,
            "type": type_,
            "causation_id": cause.id if cause else command_id,
            "correlation_id": content.get("order_id", key),
            "source": source,
            "source_version": source_version,
        }
        return self.record(INPUTS[owner][0], key, {**head, **content})

    def event(self, command: Entry, type_: str, content: Mapping[str, Any]) -> Entry:
        """Appends the event of a command."""
        owner = command.topic.split(".")[0]
        key = content[OWNERS[owner]]
        version = self._versions.get((owner, key), 0) + 1
        self._versions[owner, key] = version
        event_id = derived(command.id, "event")
        follows = self._last_ids.get((owner, key))
        self._last_ids[owner, key] = event_id
        head = {
            "id": event_id,
            "type": type_,
            "occurred_at": command.at.isoformat(),
            "causation_id": command.id,
            "correlation_id": command.get("correlation_id"),
            "version": version,
            "follows": follows,
            "source": command.get("source"),
            "source_version": command.get("source_version"),
        }
        entry = self.record(f"{owner}.events", key, {**head, **content})
        assert entry.problem is None, entry.problem
        return entry

    def step(
        self,
        owner: str,
        command: str,
        event: str,
        told: Mapping[str, Any],
        cause: Entry | None = None,
        asked: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Appends a command and its event; both say the same unless `asked` is given."""
        return self.event(
            self.command(owner, command, told if asked is None else asked, cause), event, told
        )

    def after(self, record: Entry, seconds: float) -> str:
        """So long after a record, as the wire says it."""
        return (record.at + timedelta(seconds=seconds)).isoformat()

    def refuse(self, command: Entry) -> Entry:
        """Appends the rejection of a command."""
        owner = command.topic.split(".")[0]
        key = command.get(OWNERS[owner]) or "?"
        return self.record(
            f"{owner}.rejections",
            key,
            {"type": "CommandRejected", "causation_id": command.id, "key": key, "detail": "no"},
        )

    def put_aside(self, record: Entry) -> Entry:
        """Appends the dead letter of a record."""
        letter = {
            "type": "DeadLetter",
            "reason": "bad",
            "source_topic": record.topic,
            "source_partition": record.partition,
            "source_offset": record.offset,
        }
        return self.record(f"{record.topic.split('.')[0]}.dead-letters", "letter", letter)

    def drop(self, *entries: Entry) -> None:
        """Takes records out of the log."""
        for entry in entries:
            self.entries[entry.topic].remove(entry)

    def change(self, entry: Entry, **content: Any) -> Entry:
        """Another content, key or writer, in a record's place."""
        key = content.pop("key", entry.key)
        writer = content.pop("writer", entry.writer)
        changed = replace(entry, key=key, writer=writer, content={**entry.content, **content})
        topic = self.entries[entry.topic]
        topic[topic.index(entry)] = changed
        return changed

    def repeat(self, entry: Entry, **content: Any) -> Entry:
        """Appends a copy of a record, or one that differs."""
        changed = {**entry.content, **content}
        return self.record(entry.topic, (entry.key or b"").decode(), changed, entry.partition)

    def find(self, topic: str, type_: str, number: int = 0) -> Entry:
        """A record by its type."""
        return [entry for entry in self.entries[topic] if entry.type == type_][number]

    def evidence(self, patience: Patience | None = None, age: timedelta = LATER) -> Evidence:
        """All of it, read some time after the last record."""
        entries = {
            topic: sorted(found, key=lambda entry: (entry.partition, entry.offset))
            for topic, found in self.entries.items()
        }
        ends = {(topic, number): 1_000_000 for topic in TOPICS for number in range(PARTITIONS)}
        return Evidence(
            partitions=PARTITIONS,
            entries=entries,
            begins=self.begins,
            told=ends,
            ledgers=Ledgers(self.charges, self.refunds, self.voids, self.tickets),
            read_at=self.now + age,
            patience=patience or Patience(),
        )

    def folds(self) -> Folds:
        """The fold of the events."""
        folds = Folds()
        for owner in OWNERS:
            for entry in self.entries[f"{owner}.events"]:
                folds.take(entry, self.typed.get(entry.place))
        return folds

    def judged(self, rule: Rule, patience: Patience | None = None) -> Verdict:
        """What a rule says of it."""
        return rule(self.evidence(patience))


def texts(verdict: Verdict) -> str:
    """All violations, a line each: aggregate and text."""
    return "\n".join(f"{each.aggregate}: {each.text}" for each in verdict.violations)
