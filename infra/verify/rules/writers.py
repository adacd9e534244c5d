"""Rule: who has lost a partition appends to it no more."""

from infra.verify.entry import OWNERS, Entry, Writer
from infra.verify.evidence import Evidence
from infra.verify.verdict import Findings, Verdict, of_entry


def check_writers(evidence: Evidence) -> Verdict:
    """Of each partition of events: a writer that was succeeded does not come back.

    A copy of an event is harmless, as a worker leaves it that was cut off from the network.
    """
    found = Findings()
    for owner in OWNERS:
        copies = {entry.place for entry in evidence.chains[owner].duplicates}
        reigns: dict[int, _Reigns] = {}
        for entry in evidence.of(f"{owner}.events"):
            if entry.writer is None:
                continue
            found.checked += 1
            problem = reigns.setdefault(entry.partition, _Reigns()).problem(entry, entry.writer)
            if problem is None:
                continue
            findings = found.notes if entry.place in copies else found.violations
            findings.append(of_entry(entry, problem))
    return found.verdict("writers", "who has lost a partition appends to it no more")


class _Reigns:
    """The writers of one partition, in the order of its log."""

    def __init__(self) -> None:
        self._succeeded: set[Writer] = set()
        self._present: Writer | None = None

    def problem(self, entry: Entry, writer: Writer) -> str | None:
        """What is wrong with this writer here; it then counts as no successor."""
        present = self._present
        if writer == present:
            return None
        if present is not None:
            if writer in self._succeeded or _is_earlier(writer, present):
                return f"{entry.type} is by {writer}, which {present} had succeeded"
            self._succeeded.add(present)
        self._present = writer
        return None


def _is_earlier(writer: Writer, present: Writer) -> bool:
    """True when both the group's count and the clocks say so; each alone may have been set back."""
    return writer.generation < present.generation and writer.since < present.since
