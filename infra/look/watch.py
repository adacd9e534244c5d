"""Rows that are looked at again and again: a table on a terminal, a line per change elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from infra.look.errors import UnansweredError
from infra.look.fronts import Fronts
from infra.look.kinds import Kind, Row
from infra.look.outcome import screen
from infra.look.text import STYLES, compact, json_line, table

FACTS = ("payment", "driver_id", "reason", "flags")


class Watch:
    """Looks at rows, and tells what has changed of them.

    Args:
        look: the rows that are wanted now.
        seconds: between two looks.
        count: of changes after which it ends.
        until_ended: it ends once no row is open.
        sleep: waits between two looks.
    """

    def __init__(
        self,
        fronts: Fronts,
        kind: Kind,
        look: Callable[[], Sequence[Row]],
        *,
        seconds: float,
        count: int | None,
        until_ended: bool,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._fronts = fronts
        self._kind = kind
        self._look = look
        self._seconds = seconds
        self._count = count
        self._until_ended = until_ended
        self._now = now
        self._sleep = sleep
        self._told: dict[str, tuple[Any, ...]] = {}
        self._rows: Sequence[Row] = ()

    def run(self, as_json: bool) -> None:
        """Tells every change until the watch ends.

        Raises:
            LookError: the front does not answer at the first look, or not as wanted.
        """
        console = screen()
        if as_json or not console.is_terminal:
            for row in self.changes():
                if as_json:
                    print(json_line(row), flush=True)
                else:
                    console.print(self._line(row))
            return
        with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            for _ in self.changes(self._redrawn(live)):
                pass

    def changes(self, looked: Callable[[], None] = lambda: None) -> Iterator[Row]:
        """Each row as it is at first, and whenever what is told of it has changed.

        Args:
            looked: is called after each look.
        """
        left = self._count
        is_first = True
        while True:
            changed: list[Row] = []
            try:
                changed = self._looked()
                is_first = False
            except UnansweredError as error:
                if is_first:
                    raise
                print(f"{error}; it is asked again", file=sys.stderr)
            looked()
            for row in changed:
                yield row
                if left is not None:
                    left -= 1
                    if left == 0:
                        return
            if self._until_ended and self._rows and all(map(self._has_ended, self._rows)):
                return
            self._sleep(self._seconds)

    def _looked(self) -> list[Row]:
        """The rows that have changed, those that are not among the wanted any more included."""
        rows = self._look()
        keys = {row[self._kind.key] for row in rows}
        gone = [self._fronts.one(self._kind, key) for key in self._told if key not in keys]
        changed = [row for row in (*rows, *gone) if row is not None and self._is_news(row)]
        self._rows = rows
        for key in [key for key in self._told if key not in keys]:
            del self._told[key]
        return changed

    def _is_news(self, row: Row) -> bool:
        key, facts = row[self._kind.key], _facts(row)
        if self._told.get(key) == facts:
            return False
        self._told[key] = facts
        return True

    def _has_ended(self, row: Row) -> bool:
        return row["status"] in self._kind.final

    def _redrawn(self, live: Live) -> Callable[[], None]:
        def redraw() -> None:
            now = self._now()
            rows = [[cell(row, now) for cell in self._kind.cells.values()] for row in self._rows]
            live.update(Group(*table(list(self._kind.cells), rows)), refresh=True)

        return redraw

    def _line(self, row: Row) -> Text:
        line = Text(f"{self._now():%H:%M:%S}  {row[self._kind.key]}  ")
        line.append(f"{row['status']:20}  ", STYLES.get(row["status"], ""))
        line.append(
            "  ".join(f"{name}={compact(row[name])}" for name in FACTS if row.get(name)), "dim"
        )
        line.rstrip()
        return line


def _facts(row: Row) -> tuple[Any, ...]:
    return (row["status"], *(row.get(name) for name in FACTS))
