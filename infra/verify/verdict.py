"""What a rule has found."""

from dataclasses import dataclass, field

from infra.verify.entry import OWNERS, Entry


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one aggregate.

    Args:
        aggregate: `<owner>/<key>`, or what else the sentence is about.
        place: topic/partition/offset of the record that shows it.
    """

    text: str
    aggregate: str
    order_id: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one rule: how much was checked, what breaks it, and what is worth knowing."""

    rule: str
    title: str
    checked: int
    violations: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Findings:
    """What a rule collects on its way."""

    checked: int = 0
    violations: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def verdict(self, rule: str, title: str) -> Verdict:
        """All of it, as the outcome of the rule."""
        return Verdict(rule, title, self.checked, tuple(self.violations), tuple(self.notes))


def of_entry(entry: Entry, text: str) -> Finding:
    """A finding about the aggregate that a record is for."""
    owner = entry.topic.split(".")[0]
    work = entry.get("delivery")
    order_id = entry.get("order_id") or (work.get("order_id") if isinstance(work, dict) else None)
    return Finding(text, f"{owner}/{entry.get(OWNERS[owner], '?')}", order_id, entry.place)


def of_order(order_id: str, text: str, entry: Entry | None = None) -> Finding:
    """A finding about an order, and the record that shows it."""
    return Finding(text, f"order/{order_id}", order_id, None if entry is None else entry.place)
