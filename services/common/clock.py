"""The clocks that the runtime reads; a simulation puts its own in their place."""

import time
from datetime import UTC, datetime

# CLOCK_MONOTONIC stands still while the machine sleeps; Linux has a clock that does not.
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> datetime:
    """The present instant, UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds since some instant; never set back."""
    return time.monotonic()


def since_boot() -> float:
    """Seconds since some instant; never set back, and counted on while the machine sleeps."""
    return time.clock_gettime(_BOOT)
