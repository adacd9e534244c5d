"""Any event log of tallies, and whether a table is its fold."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import msgspec
from hypothesis import strategies as st

from services.common import journals, table_layout
from services.common.decider import Row, fold
from services.common.event_table import Appended, TablePartition
from tests.common import tally
from tests.common.tally import EPOCH, Added, Tally, TallySnapshotted, appended

Table = TablePartition[Tally]
# Ids of aggregates that begin with one another, and that sort on both sides of separators.
ODD_KEYS = ("a", "a.b", "a:b", "a-", "a_", "A", "aa", "0", "z" * 64)


@dataclass(frozen=True, slots=True)
class Journaling:
    """How tables are written: limits of journals, and whether there are histories too."""

    large_bytes_min: int = journals.LARGE_BYTES_MIN
    events_max: int = journals.EVENTS_MAX
    bytes_max: int = journals.BYTES_MAX
    keeps_history: bool = True

    @contextmanager
    def limits(self) -> Iterator[None]:
        """Has them hold."""
        with patch.multiple(
            journals,
            LARGE_BYTES_MIN=self.large_bytes_min,
            EVENTS_MAX=self.events_max,
            BYTES_MAX=self.bytes_max,
        ):
            yield

    def open(self, directory: Path) -> Table:
        """The table in this directory."""
        decider = replace(tally.decider(), keeps_history=self.keeps_history)
        return TablePartition(directory, decider, tally.language().decode_event)


# Rows that are always whole, never but now and then, and that come to be large as they grow.
JOURNALINGS = st.sampled_from(
    [
        Journaling(large_bytes_min, events_max, bytes_max, keeps_history)
        for keeps_history in (False, True)
        for large_bytes_min, events_max, bytes_max in (
            (journals.LARGE_BYTES_MIN, journals.EVENTS_MAX, journals.BYTES_MAX),
            (1, 1, 10_000),
            (1, 3, 10_000),
            (1, 64, 1_000),
            (420, 4, 10_000),
        )
    ]
)


def rows_of(table: Table, keys: list[str]) -> dict[str, Row[Tally]]:
    """The rows that the table has of these keys."""
    rows = {key: table.row(key) for key in keys}
    return {key: row for key, row in rows.items() if row is not None}


def listed(table: Table, colour: str) -> list[str]:
    """The keys that are listed under a colour."""
    return [each.key for each in table.listed({"colour": colour})]


def check_equals_fold(table: Table, events: list[Appended]) -> None:
    """Rows, lists, agendas and histories are what the log says, and nothing else."""
    expected = tally.folded(events)
    assert rows_of(table, [*expected, *ODD_KEYS]) == expected
    every = sorted(expected, key=lambda key: (-expected[key].state.created_at.timestamp(), key))
    assert [each.key for each in table.listed({})] == every
    for colour in ("white", "red", "blue", "green"):
        assert listed(table, colour) == [
            key for key in every if expected[key].state.colour == colour
        ]
    waiting = {key for key, row in expected.items() if tally.agenda(row.state)}
    assert dict(table.waiting()) == {key: expected[key] for key in waiting}
    kept = winners(events) if table._decider.keeps_history else []
    for key, row in expected.items():
        history = [each.value for each in kept if each.event.tally_id == key]
        assert table.history(key) == history
        assert len(history) <= row.version
    check_journals(table, events)


def check_journals(table: Table, events: list[Appended]) -> None:
    """Behind each row lies what has led from what was written whole to what it is, and no more."""
    found = dict(table._scan(b"j", b"k"))
    expected = {}
    for each in winners(events):
        key, version = each.event.tally_id, each.envelope.version
        stored = table._db.get(table_layout.row_key(key))
        assert isinstance(stored, bytes)
        whole = msgspec.json.decode(stored)
        if version > whole["version"]:
            prefix = table_layout.journal_prefix(key)
            expected[table_layout.event_key(prefix, version)] = each.value
            assert len(stored) > journals.LARGE_BYTES_MIN
            assert version - whole["version"] <= journals.EVENTS_MAX
    assert found == expected
    assert sum(map(len, found.values())) <= journals.BYTES_MAX * len(ODD_KEYS)


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
