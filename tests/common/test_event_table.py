"""The event table: the fold of a partition's log, with its lists, histories and agendas."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from services.common.decider import Row, fold
from services.common.event_table import Appended, EventTable, TablePartition
from services.common.rebuild import RebuildLimits
from tests.common import tally
from tests.common.tally import EPOCH, Added, Tally, TallySnapshotted, appended
from tests.common.write_loop import endless_log

Table = TablePartition[Tally]

# Ids of aggregates that begin with one another, and that sort on both sides of separators.
ODD_KEYS = ("a", "a.b", "a:b", "a-", "a_", "A", "aa", "0", "z" * 64)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    """An empty table."""
    opened = TablePartition(tmp_path / "table", tally.decider())
    yield opened
    opened.close()


def rows_of(table: Table, keys: list[str]) -> dict[str, Row[Tally]]:
    """The rows that the table has of these keys."""
    rows = {key: table.row(key) for key in keys}
    return {key: row for key, row in rows.items() if row is not None}


def listed(table: Table, colour: str) -> list[str]:
    """The keys that are listed under a colour."""
    return [each.key for each in table.listed("colour", colour)]


def check_equals_fold(table: Table, events: list[Appended]) -> None:
    """Rows, lists, agendas and histories are what the log says, and nothing else."""
    expected = tally.folded(events)
    assert rows_of(table, [*expected, *ODD_KEYS]) == expected
    every = sorted(expected, key=lambda key: (-expected[key].state.created_at.timestamp(), key))
    assert [each.key for each in table.listed("all", "")] == every
    for colour in ("white", "red", "blue", "green"):
        assert listed(table, colour) == [
            key for key in every if expected[key].state.colour == colour
        ]
    waiting = {key for key, row in expected.items() if tally.agenda(row.state)}
    assert dict(table.waiting()) == {key: expected[key] for key in waiting}
    for key, row in expected.items():
        history = [each.value for each in winners(events) if each.event.tally_id == key]
        assert table.history(key) == history
        assert len(history) <= row.version


def winners(events: list[Appended]) -> list[Appended]:
    """The events that have changed a row."""
    won, rows = [], dict[str, Row[Tally]]()
    for each in events:
        key = each.event.tally_id
        after = fold(tally.decider(), rows.get(key), each.envelope, each.event)
        if after is not None:
            rows[key] = after
            won.append(each)
    return won


@st.composite
def logs(draw: st.DrawFn) -> list[Appended]:
    """Event logs with losers, snapshots and several keys."""
    events: list[Appended] = []
    rows: dict[str, Row[Tally]] = {}
    for offset in range(draw(st.integers(0, 25))):
        key = draw(st.sampled_from(ODD_KEYS))
        row = rows.get(key)
        version = (row.version if row else 0) + draw(st.sampled_from((1, 1, 1, 1, 0, 2)))
        colour = draw(st.sampled_from(("white", "red", "blue", "green")))
        source = draw(st.sampled_from((None, None, "other/1", "other/2")))
        event: Added | TallySnapshotted = Added(key, draw(st.integers(1, 9)), colour)
        if draw(st.integers(0, 9)) == 0:
            event = TallySnapshotted(key, 7, colour, row.state.created_at if row else EPOCH, {})
        each = appended(offset, event, max(1, version), source)
        events.append(each)
        after = fold(tally.decider(), row, each.envelope, each.event)
        if after is not None:
            rows[key] = after
    return events


@given(logs(), st.lists(st.integers(1, 6), max_size=8), st.sets(st.integers(0, 25)))
@settings(max_examples=60, deadline=None)
def test_the_table_equals_a_fold_of_the_log_at_every_offset(
    events: list[Appended], cuts: list[int], reopened_at: set[int]
) -> None:
    """Whatever the batches, and wherever the table is closed and opened again."""
    with tempfile.TemporaryDirectory() as directory:
        table = TablePartition(Path(directory) / "table", tally.decider())
        start = 0
        for cut in [*cuts, len(events)]:
            batch = events[start : start + cut]
            if not batch:
                break
            table.apply(batch)
            start += len(batch)
            if start in reopened_at:
                table.close()
                table = TablePartition(Path(directory) / "table", tally.decider())
            check_equals_fold(table, events[:start])
            assert table.position.next_offset == start
        table.close()


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
)
@settings(max_examples=40, deadline=None)
def test_the_table_equals_a_fold_of_the_log_wherever_it_crashes(
    events: list[Appended], stages: tuple[int, int, int], writes: int, size: int, rows: int
) -> None:
    """Before, in the midst of and after a rebuild, however little it keeps in memory.

    What lies on disk at the crash is what another process would find. It goes on from there.
    """
    begin, end = sorted(stage % (len(events) + 1) for stage in stages[:2])
    crash = stages[2] % (len(events) + 1)
    limits = RebuildLimits(
        events_per_write_max=writes, bytes_per_write_max=size, rows_in_memory_max=rows
    )
    with tempfile.TemporaryDirectory() as directory:
        left = Path(directory) / "left"
        table = TablePartition(Path(directory) / "table", tally.decider())

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
        check_what_is_left(left, events, limits, crash, range(begin, end))


def check_what_is_left(
    left: Path, events: list[Appended], limits: RebuildLimits, crash: int, rebuilt: range
) -> None:
    """The fold of the log up to the crash, or of a shorter one where a rebuild was not closed."""
    table = TablePartition(left, tally.decider())
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


def test_a_row_is_read_as_it_was_folded(table: Table) -> None:
    """State, version, instant and the memory of commands come back equal."""
    rows = table.apply([appended(0, Added("a", 1), 1, source="x/1"), appended(1, Added("a", 2), 2)])
    assert rows == {"a": table.row("a")}
    row = table.row("a")
    assert row is not None
    assert (row.version, row.state.total) == (2, 3)
    assert row.sources == {"x/1": 1}
    assert len(row.recent) == 1
    assert table.row("b") is None


def test_a_changed_label_moves_the_row(table: Table) -> None:
    """A row is listed under its present label only, and under `all` once."""
    table.apply([appended(0, Added("a", 1, "red"), 1)])
    table.apply([appended(1, Added("a", 1, "green"), 2)])
    assert listed(table, "red") == []
    assert listed(table, "green") == ["a"]
    assert [each.key for each in table.listed("all", "")] == ["a"]


def test_labels_that_change_and_change_back_within_one_batch_stay(table: Table) -> None:
    """The batch writes what is true after it."""
    table.apply([appended(0, Added("a", 1, "red"), 1)])
    table.apply([appended(1, Added("a", 1, "green"), 2), appended(2, Added("a", 1, "red"), 3)])
    assert listed(table, "red") == ["a"]
    assert listed(table, "green") == []


def test_lists_are_newest_first(table: Table) -> None:
    """By the instant of the first event, whatever came later."""
    table.apply([appended(n, Added(f"k{n}", 1, "red"), 1) for n in range(5)])
    table.apply([appended(5, Added("k0", 1, "red"), 2)])
    assert listed(table, "red") == ["k4", "k3", "k2", "k1", "k0"]


def test_a_page_begins_behind_the_cursor(table: Table) -> None:
    """Also where ids begin with one another and instants are equal."""
    same = [structs.replace(appended(n, Added(key, 1), 1)) for n, key in enumerate(ODD_KEYS)]
    at = structs.replace(same[0].envelope, occurred_at=EPOCH)
    table.apply(
        [structs.replace(each, envelope=structs.replace(at, id=each.envelope.id)) for each in same]
    )
    seen: list[str] = []
    cursor: tuple[str, str] | None = None
    while page := list(islice(table.listed("all", "", cursor), 2)):
        seen += [each.key for each in page]
        cursor = (page[-1].sort, page[-1].key)
    assert seen == sorted(ODD_KEYS)


def test_new_rows_do_not_shift_the_next_page(table: Table) -> None:
    """What comes between two pages is newer than the cursor's place."""
    table.apply([appended(n, Added(f"k{n}", 1), 1) for n in range(4)])
    first = list(islice(table.listed("all", ""), 2))
    table.apply([appended(4, Added("k4", 1), 1)])
    rest = table.listed("all", "", (first[-1].sort, first[-1].key))
    assert [each.key for each in [*first, *rest]] == ["k3", "k2", "k1", "k0"]


