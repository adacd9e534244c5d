"""Journals: what lies behind large rows is bounded, is replayed, and is deleted."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rocksdict import WriteBatch

from services.common import journals, table_layout
from services.common.codec import BadRecordError
from services.common.event_table import Appended, TablePartition
from services.common.journals import JournalError
from services.common.rebuild import RebuildLimits
from tests.common.table_folds import Journaling, Table, check_equals_fold
from tests.common.tally import EPOCH, Added, TallySnapshotted, appended

EVERY_ROW = Journaling(large_bytes_min=1, events_max=3, keeps_history=False)
SNAPSHOT_VERSION = 6


@pytest.fixture(params=[False, True], ids=["rows", "rows and histories"])
def journaling(request: pytest.FixtureRequest) -> Iterator[Journaling]:
    """Every row is large, and so many events lie behind it at most."""
    made = replace(EVERY_ROW, keeps_history=request.param)
    with made.limits():
        yield made


def past() -> list[Appended]:
    """Two rows in turn, one of which is written to the log whole in the midst of it."""
    log = [appended(2 * n, Added("a", 1, "red"), n + 1) for n in range(12)]
    log += [appended(2 * n + 1, Added("b", 2, "blue"), n + 1) for n in range(12)]
    log.sort(key=lambda each: each.offset)
    snapshot = TallySnapshotted("a", 700, "green", EPOCH, {})
    place = 2 * (SNAPSHOT_VERSION - 1)
    log[place] = appended(place, snapshot, SNAPSHOT_VERSION)
    return log


def written(table: Table) -> dict[bytes, bytes]:
    """What the store has of rows and journals."""
    return {key: value for key, value in table._scan(b"", b"\xff") if key[:1] in b"rj"}


def test_a_large_row_is_written_whole_only_now_and_then(
    tmp_path: Path, journaling: Journaling
) -> None:
    """Between, its place in the store stays as it is."""
    table = journaling.open(tmp_path / "table")
    stored = []
    for offset in range(9):
        table.apply([appended(offset, Added("a", 1), offset + 1)])
        stored.append(table._db.get(table_layout.row_key("a")))
    assert [stored.index(each) for each in stored] == [0, 0, 0, 0, 4, 4, 4, 4, 8]
    table.close()


def test_more_events_than_a_journal_takes_are_written_whole(
    tmp_path: Path, journaling: Journaling
) -> None:
    """Where they come at once, or have too many bytes."""
    log = [appended(offset, Added("a", 1), offset + 1) for offset in range(6)]
    table = journaling.open(tmp_path / "table")
    table.apply(log[:1])
    table.apply(log[1:5])
    assert table._tails["a"] == journals.Tail(5)
    with replace(journaling, bytes_max=len(log[5].value) - 1).limits():
        table.apply(log[5:])
    assert table._tails["a"] == journals.Tail(6)
    check_equals_fold(table, log)
    table.close()


def test_a_row_that_is_small_again_has_nothing_behind_it(tmp_path: Path) -> None:
    """Whether it was in memory meanwhile, or was read from the store."""
    large, colour = replace(EVERY_ROW, large_bytes_min=800), "x" * 800
    log = [appended(n, Added("a", 1, colour if n < 3 else "red"), n + 1) for n in range(8)]
    for directory, is_reopened in ((tmp_path / "one", False), (tmp_path / "other", True)):
        with large.limits():
            table = large.open(directory)
            for each in log:
                table.apply([each])
                if is_reopened:
                    table.close()
                    table = large.open(directory)
                check_equals_fold(table, log[: each.offset + 1])
            assert list(written(table)) == [table_layout.row_key("a")]
            assert table._read("a") == (table.row("a"), None)
            table.close()


async def rebuilt(table: Table, event: Appended, limits: RebuildLimits) -> None:
    """Has a rebuild fold one event."""
    rebuild = table.rebuild(limits)
    await rebuild.add([event])
    await rebuild.close()


def test_a_rebuild_writes_rows_whole_and_leaves_nothing_behind_them(
    tmp_path: Path, journaling: Journaling
) -> None:
    """Of the rows that it changes; the others stay as they are."""
    log = past()
    table = journaling.open(tmp_path / "table")
    for each in log[:8]:
        table.apply([each])
    limits = RebuildLimits(rows_in_memory_max=0, events_per_write_max=2, history_bytes_max=999)
    asyncio.run(rebuilt(table, log[8], limits))
    assert table._read("a")[1] == journals.Tail(5)
    assert table._read("b")[1] == journals.Tail(1, sum(len(log[n].value) for n in (3, 5, 7)))
    check_equals_fold(table, log[:9])
    table.close()


def test_a_table_without_a_way_to_read_journals_has_none(tmp_path: Path) -> None:
    """Every row is whole after each event."""
    with EVERY_ROW.limits():
        table = TablePartition(tmp_path / "table", EVERY_ROW.open(tmp_path / "other")._decider)
        for each in past():
            table.apply([each])
        check_equals_fold(table, past())
        assert [key[:1] for key in written(table)] == [b"r", b"r"]
        table.close()


@pytest.mark.parametrize("value", [b"no event", appended(9, Added("a", 1), 9).value])
def test_a_journal_that_does_not_follow_its_row_has_the_table_folded_anew(
    tmp_path: Path, value: bytes
) -> None:
    """Nothing is told that the log does not say, whatever is folded until then."""
    with EVERY_ROW.limits():
        table = EVERY_ROW.open(tmp_path / "table")
        for each in past()[:3]:
            table.apply([each])
        table._db.put(table_layout.event_key(table_layout.journal_prefix("a"), 3), value)
        assert table.row("a") is not None, "it is in memory"
        table.close()
        table = EVERY_ROW.open(tmp_path / "table")
        with pytest.raises((JournalError, BadRecordError)):
            table.row("a")
        table.apply([past()[3]])
        table.close()
        table = EVERY_ROW.open(tmp_path / "table")
        assert (table.position.next_offset, table.row("a")) == (0, None)
        table.close()


class Batch:
    """Writes of rows, changed on their way."""

    def __init__(self, batch: WriteBatch) -> None:
        self._batch = batch

    def put(self, key: bytes, value: bytes) -> None:
        """Sets a key."""
        self._batch.put(key, value)

    def delete(self, key: bytes) -> None:
        """Removes a key."""
        self._batch.delete(key)


class Shifted(Batch):
    """Events lie one version further than they should."""

    def put(self, key: bytes, value: bytes) -> None:
        """Sets a key."""
        self._batch.put(key[:-1] + bytes([key[-1] + 1]) if key[:1] == b"j" else key, value)


class Undeleted(Batch):
    """What a whole write makes superfluous stays."""

    def delete(self, key: bytes) -> None:
        """Leaves the key."""


class Unwritten(Batch):
    """Events are not written."""

    def put(self, key: bytes, value: bytes) -> None:
        """Sets a key."""
        if key[:1] != b"j":
            self._batch.put(key, value)


def through(kind: type[Batch]) -> Callable[[pytest.MonkeyPatch], None]:
    """A fault of what is written."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        put_row = journals.put_row

        def put(batch: Any, *others: Any) -> Any:
            return put_row(kind(batch), *others)

        patch.setattr(journals, "put_row", put)

    return plant


