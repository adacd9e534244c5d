"""A process that folds an endless log into a table, to be killed at any moment."""

import sys
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from services.common.event_table import Appended, TablePartition
from tests.common import tally

KEYS = 5
COLOURS = ("red", "blue", "green")


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


def main(directory: Path) -> None:
    """Writes without end, and says so once it has begun."""
    table = TablePartition(directory, tally.decider())
    log = endless_log(table.position.next_offset)
    for number in count():
        table.apply(islice(log, 17))
        if number == 3:
            sys.stdout.write("writing\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
