"""The event table: the fold of a partition's log, whatever becomes of process and files."""

import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import defstruct, structs

from services.common import event_table
from services.common.decider import Row, fold
from services.common.event_table import RECENT_ROWS_MAX, Appended, EventTable, TablePartition
from tests.common import tally
from tests.common.table_folds import (
    JOURNALINGS,
    Journaling,
    Table,
    check_equals_fold,
    listed,
    logs,
    rows_of,
)
from tests.common.tally import Added, Tally, appended
from tests.common.write_loop import JOURNALING, endless_log


@given(
    logs(),
    st.lists(st.integers(1, 6), max_size=8),
    st.sets(st.integers(0, 25)),
    st.sampled_from([0, 1, 2, RECENT_ROWS_MAX]),
    JOURNALINGS,
)
@settings(max_examples=80, deadline=None)
def test_the_table_equals_a_fold_of_the_log_at_every_offset(
    events: list[Appended],
    cuts: list[int],
    reopened_at: set[int],
    rows_in_memory: int,
    journaling: Journaling,
) -> None:
    """Whatever the batches, wherever it is closed and opened again, whichever rows are at hand."""
    with (
        tempfile.TemporaryDirectory() as directory,
        patch.object(event_table, "RECENT_ROWS_MAX", rows_in_memory),
        journaling.limits(),
    ):
        table = journaling.open(Path(directory) / "table")
        start = 0
        for cut in [*cuts, len(events)]:
            batch = events[start : start + cut]
            if not batch:
                break
            table.apply(batch)
            start += len(batch)
            if start in reopened_at:
                table.close()
                table = journaling.open(Path(directory) / "table")
            check_equals_fold(table, events[:start])
            assert table.position.next_offset == start
        table.close()


def test_a_row_that_was_folded_where_it_was_decided_is_taken(table: Table) -> None:
    """Where it follows; where it does not, the event loses all the same."""
    log = [appended(n, Added("a", 1, "red"), n + 1) for n in range(2)]
    first = fold(tally.decider(), None, log[0].envelope, log[0].event)
    assert first is not None
    painted = structs.replace(first, state=replace(first.state, colour="green"))
    assert table.apply([structs.replace(log[0], after=painted)]) == {"a": painted}
    assert (table.row("a"), listed(table, "green")) == (painted, ["a"])
    assert table.apply([structs.replace(log[0], offset=1, after=painted)]) == {}
    assert (table.losers, table.row("a")) == (1, painted)


def test_what_a_writer_says_after_a_loss_does_not_settle_the_lost_command(table: Table) -> None:
    """Its command is to be decided again, though the same writer's next event counts."""

    def of(writer: str, offset: int, key: str, version: int) -> Appended:
        event = appended(offset, Added(key, 1), version)
        return structs.replace(event, inputs={"in": 10 * (offset + 1)}, writer=writer.encode())

    table.apply([of("late", 0, "a", 1), of("owner", 1, "a", 1), of("owner", 2, "b", 1)])
    assert table.row("b") is not None
    assert (table.losers, table.position.inputs) == (1, {"in": 10})
    table.close()
    table._open()
    table.apply([of("owner", 3, "c", 1)])
    assert table.position.inputs == {"in": 10}
    table.apply([of("owner, again", 4, "a", 2)])
    assert table.position.inputs == {"in": 50}


def test_a_repeat_that_loses_settles_as_ever(table: Table) -> None:
    """A copy of an event takes nothing away: its command has its event."""
    first = structs.replace(appended(0, Added("a", 1), 1), inputs={"in": 1}, writer=b"owner")
    copy = structs.replace(first, offset=1)
    other = structs.replace(appended(2, Added("b", 1), 1), inputs={"in": 9}, writer=b"owner")
    table.apply([first, copy, other])
    assert (table.losers, table.position.inputs) == (1, {"in": 9})


@given(logs())
@settings(max_examples=20, deadline=None)
def test_events_that_the_table_has_are_not_folded_again(events: list[Appended]) -> None:
    """Reading the whole log once more changes nothing."""
    with tempfile.TemporaryDirectory() as directory:
        table = TablePartition(Path(directory) / "table", tally.decider())
        if events:
            table.apply(events)
        position, losers = table.position, table.losers
        assert table.apply(events) == {}
        assert (table.position, table.losers) == (position, losers)
        check_equals_fold(table, events)
        table.close()