def test_a_cursor_of_another_list_does_not_leave_the_list(table: Table) -> None:
    """Whatever a client makes up, only rows with the label are listed."""
    table.apply([appended(0, Added("a", 1, "green"), 1), appended(1, Added("b", 1, "red"), 1)])
    for sort in ("", "0", "9" * 20, "\0", "ü"):
        keys = {each.key for each in table.listed("colour", "green", (sort, "x\0y"))}
        assert keys <= {"a"}


def test_only_states_with_an_agenda_wait(table: Table) -> None:
    """The index follows the state: in, and out again."""
    table.apply([appended(0, Added("a", 1, "red"), 1), appended(1, Added("b", 1), 1)])
    assert [key for key, _ in table.waiting()] == ["a"]
    table.apply([appended(2, Added("a", 1, "white"), 2), appended(3, Added("b", 1, "blue"), 2)])
    assert [key for key, _ in table.waiting()] == ["b"]


def test_history_has_the_events_of_one_key_in_order(table: Table) -> None:
    """Past version 255, and not those of a key that begins alike."""
    events = [appended(n, Added("a", 1), n + 1) for n in range(300)]
    table.apply([*events, appended(300, Added("a.b", 1), 1)])
    assert table.history("a") == [each.value for each in events]
    assert len(table.history("a.b")) == 1
    assert table.history("b") == []


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
        table = TablePartition(tmp_path / "table", tally.decider())
        position = table.position.next_offset
        reached.append(position)
        events = list(islice(endless_log(), position))
        assert rows_of(table, [f"key-{n}" for n in range(5)]) == tally.folded(events)
        assert table.position.last_event_id == events[-1].envelope.id
        assert sum(1 for _ in table.listed("all", "")) == 5
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
    assert list(reopened.listed("all", "")) == []
    reopened.close()


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


