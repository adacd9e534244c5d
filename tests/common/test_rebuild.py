"""Rebuilds: many events folded at once are as good as one by one, wherever the process ends."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.event_table import Appended
from services.common.rebuild import RebuildLimits
from tests.common import tally
from tests.common.table_folds import JOURNALINGS, Journaling, Table, check_equals_fold, logs
from tests.common.tally import Added, appended


def rebuild_with(table: Table, events: list[Appended], limits: RebuildLimits) -> None:
    """Folds the events in one rebuild."""
    rebuild = table.rebuild(limits)
    for each in events:
        rebuild.add(each)
    rebuild.close()


@given(
    logs(),
    st.tuples(st.integers(0, 25), st.integers(0, 25), st.integers(0, 25)),
    st.integers(1, 6),
    st.sampled_from((1, 500, 10_000)),
    st.integers(0, 4),
    JOURNALINGS,
)
@settings(max_examples=40, deadline=None)
def test_the_table_equals_a_fold_of_the_log_wherever_it_crashes(
    events: list[Appended],
    stages: tuple[int, int, int],
    writes: int,
    size: int,
    rows: int,
    journaling: Journaling,
) -> None:
    """Before, in the midst of and after a rebuild, however little it keeps in memory.

    What lies on disk at the crash is what another process would find. It goes on from there.
    """
    begin, end = sorted(stage % (len(events) + 1) for stage in stages[:2])
    crash = stages[2] % (len(events) + 1)
    limits = RebuildLimits(
        events_per_write_max=writes, bytes_per_write_max=size, rows_in_memory_max=rows
    )
    with tempfile.TemporaryDirectory() as directory, journaling.limits():
        left = Path(directory) / "left"
        table = journaling.open(Path(directory) / "table")

        def crash_at(offset: int) -> None:
            if offset == crash:
                shutil.copytree(Path(directory) / "table", left)

        rebuild = None
        for offset, each in enumerate(events):
            crash_at(offset)
            if offset == begin:
                rebuild = table.rebuild(limits)
            if rebuild is not None and offset >= end:
                rebuild.close()
                rebuild = None
            if rebuild is not None:
                rebuild.add(each)
            else:
                table.apply([each])
        if rebuild is not None:
            rebuild.close()
        crash_at(len(events))
        check_equals_fold(table, events)
        assert table.position.next_offset == len(events)
        table.close()
        check_what_is_left(journaling.open(left), events, limits, crash, range(begin, end))


def check_what_is_left(
    table: Table, events: list[Appended], limits: RebuildLimits, crash: int, rebuilt: range
) -> None:
    """The fold of the log up to the crash, or of a shorter one where a rebuild was not closed."""
    position = table.position.next_offset
    check_equals_fold(table, events[:position])
    assert position <= crash
    if not rebuilt or crash <= rebuilt.start or crash > rebuilt.stop:
        assert position == crash
    else:
        assert position >= rebuilt.start
    rebuild_with(table, events[position:], limits)
    check_equals_fold(table, events)
    table.close()


def test_a_rebuild_counts_losers_and_stops_at_none(table: Table) -> None:
    """As the loop does: a version that does not follow loses, and so does what can't be folded."""
    log = [
        appended(0, Added("a", 1, "red"), 1),
        appended(1, Added("a", 5, "green"), 1),
        appended(2, tally.Derailed("a"), 2),
        appended(3, Added("b", 5, "green"), 2),
        appended(4, Added("a", 1), 2),
    ]
    limits = RebuildLimits(events_per_write_max=2, bytes_per_write_max=1_000, rows_in_memory_max=1)
    rebuild_with(table, log, limits)
    assert (table.losers, table.position.next_offset) == (3, 5)
    check_equals_fold(table, [log[0], log[4]])


def test_a_rebuild_of_nothing_writes_nothing(table: Table) -> None:
    """A table that has the whole log stays as it is."""
    table.apply([appended(0, Added("a", 1), 1)])
    position, written = table.position, table._db.latest_sequence_number()
    limits = RebuildLimits(events_per_write_max=9, bytes_per_write_max=9_999, rows_in_memory_max=9)
    rebuild_with(table, [appended(0, Added("a", 1), 1)], limits)
    assert (table.position, table._db.latest_sequence_number()) == (position, written)
