"""Pulses: when each loop of a worker last made progress, told so that others can see it stand."""

from collections.abc import Iterator

from services.common import clock


class Pulse:
    """The progress of one thing that should go on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._beaten_at = clock.since_boot()
        self._grace_seconds = 0.0

    def beat(self, grace_seconds: float = 0.0) -> None:
        """Says that there was progress, or that there is nothing to do.

        Args:
            grace_seconds: how long the next step may take for a reason that is known, such as a
                log that does not answer.
        """
        self._beaten_at, self._grace_seconds = clock.since_boot(), grace_seconds

    @property
    def idle_seconds(self) -> float:
        """How long ago there was progress."""
        return clock.since_boot() - self._beaten_at

    @property
    def overdue_seconds(self) -> float:
        """How much longer than its grace it has stood."""
        return max(0.0, self.idle_seconds - self._grace_seconds)


class Pulses:
    """All pulses of a worker; may be read from any thread."""

    def __init__(self) -> None:
        self._pulses: dict[str, Pulse] = {}

    def begin(self, name: str) -> Pulse:
        """A new pulse, in place of one of the same name."""
        pulse = self._pulses[name] = Pulse(name)
        return pulse

    def end(self, name: str) -> None:
        """Forgets what has no more reason to go on."""
        self._pulses.pop(name, None)

    def overdue(self, seconds_max: float) -> list[Pulse]:
        """Those that stand for longer, the longest first."""
        late = [pulse for pulse in self if pulse.overdue_seconds > seconds_max]
        return sorted(late, key=lambda pulse: -pulse.overdue_seconds)

    def __iter__(self) -> Iterator[Pulse]:
        return iter(list(self._pulses.values()))