def test_a_row_is_read_as_it_was_folded(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """State, version, instant and the memory of commands come back equal."""
    rows = table.apply([appended(0, Added("a", 1), 1, source="x/1"), appended(1, Added("a", 2), 2)])
    assert rows == {"a": table.row("a")}
    monkeypatch.setattr(event_table, "RECENT_ROWS_MAX", 1)
    table.apply([appended(2, Added("c", 1), 1)])
    assert list(table._recent) == ["c"]
    row = table.row("a")
    assert row == rows["a"]
    assert row is not None
    assert (row.version, row.state.total) == (2, 3)
    assert row.sources == {"x/1": 1}
    assert len(row.recent) == 1
    assert table.row("b") is None


def test_a_loser_is_counted_and_changes_nothing_but_the_position(table: Table) -> None:
    """A version that does not follow loses, the first of two of one version wins."""
    table.apply([appended(0, Added("a", 1, "red"), 1)])
    before = table.row("a")
    assert table.apply([appended(1, Added("a", 5, "green"), 1)]) == {}
    assert table.apply([appended(2, Added("a", 5, "green"), 3)]) == {}
    assert table.apply([appended(3, Added("b", 5, "green"), 2)]) == {}
    assert table.losers == 3
    assert (table.row("a"), table.row("b")) == (before, None)
    assert (listed(table, "green"), len(table.history("a"))) == ([], 1)
    assert table.position.next_offset == 4


def test_an_event_that_the_domain_can_not_take_loses(table: Table) -> None:
    """No record in the log, whoever put it there, keeps a partition from being opened."""
    table.apply([appended(0, Added("a", 1), 1)])
    table.apply([appended(1, tally.Derailed("a"), 2), appended(2, Added("a", 1), 2)])
    assert table.losers == 1
    assert table.position.next_offset == 3
    check_equals_fold(table, [appended(0, Added("a", 1), 1), appended(2, Added("a", 1), 2)])


@pytest.mark.parametrize("way", ["apply", "rebuild"])
def test_the_table_equals_a_fold_of_the_log_wherever_its_process_is_killed(
    tmp_path: Path, way: str
) -> None:
    """kill -9 at any moment of a write loop, again and again on the same table."""
    reached = []
    for delay in (0.0, 0.013, 0.05, 0.11):
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.common.write_loop", str(tmp_path / "table"), way],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        table = JOURNALING.open(tmp_path / "table")
        position = table.position.next_offset
        reached.append(position)
        events = list(islice(endless_log(), position))
        assert rows_of(table, [f"key-{n}" for n in range(5)]) == tally.folded(events)
        assert table.position.last_event_id == events[-1].envelope.id
        assert sum(1 for _ in table.listed({})) == 5
        assert sum(len(table.history(f"key-{n}")) for n in range(5)) == sum(
            1 for n in range(position) if n % 7
        )
        table.close()
    assert reached == sorted(set(reached)), "each run went on from where the last was killed"


def test_the_position_outlives_the_table(tmp_path: Path) -> None:
    """Opened again, a table stands where it stood."""
    table = TablePartition(tmp_path / "t", tally.decider())
    table.apply([appended(0, Added("a", 1), 1)])
    table.skip_to(9)
    position = table.position
    assert (position.next_offset, position.last_event_id) == (9, None)
    table.close()
    reopened = TablePartition(tmp_path / "t", tally.decider())
    assert reopened.position == position
    reopened.skip_to(3)
    assert reopened.position == position
    reopened.close()


def test_a_cleared_table_is_empty_and_can_be_folded_anew(tmp_path: Path) -> None:
    """Nothing of what it held is left, in memory or on disk."""
    table = TablePartition(tmp_path / "t", tally.decider())
    events = [appended(n, Added("a", 1, "red"), n + 1) for n in range(3)]
    table.apply(events)
    table.clear()
    assert (table.position.next_offset, table.row("a")) == (0, None)
    assert (listed(table, "red"), table.history("a"), list(table.waiting())) == ([], [], [])
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    table.apply(events)
    check_equals_fold(table, events)
    table.close()


@dataclass(frozen=True, slots=True)
class WiderTally:
    """The tally of a later release."""

    tally_id: str
    total: int
    colour: str
    created_at: datetime
    changed_at: datetime
    note: str = ""


def test_a_table_of_another_form_of_state_is_folded_anew(tmp_path: Path) -> None:
    """Rows that an earlier release wrote are never read as if they were of this one."""
    table = TablePartition(tmp_path / "t", tally.decider())
    table.apply([appended(0, Added("a", 1, "red"), 1)])
    table.close()
    later = replace(tally.decider(), state_type=WiderTally)  # type: ignore[arg-type]
    reopened = TablePartition(tmp_path / "t", later)
    assert (reopened.position.next_offset, reopened.row("a")) == (0, None)
    assert list(reopened.listed({})) == []
    reopened.close()


def test_a_state_with_another_default_is_of_another_form() -> None:
    """What is stored without its default would be read with the default of the later release."""

    def form(colour: str) -> str:
        fields: list[Any] = [("tally_id", str), ("colour", str, colour)]
        rows: Any = Row
        return event_table._form(rows[defstruct("Painted", fields, omit_defaults=True)])

    forms = {form(colour) for colour in ("red", "red", "blue")}
    assert len(forms) == 2


@pytest.mark.parametrize("lost", ["*.sst", "CURRENT", "MANIFEST-*"])
def test_a_damaged_table_is_folded_anew(tmp_path: Path, lost: str) -> None:
    """Deleting files loses nothing, because the log has it all; the worker starts all the same."""
    table = TablePartition(tmp_path / "t", tally.decider())
    events = [appended(0, Added("a", 1, "red"), 1)]
    table.apply(events)
    table._db.flush()
    table.close()
    for path in (tmp_path / "t").glob(lost):
        path.unlink()
    reopened = TablePartition(tmp_path / "t", tally.decider())
    assert reopened.position.next_offset == 0
    reopened.apply(events)
    check_equals_fold(reopened, events)
    reopened.close()


def test_a_table_that_is_open_elsewhere_is_left_alone(tmp_path: Path) -> None:
    """Two workers of one name end; they do not delete each other's table."""
    table = TablePartition(tmp_path / "t", tally.decider())
    table.apply([appended(0, Added("a", 1), 1)])
    with pytest.raises(Exception, match="lock"):
        TablePartition(tmp_path / "t", tally.decider())
    assert table.row("a") is not None
    table.close()


def test_partitions_are_apart(tmp_path: Path) -> None:
    """Opening twice gives the same, closing one leaves the other."""
    tables = EventTable[Tally](tmp_path, tally.decider())
    first, second = tables.open(0), tables.open(1)
    assert tables.open(0) is first
    first.apply([appended(0, Added("a", 1), 1)])
    assert second.row("a") is None
    tables.close(0)
    tables.close(0)
    with pytest.raises(KeyError):
        tables[0]
    assert tables[1] is second
    tables.close(1)
