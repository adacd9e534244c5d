"""All rules pass a sound story, also where retention took its beginning."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest
from aiokafka.partitioner import murmur2

from infra.verify.entry import TOPICS, Entry
from infra.verify.identity import derived, partition_of
from infra.verify.rules import RULES, Rule
from infra.verify.rules.versions import check_versions
from services.common import ids
from tests.verify.detours import detours
from tests.verify.road import whole
from tests.verify.story import NOON, PARTITIONS, Story, texts

STORIES = (whole, detours)


@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_sound_story_is_clean(rule: Rule, tell: Callable[[], Story]) -> None:
    """Every rule has something to check in it, and nothing to say."""
    verdict = tell().judged(rule)
    assert texts(verdict) == ""
    assert verdict.checked


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_an_empty_log_is_clean(rule: Rule) -> None:
    """With nothing to check there is nothing wrong."""
    verdict = Story().judged(rule)
    assert (verdict.checked, texts(verdict)) == (0, "")


def test_ids_and_partitions_are_those_of_the_runtime() -> None:
    """Two ways to write the same definitions agree."""
    for key in ("", "a", "ab", "abc", "abcd", "san-jose", ids.order_id("acme", "1"), "é-ü"):
        assert partition_of(key.encode(), 7) == (murmur2(key.encode()) & 0x7FFFFFFF) % 7
    assert derived("x", "charge") == ids.derive("x", "charge")


def test_a_deleted_beginning_is_left_out() -> None:
    """Where retention took the log's beginning, nothing is said of what it began."""
    story = whole()
    for topic in ("order.events", "order.commands"):
        for partition in range(4):
            story.begins[topic, partition] = 1
    story.drop(story.find("order.events", "OrderCreated"))
    for rule in RULES:
        assert texts(story.judged(rule)) == ""
    assert "1 aggregates began" in story.judged(check_versions).notes[0].text


@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
@pytest.mark.parametrize("seed", range(40))
def test_retention_breaks_no_rule(seed: int, tell: Callable[[], Story]) -> None:
    """However much of each partition's beginning is gone, what is left is clean."""
    story, random = tell(), Random(seed)
    for topic in TOPICS:
        for partition in range(PARTITIONS):
            kept = [each for each in story.entries[topic] if each.partition == partition]
            begin = random.randint(0, len(kept)) if random.random() < 0.7 else 0
            story.begins[topic, partition] = begin
            story.drop(*kept[:begin])
    for rule in RULES:
        assert texts(story.judged(rule)) == ""


@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
def test_a_story_can_be_folded(tell: Callable[[], Story]) -> None:
    """Its events are such as the services themselves may write."""
    assert tell().folds().failures == {}


@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
@pytest.mark.parametrize("seconds", range(30))
def test_what_is_on_its_way_breaks_no_rule(seconds: int, tell: Callable[[], Story]) -> None:
    """However early the log is read, what is not there yet is not missed."""
    story = tell()
    until = NOON + timedelta(seconds=seconds)
    for entries in story.entries.values():
        story.drop(*(entry for entry in entries if entry.at > until))
    for ledger in (story.charges, story.refunds, story.voids, story.tickets):
        ledger[:] = [row for row in ledger if datetime.fromisoformat(row["created_at"]) <= until]
    told = {entry["order_id"] for entry in story.entries["order.events"] if _ends_ticket(entry)}
    for ticket in story.tickets:
        if ticket["status"] == "cancelled" and ticket["order_id"] not in told:
            ticket["status"] = "received"
    story.now = until
    evidence = story.evidence(age=timedelta(0))
    assert [texts(rule(evidence)) for rule in RULES] == [""] * len(RULES)


def _ends_ticket(entry: Entry) -> bool:
    return entry.type == "TicketCancelled"
