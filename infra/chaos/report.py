"""What a chaos run tells: each fault as it comes, and a summary."""

import time
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from infra.chaos.plan import Kind


@dataclass(slots=True)
class Tale:
    """What has happened so far."""

    console: Console
    begun: float = field(default_factory=time.monotonic)
    faults: Counter[Kind] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    acknowledged_on_kafka: int = 0
    slowest_acknowledgement_seconds: float = 0.0
    records_repeated: int = 0
    records_bad: int = 0
    settle_seconds: float = 0.0

    def say(self, text: str) -> None:
        """One line, with the seconds since the start."""
        self.console.print(f"{time.monotonic() - self.begun:7.1f} s  {text}", markup=False)

    def surprise(self, text: str) -> None:
        """Something that no fault excuses; the run has failed."""
        self.surprises.append(text)
        self.say(f"SURPRISE: {text}")

    def summary(self) -> Table:
        """The figures of the run."""
        table = Table(show_header=False, box=None)
        table.add_column(no_wrap=True)
        table.add_column()
        table.add_row("orders acknowledged", str(len(self.acknowledged)))
        table.add_row("  of these over Kafka", str(self.acknowledged_on_kafka))
        table.add_row("HTTP answers to submissions", _listed(self.answers))
        table.add_row(
            "slowest acknowledgement", f"{self.slowest_acknowledgement_seconds:.1f} s with retries"
        )
        table.add_row("records repeated, bad", f"{self.records_repeated}, {self.records_bad}")
        table.add_row("workers that ended by themselves", _listed(self.exits) or "none")
        table.add_row("all settled after", f"{self.settle_seconds:.1f} s")
        table.add_row("faults", str(self.faults.total()))
        for kind in Kind:
            table.add_row(f"  {kind.value}", str(self.faults[kind]))
        return table


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
