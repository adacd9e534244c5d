"""All that the rules judge: the records of the topics, and the ledgers of the outside world."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from infra.verify.chain import Chain, chain_of
from infra.verify.entry import INPUTS, OWNERS, Entry
from infra.verify.identity import derived, partition_of

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Patience:
    """How old something must be before its absence counts.

    settle_seconds: from a record to what other services make of it.
    outcome_seconds: from what the outside world did to the event that tells it.
    open_seconds_max: from the beginning of an order to its end; None for as long as it takes.
    """

    settle_seconds: float = 10.0
    outcome_seconds: float = 60.0
    open_seconds_max: float | None = None


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What the payment provider and the point of sale say that they have done."""

    charges: Sequence[Mapping[str, Any]] = ()
    refunds: Sequence[Mapping[str, Any]] = ()
    voids: Sequence[Mapping[str, Any]] = ()
    tickets: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Evidence:
    """Read first the log, then the ledgers, then what the log has got meanwhile.

    What the log says before the ledgers were read must be in them, because the outside world acts
    before the log tells it. What the ledgers say must have its reason in the whole of the log.

    Args:
        entries: by topic, in the order of each partition.
        begins: the first kept offset of each partition.
        told: the next offset of each partition when the ledgers were read.
        read_at: when the last record was read.
        acknowledged: orders that somebody else knows to be acknowledged.
    """

    partitions: int
    entries: Mapping[str, Sequence[Entry]]
    begins: Mapping[Place, int]
    told: Mapping[Place, int]
    ledgers: Ledgers
    read_at: datetime
    patience: Patience = field(default_factory=Patience)
    acknowledged: frozenset[str] = frozenset()

    @cached_property
    def chains(self) -> Mapping[str, Chain]:
        """By owner: its events, each version once."""
        return {
            owner: chain_of(
                self.of(f"{owner}.events"),
                key_field,
                lambda entry: self.begins.get((entry.topic, entry.partition), 0) > 0,
            )
            for owner, key_field in OWNERS.items()
        }

    def of(self, topic: str) -> Sequence[Entry]:
        """All records of a topic."""
        return self.entries.get(topic, ())

    def histories(self, owner: str) -> Mapping[str, Sequence[Entry]]:
        """The events of each aggregate whose beginning the log still has."""
        return self.chains[owner].standing

    def events(self, owner: str, *types: str) -> Iterator[Entry]:
        """The events of these types, aggregate by aggregate."""
        for history in self.histories(owner).values():
            yield from (entry for entry in history if entry.type in types)

    def all_events(self, owner: str, *types: str) -> Iterator[Entry]:
        """The events of these types, also those that began before the log's kept beginning."""
        yield from self.events(owner, *types)
        yield from (entry for entry in self.chains[owner].before if entry.type in types)

    def is_settled(self, entry: Entry) -> bool:
        """True when what follows from the record should be there."""
        return self.is_older(entry.at, self.patience.settle_seconds)

    def is_older(self, at: datetime, seconds: float) -> bool:
        """True for an instant more than so many seconds before the end of the reading."""
        return self.read_at - at > timedelta(seconds=seconds)

    def is_told(self, entry: Entry) -> bool:
        """True for a record that was in the log before the ledgers were read."""
        return entry.offset < self.told.get((entry.topic, entry.partition), 0)

    def is_cut(self, topic: str, key: str | None = None) -> bool:
        """True when the beginning of the topic, or of the key's partition, was deleted."""
        numbers: Iterable[int] = range(self.partitions)
        if key is not None:
            numbers = (partition_of(key.encode(), self.partitions),)
        return any(self.begins.get((topic, number), 0) > 0 for number in numbers)

    def is_kept(self, topic: str, at: datetime) -> bool:
        """True when no record of the topic of this instant, or a later one, was deleted."""
        return all(at > since for since in self._kept_since.get(topic, ()))

    @cached_property
    def _kept_since(self) -> Mapping[str, Sequence[datetime]]:
        first: dict[Place, datetime] = {}
        for topic, entries in self.entries.items():
            for entry in entries:
                first.setdefault((topic, entry.partition), entry.at)
        since: dict[str, list[datetime]] = {}
        for place, begin in self.begins.items():
            if begin > 0:
                since.setdefault(place[0], []).append(first.get(place, self.read_at))
        return since

    @cached_property
    def refused(self) -> Mapping[str, Entry]:
        """The first rejection of each refused command, by the command's id."""
        found: dict[str, Entry] = {}
        for owner in OWNERS:
            for entry in self.of(f"{owner}.rejections"):
                if "causation_id" in entry.content:
                    found.setdefault(entry["causation_id"], entry)
        return found

    @cached_property
    def put_aside(self) -> Mapping[str, Entry]:
        """The dead letters, by the place of the record that was put aside."""
        found: dict[str, Entry] = {}
        for owner in OWNERS:
            for entry in self.of(f"{owner}.dead-letters"):
                source = ("source_topic", "source_partition", "source_offset")
                found["/".join(str(entry.get(name)) for name in source)] = entry
        return found

    @cached_property
    def reactions(self) -> Mapping[str, Sequence[Entry]]:
        """The commands that each event has led to, by the event's id."""
        found: dict[str, list[Entry]] = {}
        for owner in OWNERS:
            for entry in self.of(f"{owner}.commands"):
                if entry.get("source") is not None:
                    found.setdefault(entry.get("causation_id", ""), []).append(entry)
        return found

    @cached_property
    def commands(self) -> Mapping[str, Entry]:
        """The first command of each id."""
        found: dict[str, Entry] = {}
        for topics in INPUTS.values():
            for topic in topics:
                for entry in self.of(topic):
                    found.setdefault(entry.id, entry)
        return found

    @cached_property
    def order_ids(self) -> frozenset[str]:
        """All orders that order.events tells of, also those whose beginning was deleted."""
        chain = self.chains["order"]
        return frozenset(chain.standing) | chain.cut

    @cached_property
    def order_of_charge(self) -> Mapping[str, str]:
        """Order ids by the idempotency key of their one charge."""
        return {derived(order_id, "charge"): order_id for order_id in self.order_ids}
