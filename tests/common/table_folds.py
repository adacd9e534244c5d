"""Any event log of tallies, and whether a table is its fold."""

from hypothesis import strategies as st

from services.common.decider import Row, fold
from services.common.event_table import Appended, TablePartition
from tests.common import tally
from tests.common.tally import EPOCH, Added, Tally, TallySnapshotted, appended

Table = TablePartition[Tally]
# Ids of aggregates that begin with one another, and that sort on both sides of separators.
ODD_KEYS = ("a", "a.b", "a:b", "a-", "a_", "A", "aa", "0", "z" * 64)


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
