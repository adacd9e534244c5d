"""A process that folds an endless log into a table, to be killed at any moment.

As a program: python -m tests.common.write_loop <directory> apply|rebuild
"""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path

from services.common.event_table import Appended
from services.common.rebuild import RebuildLimits
from tests.common import tally
from tests.common.table_folds import Journaling, Table

KEYS = 5
COLOURS = ("red", "blue", "green")
JOURNALING = Journaling(large_bytes_min=1, events_max=5)
LIMITS = RebuildLimits(rows_in_memory_max=2, events_per_write_max=7, history_bytes_max=1_000)


def endless_log(start: int = 0) -> Iterator[Appended]:
    """The same log every time: offset n adds to key n mod KEYS, and every seventh event loses."""
    versions = dict.fromkeys(range(KEYS), 0)
    for offset in count():
        key = offset % KEYS
        if offset % 7:
            versions[key] += 1
        if offset >= start:
            event = tally.Added(f"key-{key}", offset, COLOURS[offset % 3])
            yield tally.appended(offset, event, versions[key] if offset % 7 else 10**6)


async def rebuild(table: Table, events: Iterable[Appended]) -> None:
    """Folds a stretch of the log."""
    rebuild = table.rebuild(LIMITS)
    await rebuild.add(events)
    await rebuild.close()


def main(directory: Path, way: str) -> None:
    """Writes without end, and says so once it has begun.

    Args:
        way: "rebuild" folds a stretch of the log as a recovery does before each batch of a loop.
    """
    table = JOURNALING.open(directory)
    log = endless_log(table.position.next_offset)
    for number in count():
        if way == "rebuild":
            asyncio.run(rebuild(table, islice(log, 40)))
        table.apply(islice(log, 17))
        if number == 3:
            sys.stdout.write("writing\n")
            sys.stdout.flush()


if __name__ == "__main__":
    with JOURNALING.limits():
        main(Path(sys.argv[1]), sys.argv[2])