def reading(shift: int | None) -> Callable[[pytest.MonkeyPatch], None]:
    """A fault of what is read behind a row: from another version on, or nothing."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        read_row = journals.read_row

        def read(stored: bytes, decoder: Any, events_from: Any, fold: Any) -> Any:
            def shifted(version: int) -> Any:
                return () if shift is None else events_from(max(0, version + shift))

            return read_row(stored, decoder, shifted, fold)

        patch.setattr(journals, "read_row", read)

    return plant


def all_at_once(*faults: Callable[[pytest.MonkeyPatch], None]) -> Callable[..., None]:
    """Several faults together."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        for fault in faults:
            fault(patch)

    return plant


FAULTS = {
    "nothing is replayed": reading(None),
    "the first is left out": reading(1),
    "nothing is deleted": through(Undeleted),
    "nothing is deleted, and all is replayed": all_at_once(through(Undeleted), reading(-9)),
    "one version further": through(Shifted),
    "nothing is written": through(Unwritten),
}


def follow(directory: Path) -> None:
    """Folds a log one by one into a table that is opened again each time, and checks it."""
    table = EVERY_ROW.open(directory)
    try:
        for number, each in enumerate(past()):
            table.apply([each])
            table.close()
            table = EVERY_ROW.open(directory)
            check_equals_fold(table, past()[: number + 1])
    finally:
        table.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the property tests of tables check; without it, there is nothing to see."""
    with EVERY_ROW.limits():
        follow(tmp_path / "sound")
        FAULTS[fault](monkeypatch)
        with pytest.raises((AssertionError, JournalError)):
            follow(tmp_path / "broken")
