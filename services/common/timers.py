"""Timers: the wakeups that states ask for, sent as commands when they are due, never earlier.

Due times live in the states. The heap here is made anew when a partition is opened, so a restart
forgets no timer; a timer that fires twice sends the same command id, which counts once.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from services.common.decider import Wakeup
from services.common.pulse import Pulse

NAP_SECONDS_MAX = 0.5
FIRED_TOGETHER_MAX = 500

Fire = Callable[[str, Wakeup], Awaitable[None]]
Clock = Callable[[], datetime]


class Timers:
    """The pending wakeups of this worker's partitions.

    Args:
        fire: sends the command of a wakeup.
        pulse: beats with each turn.
        fire_seconds_max: how long the log may take for what is fired.
    """

    def __init__(
        self,
        fire: Fire,
        clock: Clock,
        pulse: Pulse | None = None,
        fire_seconds_max: float = 60.0,
    ) -> None:
        self._fire = fire
        self._clock = clock
        self._pulse = pulse or Pulse("timers")
        self._fire_seconds_max = fire_seconds_max
        self._heap: list[tuple[datetime, int, int, str, Wakeup]] = []
        self._wanted: dict[tuple[int, str], tuple[Wakeup, ...]] = {}
        self._sequence = 0
        self._earlier = asyncio.Event()

    def set(self, partition: int, key: str, wakeups: Iterable[Wakeup]) -> None:
        """Makes these the wakeups of an aggregate, in place of those it had."""
        wanted = tuple(wakeups)
        before = self._wanted.get((partition, key), ())
        if wanted == before:
            return
        if wanted:
            self._wanted[partition, key] = wanted
        else:
            self._wanted.pop((partition, key), None)
        for wakeup in wanted:
            if wakeup not in before:
                self._sequence += 1
                heapq.heappush(self._heap, (wakeup.at, self._sequence, partition, key, wakeup))
                if self._heap[0][1] == self._sequence:
                    self._earlier.set()

    def close(self, partition: int) -> None:
        """Forgets the wakeups of a partition that another worker owns now."""
        for place in [place for place in self._wanted if place[0] == partition]:
            del self._wanted[place]
        self._heap = [each for each in self._heap if each[2] != partition]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        return sum(len(wakeups) for wakeups in self._wanted.values())

    @property
    def late_seconds(self) -> float:
        """How long ago the earliest pending wakeup was due; 0 when none is."""
        heap = self._heap
        while heap and heap[0][4] not in self._wanted.get((heap[0][2], heap[0][3]), ()):
            heapq.heappop(heap)
        return max(0.0, (self._clock() - heap[0][0]).total_seconds()) if heap else 0.0

    async def run(self) -> None:
        """Fires what is due, for ever."""
        while True:
            self._pulse.beat()
            due = self._pop_due()
            if due:
                self._pulse.beat(self._fire_seconds_max)
                await asyncio.gather(*(self._fire(key, wakeup) for key, wakeup in due))
                continue
            nap = NAP_SECONDS_MAX
            if self._heap:
                nap = min(nap, max(0.0, (self._heap[0][0] - self._clock()).total_seconds()))
            self._earlier.clear()
            try:
                await asyncio.wait_for(self._earlier.wait(), max(nap, 0.001))
            except TimeoutError:
                continue

    def _pop_due(self) -> list[tuple[str, Wakeup]]:
        now = self._clock()
        due: list[tuple[str, Wakeup]] = []
        while self._heap and self._heap[0][0] <= now and len(due) < FIRED_TOGETHER_MAX:
            _, _, partition, key, wakeup = heapq.heappop(self._heap)
            if wakeup in self._wanted.get((partition, key), ()):
                due.append((key, wakeup))
        return due
