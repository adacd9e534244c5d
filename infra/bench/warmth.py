"""Waits until Kafka's Java has compiled what a load needs.

In its first minute a broker spends more on compiling itself than on records. One that serves for
months has done with that, so nothing is measured before.
"""

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

# Of one core, over TURN_SECONDS and more.
COMPILING_SHARE_MAX = 0.1
TURN_SECONDS = 5.0
# As the kernel shortens the names of "C1 CompilerThread0" and "C2 CompilerThread0".
_THREADS = ("C1 CompilerThre", "C2 CompilerThre")


async def warm_up(
    pids: Iterable[int], work: Callable[[float], Awaitable[None]], seconds_max: float
) -> bool:
    """Has work done in turns until these processes hardly compile any more.

    Args:
        work: is told how many seconds a turn takes.
        seconds_max: after which no turn begins.

    Returns:
        Whether they are warm; else the time was up.
    """
    known = tuple(pids)
    until = time.monotonic() + seconds_max
    while time.monotonic() < until:
        before, began_at = compiling(known), time.monotonic()
        await work(min(TURN_SECONDS, seconds_max))
        used = spent(before, compiling(known))
        if used < COMPILING_SHARE_MAX * (time.monotonic() - began_at):
            return True
    return False


def compiling(pids: Iterable[int]) -> dict[str, float]:
    """CPU seconds until now of each compiler thread; Java ends and begins some as it needs them."""
    found: dict[str, float] = {}
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
            try:
                text = thread.read_text()
            except OSError:
                continue  # it has ended meanwhile
            # proc(5): utime and stime are fields 14 and 15; the name may have spaces.
            head, _, rest = text.rpartition(")")
            if head.partition("(")[2] in _THREADS:
                fields = rest.split()
                ticks = int(fields[11]) + int(fields[12])
                found[str(thread)] = ticks / os.sysconf("SC_CLK_TCK")
    return found


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """CPU seconds between two readings."""
    return sum(seconds - before.get(thread, 0.0) for thread, seconds in after.items())
