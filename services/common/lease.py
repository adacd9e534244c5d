"""The lease of a worker on its partitions: ends a process that was away for too long.

A process that was stopped (SIGSTOP, swap, a pause of the machine) may have lost its partitions
without knowing. It must not append when it wakes, so it exits and starts over.
"""

import threading
import time

from services.common.telemetry import EXIT_STALLED, die

TICK_SECONDS = 0.25


class Lease:
    """Renewed by every turn of the loop; checked before every append."""

    def __init__(self, away_seconds_max: float, stall_seconds_max: float) -> None:
        self._away_seconds_max = away_seconds_max
        self._stall_seconds_max = stall_seconds_max
        self._renewed_at = time.monotonic()
        self._closed = threading.Event()

    def renew(self) -> None:
        """Says that the loop turns; exits when its last turn is too long ago."""
        now = time.monotonic()
        away = now - self._renewed_at
        if away > self._away_seconds_max:
            die(EXIT_STALLED, f"away for {away:.1f} s: the partitions may have another owner")
        self._renewed_at = now

    @property
    def idle_seconds(self) -> float:
        """How long ago the loop turned."""
        return time.monotonic() - self._renewed_at

    def watch(self) -> None:
        """Starts a thread that exits the process when the loop does not turn at all."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def close(self) -> None:
        """Ends the watch."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(TICK_SECONDS):
            if self.idle_seconds > self._stall_seconds_max:
                die(EXIT_STALLED, f"the loop has not turned for {self.idle_seconds:.1f} s")
