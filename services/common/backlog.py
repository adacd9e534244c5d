"""Backlog: what states wait for and memory has no room for, taken up from the tables in rounds.

So a flood costs time and not memory.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol

from services.common.decider import Row
from services.common.event_table import TablePartition

SetRow = Callable[[int, str, Row[Any]], None]


class Room(Protocol):
    """What holds a part of the agenda in memory, up to a limit."""

    @property
    def is_worthwhile(self) -> bool:
        """True when something was left, and there is much room for it again."""
        ...

    @property
    def may_go_on(self) -> bool:
        """True while a round may still find room."""
        ...

    def begin_round(self) -> None:
        """All that was left is about to be set again."""
        ...


class Backlog:
    """Sets the rows of a partition once it is opened, and of all in rounds while room is short.

    Args:
        set_row: is given a partition, the key and the row.
        rows_max: read at a time.
    """

    def __init__(self, room: Room, set_row: SetRow, rows_max: int) -> None:
        self._room = room
        self._set_row = set_row
        self._rows_max = rows_max
        self._tables: dict[int, TablePartition[Any]] = {}
        # By partition, the key behind which to go on.
        self._opening: dict[int, str] = {}
        self._round: dict[int, str] = {}

    def open(self, partition: int, table: TablePartition[Any]) -> None:
        """Has this partition read before any round goes on."""
        self._tables[partition] = table
        self._opening[partition] = ""

    def close(self, partition: int) -> None:
        """Forgets a partition."""
        self._tables.pop(partition, None)
        self._opening.pop(partition, None)
        self._round.pop(partition, None)

    def take_up(self) -> bool:
        """Sets the next few rows; False when there is nothing to read, or no room for it."""
        room = self._room
        if room.is_worthwhile and not self._round:
            room.begin_round()
            self._round = dict.fromkeys(self._tables, "")
        if self._opening:
            self._read(self._opening)
        elif self._round and room.may_go_on:
            self._read(self._round)
        else:
            return False
        return True

    def _read(self, unread: dict[int, str]) -> None:
        partition, after = next(iter(unread.items()))
        rows = list(islice(self._tables[partition].waiting(after), self._rows_max))
        for key, row in rows:
            self._set_row(partition, key, row)
        if len(rows) < self._rows_max:
            del unread[partition]
        else:
            unread[partition] = rows[-1][0]
