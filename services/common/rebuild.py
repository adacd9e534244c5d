"""Rebuild: a long stretch of the log on its way into a table that nobody reads meanwhile."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic

from services.common import store
from services.common.decider import State
from services.common.folding import Appended, Folding, Position

# So much is folded, encoded or written between two moments at which others have their turn.
STEPS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildLimits:
    """How much is folded in memory before it is written; half of the rows stay there after that."""

    rows_in_memory_max: int
    events_per_write_max: int
    history_bytes_max: int


class Rebuild(Generic[State]):
    """Folds in memory and writes seldom, each time as one: rows, indexes and position.

    Histories are written ahead of the position, as a row says up to where its history counts. A
    rebuild that is given up, by a crash or otherwise, leaves the fold of a shorter log behind.

    Args:
        written: is told where the store stands, and how many events lost.
    """

    def __init__(
        self,
        folding: Folding[State],
        db: Any,
        written: Callable[[Position, int], None],
        limits: RebuildLimits,
    ) -> None:
        self._folding = folding
        self._db = db
        self._written = written
        self._limits = limits
        self._histories = store.Bulk()
        self._history_bytes = 0
        self._losers_told = 0

    async def add(self, events: Iterable[Appended]) -> None:
        """Folds the next events of the log."""
        folding, limits = self._folding, self._limits
        for number, each in enumerate(events, 1):
            folding.add(each, self._histories)
            self._history_bytes += len(each.value)
            if (
                folding.rows_in_memory >= limits.rows_in_memory_max
                or folding.unwritten >= limits.events_per_write_max
            ):
                await self._write()
            elif self._history_bytes >= limits.history_bytes_max:
                await self._write_histories()
            if number % STEPS_MAX == 0:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Writes what is left."""
        if self._folding.unwritten:
            await self._write()

    async def _write(self) -> None:
        await self._write_histories()
        folding, rows = self._folding, store.Bulk()
        for number, key in enumerate(folding.changed, 1):
            folding.put(key, rows)
            if number % STEPS_MAX == 0:
                await asyncio.sleep(0)
        position = folding.put_position(rows)
        await self._ingest(rows)
        folding.settle(position, self._limits.rows_in_memory_max // 2)
        self._written(position, folding.losers - self._losers_told)
        self._losers_told = folding.losers

    async def _write_histories(self) -> None:
        self._history_bytes = 0
        await self._ingest(self._histories)

    async def _ingest(self, bulk: store.Bulk) -> None:
        for _ in store.ingest(self._db, bulk):
            await asyncio.sleep(0)
