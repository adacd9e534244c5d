"""Rule: the versions of an aggregate follow each other."""

from infra.verify.entry import OWNERS
from infra.verify.evidence import Evidence
from infra.verify.verdict import Finding, Findings, Verdict, of_entry


def check_versions(evidence: Evidence) -> Verdict:
    """A copy of an event is harmless, as a retry leaves it; any other loser is a violation."""
    found = Findings()
    for owner in OWNERS:
        chain = evidence.chains[owner]
        found.checked += sum(len(history) for history in chain.standing.values())
        found.violations += [of_entry(entry, text) for entry, text in chain.losers]
        found.notes += [
            of_entry(entry, f"a harmless duplicate of {entry.type} version {entry['version']}")
            for entry in chain.duplicates
        ]
        if chain.cut:
            text = f"{len(chain.cut)} aggregates began before the log's kept beginning: left out"
            found.notes.append(Finding(text, owner))
    return found.verdict("versions", "versions follow each other, the first of each counts")
