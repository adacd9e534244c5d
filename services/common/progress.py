"""How far a recovery is: for whoever waits for a worker to be ready."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.common import clock


@dataclass(slots=True)
class Progress:
    """How far the recovery of one partition is, in offsets of its log.

    `began_at` is None while it waits for its turn.
    """

    topic: str
    partition: int
    start: int = 0
    end: int = 0
    position: int = 0
    began_at: float | None = None

    def aim(self, start: int, end: int) -> None:
        """Names what is to be folded."""
        self.start = self.position = start
        self.end = end

    def begin(self) -> None:
        """Starts the clock."""
        self.began_at = clock.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return 0.0 if self.began_at is None else clock.monotonic() - self.began_at

    @property
    def events_per_second(self) -> float:
        """The mean since the beginning."""
        return (self.position - self.start) / max(self.seconds, 1e-6)

    @property
    def eta_seconds(self) -> float | None:
        """How long it will take at this speed; None while the speed is not known."""
        speed = self.events_per_second
        return (self.end - self.position) / speed if speed > 0 else None

    def facts(self) -> Mapping[str, Any]:
        """For a person who waits."""
        eta = self.eta_seconds
        return {
            "partition": self.partition,
            "folded": self.position - self.start,
            "to_fold": self.end - self.start,
            "events_per_second": round(self.events_per_second),
            "eta_seconds": None if eta is None else round(eta, 1),
        }

    def __str__(self) -> str:
        facts = self.facts()
        eta = facts["eta_seconds"]
        return (
            f"{facts['folded']} of {facts['to_fold']} events, {facts['events_per_second']} a "
            f"second, {'unknown' if eta is None else eta} s to go"
        )
