"""The lease of a worker on its partitions: ends a process that was away for too long, or stands.

A process that was stopped (SIGSTOP, swap, a pause of the machine) may have lost its partitions
without knowing. It must not append when it wakes, so it exits and starts over. Two kinds of clock
tell: the event loop's, without which no heartbeat reaches the group, and the pulse of each loop.
"""

import asyncio
import threading
from collections.abc import Callable

from services.common import clock
from services.common.pulse import Pulses
from services.common.telemetry import EXIT_STALLED, die

TICK_SECONDS = 0.25
COMMANDS = "commands"


class Lease:
    """Renewed by every turn of the command loop, and watched from outside of it.

    Args:
        away_seconds_max: how long the event loop may stand still and the partitions be its own.
        stall_seconds_max: how long any loop may stand, beyond what its pulse was granted.
    """

    def __init__(self, away_seconds_max: float, stall_seconds_max: float) -> None:
        self._away_seconds_max = away_seconds_max
        self._stall_seconds_max = stall_seconds_max
        self.pulses = Pulses()
        self._commands = self.pulses.begin(COMMANDS)
        self._beaten_at = clock.since_boot()
        self._beating: asyncio.Task[None] | None = None
        self._closed = threading.Event()

    def renew(self, grace_seconds: float = 0.0) -> None:
        """Says that the command loop turns; exits when the event loop was away.

        Args:
            grace_seconds: how long the next step may take for a reason that is known.
        """
        if self._beating is not None:
            self._check_away()
        self._commands.beat(grace_seconds)

    @property
    def idle_seconds(self) -> float:
        """How long ago the command loop turned."""
        return self._commands.idle_seconds

    def watch(self) -> None:
        """Begins to watch the event loop it is called in; a thread sees it stand still."""
        self._commands.beat()
        self._beaten_at = clock.since_boot()
        self._beating = asyncio.create_task(self._beat())
        start_watchdog(self._watch, self._closed)

    def close(self) -> None:
        """Ends the watch."""
        self._closed.set()
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None

    async def _beat(self) -> None:
        while True:
            self._check_away()
            self._beaten_at = clock.since_boot()
            await asyncio.sleep(TICK_SECONDS)

    def _watch(self) -> None:
        self._check_away()
        for pulse in self.pulses.overdue(self._stall_seconds_max):
            die(EXIT_STALLED, f"{pulse.name} has not turned for {pulse.idle_seconds:.1f} s")

    def _check_away(self) -> None:
        away = clock.since_boot() - self._beaten_at
        if away > self._away_seconds_max:
            die(EXIT_STALLED, f"away for {away:.1f} s: the partitions may have another owner")


def start_watchdog(watch: Callable[[], None], closed: threading.Event) -> None:
    """Has `watch` called every TICK_SECONDS by a thread, until it is closed."""

    def run() -> None:
        while not closed.wait(TICK_SECONDS):
            watch()

    threading.Thread(target=run, name="watchdog", daemon=True).start()
