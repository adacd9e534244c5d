"""Timers: the wakeups that states ask for, sent as commands when they are due, never earlier.

Due times live in the states. The heap here is made anew when a partition is opened, so a restart
forgets no timer; a timer that fires twice sends the same command id, which counts once. Of very
many, the earliest are held in memory; the others are left in the tables until there is room.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime

from services.common.decider import Wakeup
from services.common.pulse import Pulse

NAP_SECONDS_MAX = 0.5
FIRED_TOGETHER_MAX = 500

# An instant, the partition and the aggregate; the order in which wakeups fire.
_Due = tuple[datetime, int, str]

Fire = Callable[[str, Wakeup], Awaitable[None]]
Clock = Callable[[], datetime]


class Timers:
    """The pending wakeups of this worker's partitions.

    Args:
        fire: sends the command of a wakeup.
        pulse: beats with each turn.
        fire_seconds_max: how long the log may take for what is fired.
        held_max: wakeups in memory.
    """

    def __init__(
        self,
        fire: Fire,
        clock: Clock,
        pulse: Pulse | None = None,
        fire_seconds_max: float = 60.0,
        held_max: int = 100_000,
    ) -> None:
        self._fire = fire
        self._clock = clock
        self._pulse = pulse or Pulse("timers")
        self._fire_seconds_max = fire_seconds_max
        self._held_max = held_max
        self._last_held: _Due | None = None  # when some had to be left: those that come later
        self._heap: list[tuple[datetime, int, str, int, Wakeup]] = []
        self._wanted: dict[tuple[int, str], tuple[Wakeup, ...]] = {}
        self._sequence = 0
        self._earlier = asyncio.Event()

    def set(self, partition: int, key: str, wakeups: Iterable[Wakeup]) -> None:
        """Makes these the wakeups of an aggregate, in place of those it had.

        What finds no room is left, and is to be set again when there is some.
        """
        wanted = tuple(each for each in wakeups if self._has_place(each, partition, key))
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
                heapq.heappush(self._heap, (wakeup.at, partition, key, self._sequence, wakeup))
                if self._heap[0][3] == self._sequence:
                    self._earlier.set()
        if len(self._heap) > self._held_max:
            self._leave_later_half()

    def close(self, partition: int) -> None:
        """Forgets the wakeups of a partition that another worker owns now."""
        for place in [place for place in self._wanted if place[0] == partition]:
            del self._wanted[place]
        self._heap = [each for each in self._heap if each[1] != partition]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        return sum(len(wakeups) for wakeups in self._wanted.values())

    def views(self) -> Iterator[tuple[str, Wakeup]]:
        """The aggregates that wait, each with a wakeup, in no order."""
        for (_, key), wakeups in self._wanted.items():
            for wakeup in wakeups:
                yield key, wakeup

    @property
    def late_seconds(self) -> float:
        """How long ago the earliest pending wakeup was due; 0 when none is."""
        heap = self._heap
        while heap and heap[0][4] not in self._wanted.get(heap[0][1:3], ()):
            heapq.heappop(heap)
        return max(0.0, (self._clock() - heap[0][0]).total_seconds()) if heap else 0.0

    @property
    def is_short(self) -> bool:
        """True when a wakeup has found no room since `begin_round`."""
        return self._last_held is not None

    @property
    def is_worthwhile(self) -> bool:
        """True when there is much room again for what was left."""
        return self.is_short and len(self._heap) <= self._held_max // 4

    @property
    def may_go_on(self) -> bool:
        """Always: an earlier wakeup takes the place of a later one."""
        return True

    def begin_round(self) -> None:
        """Takes any wakeup again: all that were left are about to be set again."""
        self._last_held = None

    def _has_place(self, wakeup: Wakeup, partition: int, key: str) -> bool:
        return self._last_held is None or (wakeup.at, partition, key) <= self._last_held

    def _leave_later_half(self) -> None:
        """Lets go of those that are no longer wanted, and where that is not much, of late ones."""
        heap = sorted(each for each in self._heap if each[4] in self._wanted.get(each[1:3], ()))
        if len(heap) > self._held_max * 3 // 4:
            self._last_held = heap[self._held_max // 2][:3]
            while heap[-1][:3] > self._last_held:
                _, partition, key, _, wakeup = heap.pop()
                place = (partition, key)
                self._wanted[place] = tuple(w for w in self._wanted[place] if w != wakeup)
                if not self._wanted[place]:
                    del self._wanted[place]
        self._heap = heap

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
            _, partition, key, _, wakeup = heapq.heappop(self._heap)
            if wakeup in self._wanted.get((partition, key), ()):
                due.append((key, wakeup))
        return due
