"""The monitor: looks at what the loops of a worker can't see of themselves.

It beats the pulse of what goes on, or has nothing to do; what it leaves out is seen to stand.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence

from services.common.lag import Lag
from services.common.pulse import Pulses


class Monitor:
    """Asks for lag, and looks whether calls end and partitions open.

    Args:
        seconds: from one look to the next.
        oldest_call_seconds: how long the oldest call to the outside world has run; 0 for none.
        call_seconds_max: how long one may run, with the report of its outcome.
        opening: what changes while partitions are on their way; None when all are open.
        rebalance_seconds_max: how long what is on its way may stand while the group finds itself.
    """

    def __init__(
        self,
        pulses: Pulses,
        lags: Sequence[Lag],
        seconds: float,
        oldest_call_seconds: Callable[[], float],
        call_seconds_max: float,
        opening: Callable[[], Hashable | None],
        rebalance_seconds_max: float,
    ) -> None:
        self._lags = lags
        self._seconds = seconds
        self._oldest_call_seconds = oldest_call_seconds
        self._call_seconds_max = call_seconds_max
        self._opening = opening
        self._rebalance_seconds_max = rebalance_seconds_max
        self._monitor = pulses.begin("monitor")
        self._effects = pulses.begin("effects")
        self._partitions = pulses.begin("partitions")
        self._seen: Hashable | None = None

    async def run(self) -> None:
        """Looks, for ever."""
        while True:
            self._monitor.beat()
            answered = [await lag.measure() for lag in self._lags]
            if self._oldest_call_seconds() <= self._call_seconds_max:
                self._effects.beat()
            self._look_at_opening(is_answered=all(answered))
            await asyncio.sleep(self._seconds)

    def _look_at_opening(self, is_answered: bool) -> None:
        opening = self._opening()
        if opening is None or opening != self._seen or not is_answered:
            self._partitions.beat(0.0 if opening is None else self._rebalance_seconds_max)
        self._seen = opening
