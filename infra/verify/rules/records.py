"""Rule: every event is readable, whole, and in its place."""

from collections.abc import Iterator

from infra.verify.entry import OWNERS, Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import derived, partition_of
from infra.verify.verdict import Findings, Verdict, of_entry

ENVELOPE = ("id", "type", "occurred_at", "causation_id", "correlation_id", "version")


def check_records(evidence: Evidence) -> Verdict:
    """Of each event: envelope, key, partition, and the id that derives from its command's."""
    found = Findings()
    for owner, key_field in OWNERS.items():
        for entry in evidence.of(f"{owner}.events"):
            found.checked += 1
            for problem in _problems(entry, key_field, evidence.partitions):
                found.violations.append(of_entry(entry, problem))
    return found.verdict("records", "every event is readable, whole and in its place")


def _problems(entry: Entry, key_field: str, partitions: int) -> Iterator[str]:
    if entry.problem is not None:
        yield f"it can't be read: {entry.problem}"
        return
    missing = [name for name in ENVELOPE if entry.get(name) in (None, "")]
    if missing:
        yield f"its envelope lacks {', '.join(missing)}"
        return
    key = entry[key_field].encode()
    if entry.key != key:
        yield f"its key is {entry.key!r}, but {key_field} is {entry[key_field]}"
    right = partition_of(key, partitions)
    if entry.partition != right:
        yield f"its key belongs into partition {right}"
    if entry.id != derived(entry["causation_id"], "event"):
        yield f"its id {entry.id} does not derive from its command {entry['causation_id']}"
