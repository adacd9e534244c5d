"""The catalogue names the topics of every owner by one rule, with the key of its messages."""

import pytest

from services.common.catalogue import TopicSpec, catalogue
from services.common.codec import LANGUAGES, Language

KINDS = ("commands", "events", "rejections", "dead-letters")
LOCATIONS = "driver.locations"
# Of those who call the outside world.
CALLS = "order.calls"


def test_every_owner_has_its_topics_and_there_are_no_others() -> None:
    named = {f"{owner}.{kind}" for owner in LANGUAGES for kind in KINDS}
    assert set(catalogue()) == named | {LOCATIONS, CALLS}


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda language: language.owner)
def test_an_owner_writes_its_topics_by_the_key_of_its_messages(language: Language) -> None:
    topics = [catalogue()[f"{language.owner}.{kind}"] for kind in KINDS]
    assert {topic.owner for topic in topics} == {language.owner}
    assert [topic.key for topic in topics] == [*[language.key_field] * 3, "as received"]


def test_locations_have_the_key_of_the_driver() -> None:
    assert catalogue()[LOCATIONS].key == LANGUAGES["driver"].key_field


def test_calls_have_the_key_of_the_order_and_are_kept_for_a_week() -> None:
    calls = catalogue()[CALLS]
    assert (calls.owner, calls.key) == ("order", LANGUAGES["order"].key_field)
    assert calls.retention_hours == 7 * 24


def test_the_broker_stamps_what_the_command_loops_read() -> None:
    stamped = {name for name, topic in catalogue().items() if topic.append_time}
    assert stamped == {LOCATIONS, *(f"{owner}.commands" for owner in LANGUAGES)}


@pytest.mark.parametrize("topic", catalogue().values(), ids=lambda topic: topic.name)
def test_a_topic_is_kept_for_a_time(topic: TopicSpec) -> None:
    assert topic.retention_hours > 0
    assert topic.cleanup == "delete"
