"""The tables' rule, against fronts that answer from a fold of their own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from infra.verify import tables
from infra.verify.entry import OWNERS
from infra.verify.folds import Folds
from infra.verify.tables import HIDDEN, check_tables
from infra.verify.verdict import Verdict
from tests.verify.road import delivered, whole
from tests.verify.story import Story, texts

Row = dict[str, Any]


class Answering:
    """Fronts whose tables are the fold of a story, until a test changes them."""

    def __init__(self, story: Story) -> None:
        folds = story.folds()
        self.tables: dict[str, dict[str, Row]] = {
            owner: {
                key: dict(folds.expected(owner, key, version) or {})
                for key, version in folds.versions(owner).items()
            }
            for owner in OWNERS
        }
        for owner, rows in self.tables.items():
            for key, row in rows.items():
                rows[key] = {**_shown(row, HIDDEN[owner]), "links": {}}
        self.told: dict[str, list[Row]] = {}
        for entry in story.entries["order.events"]:
            self.told.setdefault(entry["order_id"], []).append(dict(entry.content))
        self.asked = 0

    async def listed(self, owner: str) -> list[Mapping[str, Any]]:
        """All rows."""
        self.asked += 1
        return list(self.tables[owner].values())

    async def rows(self, owner: str, keys: Iterable[str]) -> Mapping[str, Row | None]:
        """Rows by key."""
        return {key: self.tables[owner].get(key) for key in keys}

    async def histories(self, keys: Sequence[str]) -> Mapping[str, list[Mapping[str, Any]]]:
        """Events by order."""
        return {key: list(self.told[key]) for key in keys}


def _shown(part: Any, hidden: frozenset[str]) -> Any:
    """A state as a front shows it."""
    if isinstance(part, dict):
        return {name: _shown(each, hidden) for name, each in part.items() if name not in hidden}
    return [_shown(each, hidden) for each in part] if isinstance(part, list) else part


async def _verdict(story: Story, fronts: Answering, folds: Folds | None = None) -> Verdict:
    async def read_on(_: list[str]) -> None:
        """The log has nothing new."""

    return await check_tables(story.evidence(), folds or story.folds(), fronts, read_on)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROUND_SECONDS", 0.0)


async def test_a_sound_table_is_clean() -> None:
    """Every aggregate of every service is compared."""
    story = whole()
    verdict = await _verdict(story, Answering(story))
    assert texts(verdict) == ""
    assert verdict.checked == 10 + 1 + 5 + 1 + 6


@pytest.mark.parametrize(
    ("break_", "text"),
    [
        (lambda rows: rows["driver"]["driver-1"].update(status="AVAILABLE"), "status is"),
        (lambda rows: rows["driver"]["driver-1"].pop("location"), "location is not told"),
        (lambda rows: rows["driver"]["driver-1"].update(mood="good"), "mood is told, which no"),
        (lambda rows: rows["driver"]["driver-1"].update(offer={"code": "1"}), "code is told"),
        (lambda rows: rows["restaurant"]["grill"].update(status="PAUSED"), "status is 'PAUSED'"),
        (lambda rows: rows["driver"].pop("driver-1"), "the front has no row"),
        (lambda rows: rows["driver"]["driver-1"].update(version=99), "has version 99, the log"),
        (lambda rows: rows["driver"].update({"x": {"driver_id": "x"}}), "no event has led to"),
        (lambda rows: rows["matcher"]["san-jose"].update(available=[1]), "available is [1]"),
    ],
)
async def test_a_wrong_table_is_told(
    break_: Callable[[dict[str, dict[str, Row]]], None], text: str
) -> None:
    """A field, a row or a version that the log does not lead to."""
    story = whole()
    fronts = Answering(story)
    break_(fronts.tables)
    assert text in texts(await _verdict(story, fronts))


async def test_a_table_that_stays_behind_is_told() -> None:
    """An old version that is right in itself is asked for again, and then told."""
    story = Story()
    delivered(story, "r-1")
    fronts = Answering(story)
    version = fronts.tables["delivery"][next(iter(fronts.tables["delivery"]))]["version"]
    key = next(iter(fronts.tables["delivery"]))
    old = story.folds().expected("delivery", key, version - 1)
    fronts.tables["delivery"][key] = _shown(old, HIDDEN["delivery"])
    found = texts(await _verdict(story, fronts))
    assert f"stays at version {version - 1}" in found
    assert fronts.asked > tables.ROUNDS_MAX


async def test_a_row_that_moved_on_is_compared_where_it_is() -> None:
    """A front that is ahead of what was read is right once the log is read on."""
    story = Story()
    delivered(story, "r-1")
    behind, evidence = story.folds(), story.evidence()
    known = set(story.typed)
    delivered(story, "r-2")
    fronts = Answering(story)
    by_place = {entry.place: entry for topic in story.entries.values() for entry in topic}
    fresh = [place for place in story.typed if place not in known]

    async def read_on(_: list[str]) -> None:
        while fresh:
            place = fresh.pop(0)
            behind.take(by_place[place], story.typed[place])

    verdict = await check_tables(evidence, behind, fronts, read_on)
    assert texts(verdict) == ""


async def test_a_history_that_is_not_the_log_is_told() -> None:
    """The order's own history lacks an event."""
    story = whole()
    fronts = Answering(story)
    order_id = next(iter(fronts.told))
    fronts.told[order_id].pop()
    assert "its history tells None" in texts(await _verdict(story, fronts))


async def test_a_snoozed_item_is_shown_until_its_time_is_over() -> None:
    """A front leaves it out from then on, and the fold knows of no such event."""
    story = whole()
    for item, until in (("bread", "2199-01-01T00:00:00Z"), ("soup", "2001-01-01T00:00:00Z")):
        told = {"restaurant_id": "grill", "item": item, "until": until}
        story.step("restaurant", "SnoozeItem", "ItemSnoozed", told)
    fronts = Answering(story)
    row = fronts.tables["restaurant"]["grill"]
    assert len(row["snoozed"]) == 2
    for shown, is_right in (("bread", True), ("soup", False)):
        items = [each for each in row["snoozed"] if each["item"] == shown]
        fronts.tables["restaurant"]["grill"] = {**row, "snoozed": items}
        found = texts(await _verdict(story, fronts))
        assert ("snoozed is" not in found) is is_right
