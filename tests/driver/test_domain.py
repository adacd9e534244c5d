"""What a driver's twin decides in every situation, and what its snapshot keeps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec import structs

from services.common.decider import Rejected, Row, Wakeup, fold
from services.common.messages.driver import (
    AssignDelivery,
    AssignedDelivery,
    DeliveryAccepted,
    DeliveryDeclined,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverEvent,
    DriverLocated,
    DriverSnapshotted,
    DriverStatus,
    GoodsDroppedOff,
    GoodsPickedUp,
    ReportDropoff,
    ReportLocation,
    ReportPickup,
    SetAvailability,
    TakeDriverSnapshot,
)
from services.common.values import GeoPoint
from services.driver.domain import CLOCK_AHEAD_MAX, Driver, driver_decider
from tests.given import (
    NOON,
    Given,
    cells,
    command_envelope,
    deterministic,
    event_envelope,
    given,
    outcome_word,
)

SNAPSHOT_HOURS = 24.0
INTERVAL_SECONDS = 0.5
DECIDER = driver_decider(SNAPSHOT_HOURS, INTERVAL_SECONDS)
HOME, PICKUP, DROPOFF = GeoPoint(37.3, -121.9), GeoPoint(37.31, -121.9), GeoPoint(37.4, -121.8)
SOON = NOON + timedelta(seconds=1)

AVAILABLE = DriverBecameAvailable("v", "north", HOME)
UNAVAILABLE = DriverBecameUnavailable("v", "north")
ACCEPTED = DeliveryAccepted("v", "d1", "o1", "north", PICKUP, DROPOFF, HOME)
PICKED_UP = GoodsPickedUp("v", "d1", "o1")
DROPPED_OFF = GoodsDroppedOff("v", "d1", "o1")
LOCATED = DriverLocated("v", PICKUP, SOON)

SITUATIONS: dict[str, tuple[Any, ...]] = {
    "unknown": (),
    "available": (AVAILABLE,),
    "resting": (AVAILABLE, UNAVAILABLE),
    "assigned": (AVAILABLE, ACCEPTED),
    "driving": (AVAILABLE, ACCEPTED, PICKED_UP),
    "done": (AVAILABLE, ACCEPTED, PICKED_UP, DROPPED_OFF),
    "back": (AVAILABLE, ACCEPTED, PICKED_UP, DROPPED_OFF, AVAILABLE),
}
COMMANDS: dict[str, Any] = {
    "SetAvailability": SetAvailability("v", True, "north", HOME),
    "elsewhere": SetAvailability("v", True, "south", HOME),
    "rest": SetAvailability("v", False, "north", HOME),
    "AssignDelivery": AssignDelivery("v", "d1", "o1", "north", PICKUP, DROPOFF),
    "second_delivery": AssignDelivery("v", "d2", "o2", "north", PICKUP, DROPOFF),
    "other_region": AssignDelivery("v", "d2", "o2", "south", PICKUP, DROPOFF),
    "ReportPickup": ReportPickup("v", "d1"),
    "other_pickup": ReportPickup("v", "d2"),
    "ReportDropoff": ReportDropoff("v", "d1"),
    "other_dropoff": ReportDropoff("v", "d2"),
    "ReportLocation": ReportLocation("v", PICKUP, SOON),
    "TakeDriverSnapshot": TakeDriverSnapshot("v"),
}

# + is one event (which may be a declined offer), = a repeat, else the reason of the refusal.
TABLE = """
                   unknown        available    resting      assigned      driving       done         back
SetAvailability    +              =            +            on_a_delivery on_a_delivery +            =
elsewhere          +              +            +            on_a_delivery on_a_delivery +            +
rest               =              +            =            on_a_delivery on_a_delivery =            +
AssignDelivery     unknown_driver +            +            =             =             =            =
second_delivery    unknown_driver +            +            +             +             +            +
other_region       unknown_driver +            +            +             +             +            +
ReportPickup       unknown_driver not_assigned not_assigned +             =             =            =
other_pickup       unknown_driver not_assigned not_assigned not_assigned  not_assigned  not_assigned not_assigned
ReportDropoff      unknown_driver not_assigned not_assigned not_picked_up +             =            =
other_dropoff      unknown_driver not_assigned not_assigned not_assigned  not_assigned  not_assigned not_assigned
ReportLocation     unknown_driver +            +            +             +             +            +
TakeDriverSnapshot unknown_driver =            =            =             =             =            =
"""  # noqa: E501


def driver(situation: str) -> Given[Any, Any, Any]:
    """The driver in a situation."""
    return given(DECIDER, *SITUATIONS[situation])


def declined(delivery: str, order: str, region: str, reason: str) -> DeliveryDeclined:
    """The twin's no."""
    return DeliveryDeclined("v", delivery, order, region, reason)