def test_a_half_read_list_does_not_keep_a_partition_open(tmp_path: Path) -> None:
    """A partition that comes back can be opened again."""
    tables = EventTable[Tally](tmp_path, tally.decider())
    tables.open(0).apply([appended(n, Added(f"k{n}", 1), 1) for n in range(9)])
    assert len(list(islice(tables[0].listed("all", ""), 3))) == 3
    tables.close(0)
    assert tables.open(0).row("k8") is not None
    tables.close(0)


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


@pytest.mark.parametrize("key", ["ä", "a b", "a\x00b", "é\u2028", "🍛", "r", "m", "position"])
def test_odd_characters_in_a_key_keep_keys_apart(table: Table, key: str) -> None:
    """Even those that no command may have."""
    events = [appended(0, Added(key, 1, "red"), 1), appended(1, Added(key + "x", 1, "red"), 1)]
    table.apply(events)
    assert [each.key for each in table.listed("colour", "red")] == [key + "x", key]
    assert {each for each, _ in table.waiting()} == {key, key + "x"}
    assert table.history(key) == [events[0].value]
    assert table.position.next_offset == 2


def test_lists_keep_their_order_for_any_instant_that_a_record_can_have(table: Table) -> None:
    """Microseconds count, and 1970 comes after 2199."""
    ats = [EPOCH.replace(year=year) for year in (1970, 2000, 2026, 2199)]
    ats.append(ats[-1] + timedelta(microseconds=1))
    for number, at in enumerate(ats):
        each = appended(number, Added(f"k{number}", 1), 1)
        table.apply(
            [structs.replace(each, envelope=structs.replace(each.envelope, occurred_at=at))]
        )
    assert [each.key for each in table.listed("all", "")] == ["k4", "k3", "k2", "k1", "k0"]
