"""What a table is read by beside keys: its lists, histories and agendas."""

from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from msgspec import structs

from services.common.decider import Row
from services.common.event_table import EventTable
from tests.common import tally
from tests.common.table_folds import ODD_KEYS, Table, listed
from tests.common.tally import EPOCH, Added, Tally, appended


def test_a_changed_label_moves_the_row(table: Table) -> None:
    """A row is listed under its present label only, and under `all` once."""
    table.apply([appended(0, Added("a", 1, "red"), 1)])
    table.apply([appended(1, Added("a", 1, "green"), 2)])
    assert listed(table, "red") == []
    assert listed(table, "green") == ["a"]
    assert [each.key for each in table.listed({})] == ["a"]


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
    while page := list(islice(table.listed({}, cursor), 2)):
        seen += [each.key for each in page]
        cursor = (page[-1].sort, page[-1].key)
    assert seen == sorted(ODD_KEYS)


def test_rows_with_several_labels_are_found_in_pages(table: Table) -> None:
    """The same as if every list were read whole, in the same order."""
    shop = {key: "red" if number % 3 else "green" for number, key in enumerate(ODD_KEYS)}
    table.apply([appended(n, Added(key, 1, shop[key]), 1) for n, key in enumerate(ODD_KEYS)])
    assert [each.key for each in table.listed({"all": "", "colour": "red"})] == listed(table, "red")
    seen: list[str] = []
    cursor: tuple[str, str] | None = None
    both = {"colour": "green", "all": ""}
    while page := list(islice(table.listed(both, cursor), 2)):
        seen += [each.key for each in page]
        cursor = (page[-1].sort, page[-1].key)
    assert seen == listed(table, "green")
    assert list(table.listed({"colour": "green", "all": "none"})) == []


def test_a_row_is_read_only_where_it_has_all_labels(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the list of one of them is."""
    table.apply([appended(n, Added(f"k{n}", 1, "red"), 1) for n in range(50)])
    table.apply([appended(50, Added("k50", 1, "green"), 1)])
    read: list[str] = []
    row = table.row

    def reading(key: str) -> Row[Tally] | None:
        read.append(key)
        return row(key)

    monkeypatch.setattr(table, "row", reading)
    assert [each.key for each in table.listed({"all": "", "colour": "green"})] == ["k50"]
    assert read == ["k50"]


def test_new_rows_do_not_shift_the_next_page(table: Table) -> None:
    """What comes between two pages is newer than the cursor's place."""
    table.apply([appended(n, Added(f"k{n}", 1), 1) for n in range(4)])
    first = list(islice(table.listed({}), 2))
    table.apply([appended(4, Added("k4", 1), 1)])
    rest = table.listed({}, (first[-1].sort, first[-1].key))
    assert [each.key for each in [*first, *rest]] == ["k3", "k2", "k1", "k0"]


def test_a_cursor_of_another_list_does_not_leave_the_list(table: Table) -> None:
    """Whatever a client makes up, only rows with the label are listed."""
    table.apply([appended(0, Added("a", 1, "green"), 1), appended(1, Added("b", 1, "red"), 1)])
    for sort in ("", "0", "9" * 20, "\0", "ü"):
        keys = {each.key for each in table.listed({"colour": "green"}, (sort, "x\0y"))}
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


def test_a_half_read_list_does_not_keep_a_partition_open(tmp_path: Path) -> None:
    """A partition that comes back can be opened again."""
    tables = EventTable[Tally](tmp_path, tally.decider())
    tables.open(0).apply([appended(n, Added(f"k{n}", 1), 1) for n in range(9)])
    assert len(list(islice(tables[0].listed({}), 3))) == 3
    tables.close(0)
    assert tables.open(0).row("k8") is not None
    tables.close(0)


@pytest.mark.parametrize("key", ["ä", "a b", "a\x00b", "é\u2028", "🍛", "r", "m", "position"])
def test_odd_characters_in_a_key_keep_keys_apart(table: Table, key: str) -> None:
    """Even those that no command may have."""
    events = [appended(0, Added(key, 1, "red"), 1), appended(1, Added(key + "x", 1, "red"), 1)]
    table.apply(events)
    assert [each.key for each in table.listed({"colour": "red"})] == [key + "x", key]
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
    assert [each.key for each in table.listed({})] == ["k4", "k3", "k2", "k1", "k0"]