@pytest.mark.parametrize(("command", "situation", "word"), cells(TABLE))
def test_every_command_has_an_answer_in_every_situation(
    command: str, situation: str, word: str
) -> None:
    """Accepted, refused with a reason, or a repeat; accepted once, the same again is nothing.

    A declined offer may be made again later; that it was answered is known to the row.
    """
    outcome = driver(situation).when(COMMANDS[command])
    assert outcome_word(outcome) == word
    if word == "+":
        after = outcome.accepted()
        if not isinstance(outcome.result, DeliveryDeclined):
            after.when(COMMANDS[command]).nothing()
    elif word != "=":
        outcome.rejected(word)


@pytest.mark.parametrize(
    ("situation", "command", "event"),
    [
        ("unknown", "SetAvailability", AVAILABLE),
        ("resting", "elsewhere", DriverBecameAvailable("v", "south", HOME)),
        ("available", "elsewhere", DriverBecameAvailable("v", "south", HOME, "north")),
        ("available", "rest", UNAVAILABLE),
        ("available", "AssignDelivery", ACCEPTED),
        ("resting", "AssignDelivery", declined("d1", "o1", "north", "not_available")),
        ("done", "second_delivery", declined("d2", "o2", "north", "not_available")),
        ("driving", "second_delivery", declined("d2", "o2", "north", "on_a_delivery")),
        ("available", "other_region", declined("d2", "o2", "south", "in_another_region")),
        ("assigned", "ReportPickup", PICKED_UP),
        ("driving", "ReportDropoff", DROPPED_OFF),
        ("available", "ReportLocation", LOCATED),
        ("driving", "ReportLocation", replace(LOCATED, delivery_id="d1", order_id="o1")),
    ],
)
def test_an_accepted_command_is_this_one_event(situation: str, command: str, event: Any) -> None:
    driver(situation).when(COMMANDS[command]).then(event)


@pytest.mark.parametrize(
    ("situation", "status", "delivery"),
    [
        ("available", DriverStatus.AVAILABLE, None),
        ("resting", DriverStatus.UNAVAILABLE, None),
        (
            "assigned",
            DriverStatus.ON_DELIVERY,
            AssignedDelivery("d1", "o1", "north", PICKUP, DROPOFF),
        ),
        (
            "driving",
            DriverStatus.ON_DELIVERY,
            AssignedDelivery("d1", "o1", "north", PICKUP, DROPOFF, picked_up=True),
        ),
        ("done", DriverStatus.UNAVAILABLE, None),
        ("back", DriverStatus.AVAILABLE, None),
    ],
)
def test_the_phone_sees_its_delivery(
    situation: str, status: DriverStatus, delivery: AssignedDelivery | None
) -> None:
    state = driver(situation).state
    assert (state.status, state.delivery) == (status, delivery)
    assert DECIDER.labels(state) == {"status": status.value, "region": "north"}
    assert DECIDER.listed_at(state) == DECIDER.listed_at(driver("available").state)


def test_a_driver_that_declined_while_resting_takes_the_same_delivery_later() -> None:
    declined_once = driver("resting").when(COMMANDS["AssignDelivery"]).accepted()
    declined_once.when(COMMANDS["SetAvailability"]).accepted().when(
        COMMANDS["AssignDelivery"]
    ).then(ACCEPTED)


def test_locations_count_in_the_order_in_which_they_were_recorded() -> None:
    """A phone that flushes late or twice moves its twin only forward in time."""
    moved = given(DECIDER, AVAILABLE, LOCATED)
    moved.when(ReportLocation("v", HOME, SOON)).nothing()
    moved.when(ReportLocation("v", HOME, NOON)).nothing()
    moved.when(ReportLocation("v", HOME, SOON + timedelta(seconds=1))).accepted()


def test_a_location_that_another_writer_has_appended_already_loses() -> None:
    """A worker that was cut off decides on a past in which it is not known yet."""

    def folded(row: Row[Driver] | None, version: int, event: DriverEvent) -> Row[Driver] | None:
        command = command_envelope(event, command_id=f"{event}")
        return fold(DECIDER, row, event_envelope(event, command, version), event)

    row = folded(folded(None, 1, AVAILABLE), 2, LOCATED)
    assert row is not None
    assert folded(row, 3, LOCATED) is None
    assert folded(row, 3, replace(LOCATED, recorded_at=NOON)) is None
    assert folded(row, 3, replace(LOCATED, recorded_at=SOON + timedelta(seconds=1))) is not None


def test_a_phone_whose_clock_is_far_ahead_does_not_hide_later_locations() -> None:
    latest = NOON + CLOCK_AHEAD_MAX
    at_work = driver("available")
    at_work.when(ReportLocation("v", HOME, latest + timedelta(seconds=1))).rejected("clock_ahead")
    at_work.when(ReportLocation("v", HOME, latest)).accepted()


