"""How a restaurant decides: its status and how it ends, and what it is out of."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.common.codec import EVENT_BYTES_MAX, RESTAURANT, encode_event
from services.common.decider import Rejected, Row, Wakeup, fold
from services.common.messages.restaurant import (
    HOURS_MAX,
    SNOOZED_MAX,
    AdmissionGranted,
    AdmissionRefused,
    AdmitOrder,
    ConfigureRestaurant,
    ItemRestored,
    ItemSnoozed,
    OpeningHours,
    RestaurantEvent,
    RestaurantSnapshotted,
    RestaurantStatus,
    RestaurantStatusChanged,
    RestoreItem,
    ResumeRestaurant,
    SetRestaurantStatus,
    SnoozedItem,
    SnoozeItem,
    TakeRestaurantSnapshot,
)
from services.common.values import INSTANT_MAX, INSTANT_MIN, TEXT_CHARS_MAX
from services.order.restaurant import Restaurant
from tests.given import NOON, Given, command_envelope, deterministic, event_envelope, given
from tests.order.restaurant.said import (
    BUSY,
    DECIDER,
    DINNER,
    HOUR,
    OFFLINE,
    OPEN,
    PAUSED,
    SNAPSHOT_HOURS,
    configured,
    granted,
    status,
)


def test_a_status_ends_by_its_timer() -> None:
    end = NOON + HOUR
    story = given(DECIDER, status(BUSY, 600, end))
    timer = DECIDER.agenda(story.state)[0]
    assert timer == Wakeup(end, ResumeRestaurant("r1", end))
    after = story.when(timer.command, end).then(status(OPEN))
    assert all(each.command != timer.command for each in DECIDER.agenda(after.state))


def test_the_timer_of_a_status_that_was_changed_changes_nothing() -> None:
    story = given(DECIDER, status(PAUSED, until=NOON + HOUR), status(PAUSED, until=NOON + 2 * HOUR))
    story.when(ResumeRestaurant("r1", NOON + HOUR), NOON + HOUR).nothing()
    open_again = given(DECIDER, status(PAUSED, until=NOON + HOUR), status(OFFLINE))
    open_again.when(ResumeRestaurant("r1", NOON + HOUR), NOON + HOUR).nothing()


def test_the_end_of_a_status_is_written_in_utc() -> None:
    rome = (NOON + HOUR).astimezone(ZoneInfo("Europe/Rome"))
    event = given(DECIDER).when(SetRestaurantStatus("r1", PAUSED, 0, rome)).result
    assert isinstance(event, RestaurantStatusChanged)
    assert event.until is not None
    assert event.until.tzinfo is UTC
    item = given(DECIDER).when(SnoozeItem("r1", "Pizza", rome)).result
    assert isinstance(item, ItemSnoozed)
    assert item.until is not None
    assert item.until.tzinfo is UTC


def test_a_person_restores_an_item_before_its_end() -> None:
    story = given(DECIDER, ItemSnoozed("r1", "Pizza", NOON + HOUR), ItemSnoozed("r1", "Wine", None))
    after = story.when(RestoreItem("r1", "Pizza")).then(ItemRestored("r1", "Pizza"))
    assert after.state.snoozed == (SnoozedItem("Wine"),)


def test_a_snooze_is_moved_by_another() -> None:
    story = given(DECIDER, ItemSnoozed("r1", "Pizza", NOON + HOUR))
    after = story.when(SnoozeItem("r1", "Pizza")).then(ItemSnoozed("r1", "Pizza", None))
    assert after.state.snoozed == (SnoozedItem("Pizza"),)


def test_a_restaurant_is_out_of_a_bounded_number_of_items() -> None:
    """Those whose snooze has ended make room; a snooze that is moved needs none."""
    first, *others = [ItemSnoozed("r1", f"item-{number}", None) for number in range(SNOOZED_MAX)]
    full = given(DECIDER, ItemSnoozed("r1", first.item, NOON + HOUR), *others)
    full.when(SnoozeItem("r1", "one more")).rejected("too_many_snoozed")
    full.when(SnoozeItem("r1", first.item)).then(first)
    after = full.when(SnoozeItem("r1", "one more"), NOON + HOUR).accepted()
    assert len(after.state.snoozed) == SNOOZED_MAX


ITEMS = st.sampled_from(["Pizza", "Wine", "Bread"])
INSTANTS = st.one_of(
    st.none(),
    st.sampled_from([NOON + HOUR * number for number in range(4)]),
    st.datetimes(
        INSTANT_MIN.replace(tzinfo=None), INSTANT_MAX.replace(tzinfo=None), timezones=st.just(UTC)
    ),
)
ZONES = st.sampled_from(["Europe/Rome", "America/New_York", "Australia/Lord_Howe"])
MINUTES = st.integers(0, 1439)
HOURS = st.lists(st.builds(OpeningHours, st.integers(1, 7), MINUTES, MINUTES), max_size=2)
SECONDS = st.one_of(st.none(), st.integers(1, 3600))
COMMANDS = st.one_of(
    st.builds(ConfigureRestaurant, st.just("r1"), ZONES, HOURS.map(tuple), SECONDS, SECONDS),
    st.builds(
        SetRestaurantStatus,
        st.just("r1"),
        st.sampled_from(RestaurantStatus),
        st.sampled_from([0, 600]),
        INSTANTS,
    ),
    st.builds(ResumeRestaurant, st.just("r1"), st.just(NOON + HOUR)),
    st.builds(SnoozeItem, st.just("r1"), ITEMS, INSTANTS),
    st.builds(RestoreItem, st.just("r1"), ITEMS),
    st.builds(
        AdmitOrder,
        st.just("r1"),
        st.just("o1"),
        st.tuples(ITEMS),
        st.integers(0, 7200),
        INSTANTS,
        st.one_of(st.none(), ZONES),
    ),
)
STEPS = st.lists(st.tuples(COMMANDS, st.integers(0, 4)), max_size=25)


def stories(steps: list[tuple[Any, int]]) -> list[tuple[Given[Restaurant, Any, Any], datetime]]:
    """The restaurant after each step that led to an event, and the instant of the step."""
    story: Given[Restaurant, Any, Any] = given(DECIDER)
    passed = []
    at = NOON
    for number, (command, hours) in enumerate(steps):
        at += HOUR * hours
        state = None if story.row is None else story.row.state
        event = DECIDER.decide(command, state, at)
        if isinstance(command, AdmitOrder):
            assert isinstance(event, AdmissionGranted | AdmissionRefused)
        if event is None or isinstance(event, Rejected):
            continue
        story = story.after(event, command_envelope(command, at, f"command-{number}"))
        if not isinstance(command, AdmitOrder):
            assert DECIDER.decide(command, story.state, at) is None, "the same again is a repeat"
        passed.append((story, at))
    return passed


@settings(deterministic, max_examples=60)
@for_all(steps=STEPS)
def test_a_repeat_changes_nothing_and_a_snapshot_holds_all(steps: list[tuple[Any, int]]) -> None:
    """Whatever was said before; a fold that begins at the snapshot goes on like the state before.

    A status other than OPEN has an end with a timer, or none; what has ended is not kept.
    """
    for story, at in stories(steps):
        row = story.row
        assert row is not None
        ends = [each for each in DECIDER.agenda(row.state) if _ends_status(each)]
        assert [each.at for each in ends] == ([] if row.state.until is None else [row.state.until])
        assert all(each.until is None or each.until > at for each in row.state.snoozed)
        assert DECIDER.labels(row.state) == {"status": row.state.status.value}
        event = _snapshot(row, {"order/o1": 7})
        command = command_envelope(TakeRestaurantSnapshot("r1"), at, "snapshot")
        after = fold(DECIDER, None, event_envelope(event, command, row.version + 1), event)
        assert after is not None
        assert after.sources == {"order/o1": 7}
        assert _contents(after.state) == _contents(row.state)


def _ends_status(wakeup: Wakeup) -> bool:
    return isinstance(wakeup.command, ResumeRestaurant)


def _snapshot(row: Row[Restaurant], sources: Mapping[str, int]) -> RestaurantSnapshotted:
    assert DECIDER.snapshot is not None
    remembering = Row(row.version, row.changed_at, dict(sources), row.recent, row.state)
    event: RestaurantEvent = DECIDER.snapshot("r1", remembering)
    assert isinstance(event, RestaurantSnapshotted)
    return event


def _contents(state: Restaurant) -> tuple[Any, ...]:
    """All of a restaurant but the instant of its snapshot."""
    return tuple(
        getattr(state, name) for name in Restaurant.__struct_fields__ if name != "snapshot_at"
    )


def test_a_restaurant_writes_itself_to_the_log_when_its_snapshot_is_due() -> None:
    due_at = NOON + timedelta(hours=SNAPSHOT_HOURS)
    story = given(DECIDER, configured())
    assert DECIDER.agenda(story.state) == (Wakeup(due_at, TakeRestaurantSnapshot("r1")),)
    assert story.row is not None
    state = DECIDER.evolve(story.state, _snapshot(story.row, {}), due_at)
    assert DECIDER.agenda(state)[0].at == due_at + timedelta(hours=SNAPSHOT_HOURS)


def test_a_snapshot_forgets_the_snoozes_that_have_ended() -> None:
    story = given(DECIDER, ItemSnoozed("r1", "Pizza", NOON + HOUR), ItemSnoozed("r1", "Wine", None))
    assert story.row is not None
    state = DECIDER.evolve(None, _snapshot(story.row, {}), NOON + HOUR)
    assert state.snoozed == (SnoozedItem("Wine"),)


def test_a_snapshot_fits_into_an_event_however_much_there_is_to_say() -> None:
    """Every bound reached, in characters that take the most bytes on the wire."""
    worst = "\x01" * (TEXT_CHARS_MAX - 4)
    snoozed = [ItemSnoozed("r1", f"{worst}{n:04}", INSTANT_MAX) for n in range(SNOOZED_MAX)]
    hours = tuple(OpeningHours(7, 1439, 1438) for _ in range(HOURS_MAX))
    story = given(DECIDER, configured("America/Argentina/ComodRivadavia", hours), *snoozed)
    assert story.row is not None
    sources = {f"order/{'x' * 60}{n:04}": 2**63 - 1 for n in range(DECIDER.sources_max)}
    event = _snapshot(story.row, sources)
    envelope = event_envelope(event, command_envelope(TakeRestaurantSnapshot("r1")), 1)
    encoded = encode_event(envelope, event)
    assert len(encoded) < EVENT_BYTES_MAX
    assert RESTAURANT.decode_event(encoded)[1] == event


def test_evolve_takes_any_event_in_any_situation() -> None:
    """Past events are facts: evolve never raises, not even on an empty restaurant."""
    events: list[RestaurantEvent] = [
        configured(),
        status(PAUSED, until=NOON),
        ItemSnoozed("r1", "Pizza", INSTANT_MIN),
        ItemRestored("r1", "Wine"),
        granted(),
        AdmissionRefused("r1", "o1", "restaurant_paused", "it is"),
        RestaurantSnapshotted("r1", None, (), None, None, OPEN, 0, None, (), {}),
    ]
    for before in (None, *events):
        state = None if before is None else DECIDER.evolve(None, before, NOON)
        for event in events:
            assert DECIDER.evolve(state, event, NOON).restaurant_id == "r1"


def test_restaurants_keep_the_place_of_their_list() -> None:
    first, second = given(DECIDER, status(PAUSED)), given(DECIDER, status(OPEN))
    assert DECIDER.listed_at(first.state) == DECIDER.listed_at(second.state)


def test_other_hours_in_another_order_are_set_anew() -> None:
    """Only what is the very same is a repeat."""
    story = given(DECIDER, configured("Europe/Rome", DINNER))
    story.when(ConfigureRestaurant("r1", "Europe/Rome", DINNER)).nothing()
    story.when(ConfigureRestaurant("r1", "Europe/Rome", DINNER[1:])).then(
        configured("Europe/Rome", DINNER[1:])
    )
