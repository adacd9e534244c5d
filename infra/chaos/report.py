"""What a chaos run tells: each fault as it comes, and a summary."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console

from infra.chaos.plan import Kind


@dataclass(slots=True)
class Tale:
    """What has happened so far.

    struck: the faults that have really been had.
    restaurants: where orders were placed.
    wishes: what people wanted afterwards, by `<what>: <answer>`.
    excused: the ends of processes that a fault explains, by `<program> with <exit code>`.
    exits: all other ends that nobody asked for.
    surprises: what no fault excuses; one of them and the run has failed.
    unready_seconds: by service, the longest time that none of its workers was ready.
    """

    console: Console
    begun: float = field(default_factory=time.monotonic)
    struck: Counter[Kind] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    submitted: int = 0
    given_up: int = 0
    acknowledged_by_http: set[str] = field(default_factory=set)
    acknowledged_by_kafka: set[str] = field(default_factory=set)
    acknowledged_lately: deque[str] = field(default_factory=lambda: deque(maxlen=100))
    restaurants: list[str] = field(default_factory=list)
    wishes: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    slowest_acknowledgement_seconds: float = 0.0
    records_repeated: int = 0
    records_bad: int = 0
    unready_seconds: dict[str, float] = field(default_factory=dict)
    settle_seconds: float | None = None

    @property
    def acknowledged(self) -> set[str]:
        """The orders that somebody was told to be taken."""
        return self.acknowledged_by_http | self.acknowledged_by_kafka

    @property
    def missing(self) -> list[Kind]:
        """The kinds of faults that were never had."""
        return [kind for kind in Kind if not self.struck[kind]]

    def begin(self) -> None:
        """From now on the seconds are counted."""
        self.begun = time.monotonic()

    def say(self, text: str) -> None:
        """One line, with the seconds since the beginning."""
        self.console.print(f"{time.monotonic() - self.begun:7.1f} s  {text}", markup=False)

    def surprise(self, text: str) -> None:
        """Something that no fault excuses; the run has failed."""
        self.surprises.append(text)
        self.say(f"SURPRISE: {text}")

    def summary(self) -> Iterator[str]:
        """The figures of the run, line by line."""
        by_http, by_kafka = len(self.acknowledged_by_http), len(self.acknowledged_by_kafka)
        yield f"orders submitted: {self.submitted}; submissions given up: {self.given_up}"
        yield (
            f"orders acknowledged: {len(self.acknowledged)}; {by_http} by HTTP, {by_kafka} by "
            f"Kafka; the slowest after {self.slowest_acknowledgement_seconds:.1f} s and its retries"
        )
        yield f"HTTP answers to submissions: {_listed(self.answers)}"
        yield f"wishes afterwards, by answer: {_listed(self.wishes)}"
        yield f"records repeated: {self.records_repeated}; bad records: {self.records_bad}"
        yield f"faults: {self.struck.total()}"
        yield from (f"{self.struck[kind]:5d}  {kind.value}" for kind in Kind)
        yield f"ends that a fault explains: {_listed(self.excused)}"
        yield f"ends by themselves: {_listed(self.exits)}"
        yield "longest time without a ready worker: " + ", ".join(
            f"{name} {seconds:.0f} s" for name, seconds in self.unready_seconds.items()
        )
        if self.settle_seconds is None:
            yield "not all orders have ended"
        else:
            yield f"all orders have ended {self.settle_seconds:.1f} s after the faults"
        yield from (f"surprise: {surprise}" for surprise in self.surprises)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "none"