def test_instants_are_told_in_utc_whatever_offset_the_phone_uses() -> None:
    local = SOON.astimezone(timezone(timedelta(hours=-8)))
    outcome = driver("available").when(ReportLocation("v", PICKUP, local))
    assert isinstance(outcome.result, DriverLocated)
    assert outcome.result == LOCATED
    assert outcome.result.recorded_at.tzinfo is UTC


def test_an_accepted_delivery_tells_where_the_driver_was_last_seen() -> None:
    outcome = given(DECIDER, AVAILABLE, LOCATED).when(COMMANDS["AssignDelivery"])
    outcome.then(replace(ACCEPTED, location=PICKUP))


NAMES = st.lists(st.sampled_from(sorted(set(COMMANDS) - {"TakeDriverSnapshot"})), max_size=40)


def stories(names: list[str]) -> list[Given[Driver, Any, Any]]:
    """The driver after each command that led to an event."""
    story: Given[Driver, Any, Any] = given(DECIDER)
    passed = []
    for name in names:
        outcome = story.when(COMMANDS[name])
        if outcome.result is not None and not isinstance(outcome.result, Rejected):
            story = outcome.accepted()
            passed.append(story)
    return passed


@deterministic
@for_all(names=NAMES)
def test_a_driver_is_on_a_delivery_exactly_while_it_has_one(names: list[str]) -> None:
    """One delivery at a time, begun only when available, and left only by its drop-off."""
    previous: Driver | None = None
    for story in stories(names):
        state = story.state
        assert (state.status is DriverStatus.ON_DELIVERY) == (state.delivery is not None)
        if previous is not None and previous.delivery is None and state.delivery is not None:
            assert previous.status is DriverStatus.AVAILABLE
            assert previous.region == state.delivery.region
        if previous is not None and previous.delivery is not None and state.delivery is None:
            assert previous.delivery.picked_up
            assert state.last_delivery_id == previous.delivery.delivery_id
        previous = state


@deterministic
@for_all(names=NAMES)
def test_a_snapshot_holds_the_whole_twin_at_any_version(names: list[str]) -> None:
    """A fold that begins at the snapshot leads to the state before, and the same memory."""
    for story in stories(names):
        row = story.row
        assert row is not None
        assert DECIDER.snapshot is not None
        remembering = Row(row.version, row.changed_at, {"matcher/north": 7}, (), row.state)
        later = NOON + timedelta(hours=SNAPSHOT_HOURS)
        command = command_envelope(TakeDriverSnapshot("v"), later, "snapshot")
        event = DECIDER.snapshot("v", remembering)
        envelope = event_envelope(event, command, row.version + 1)
        begun = fold(DECIDER, None, envelope, event)
        went_on = fold(DECIDER, remembering, envelope, event)
        assert begun is not None
        assert begun == went_on
        assert begun.state == structs.replace(row.state, snapshot_at=later)
        assert begun.sources == {"matcher/north": 7}


def test_a_twin_writes_itself_to_the_log_when_its_snapshot_is_due() -> None:
    due_at = NOON + timedelta(hours=SNAPSHOT_HOURS)
    state = driver("available").state
    assert DECIDER.agenda(state) == (Wakeup(due_at, TakeDriverSnapshot("v")),)
    assert DECIDER.agenda(driver("back").state)[0].at == due_at
    assert DECIDER.snapshot is not None
    row = driver("available").row
    assert row is not None
    renewed = DECIDER.evolve(state, DECIDER.snapshot("v", row), due_at)
    assert DECIDER.agenda(renewed)[0].at == due_at + timedelta(hours=SNAPSHOT_HOURS)


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_evolve_takes_any_event_in_any_situation(situation: str) -> None:
    """Past events are facts: evolve never raises."""
    snapshot = DriverSnapshotted("v", DriverStatus.AVAILABLE, "north", HOME, None, None, None, {})
    no = declined("d2", "o2", "north", "on_a_delivery")
    for event in (*SITUATIONS["back"], UNAVAILABLE, LOCATED, no, snapshot):
        assert DECIDER.evolve(driver(situation).state, event, NOON).driver_id == "v"


@for_all(st.lists(st.integers(0, 400), min_size=1, max_size=60))
def test_a_phone_that_floods_is_located_once_in_an_interval(steps: list[int]) -> None:
    """Whatever it sends; and no location that comes later than the interval is passed over."""
    state = driver("available")
    sent_at = NOON
    located_at: list[datetime] = []
    for step in steps:
        sent_at += timedelta(milliseconds=step)
        outcome = state.when(ReportLocation("v", PICKUP, sent_at))
        is_due = not located_at or (sent_at - located_at[-1]).total_seconds() >= INTERVAL_SECONDS
        assert outcome_word(outcome) == ("+" if is_due else "=")
        if is_due:
            located_at.append(sent_at)
            state = outcome.accepted()
