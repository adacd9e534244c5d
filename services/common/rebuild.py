"""Rebuild: a long stretch of the log on its way into a table that nobody reads meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from services.common import store
from services.common.decider import State
from services.common.folding import Appended, Folding, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildLimits:
    """How much is folded before it is written, and how many rows stay in memory after that."""

    events_per_write_max: int
    bytes_per_write_max: int
    rows_in_memory_max: int


class Rebuild(Generic[State]):
    """Folds in memory and writes seldom, each time as one: rows, indexes, histories and position.

    All but the last of a few events are written past RocksDB's own log. What a crash then takes
    away is a whole number of the last writes, so that the store is the fold of a shorter log. It
    must be closed before anything else is written: what was written past the log would be missing
    below what was written through it.

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
        self._is_unlogged = False
        self._losers_told = 0

    def add(self, event: Appended) -> None:
        """Folds the next event of the log."""
        folding, limits = self._folding, self._limits
        folding.add(event)
        if (
            folding.unwritten >= limits.events_per_write_max
            or folding.unwritten_bytes >= limits.bytes_per_write_max
        ):
            self._is_unlogged = True
            self._write()

    def close(self) -> None:
        """Writes what is left, and returns once all that was written outlives a crash."""
        if self._folding.unwritten:
            self._write()
        if self._is_unlogged:
            store.flush(self._db)
            self._is_unlogged = False

    def _write(self) -> None:
        folding = self._folding
        write = store.write_unlogged if self._is_unlogged else store.write
        position, _ = folding.write(lambda batch: write(self._db, batch))
        folding.forget(self._limits.rows_in_memory_max)
        self._written(position, folding.losers - self._losers_told)
        self._losers_told = folding.losers
