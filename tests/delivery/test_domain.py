"""What a delivery decides, whom it has as its driver, and when it is expected at the door."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common.decider import Rejected
from services.common.messages.delivery import (
    AssignDriver,
    ConfirmDropoff,
    ConfirmPickup,
    ConfirmRelease,
    DeliveryCompleted,
    DeliveryPickedUp,
    DriverAssigned,
    DriverDismissed,
    DriverUnassigned,
    FailDelivery,
    ReassignDelivery,
    StartDelivery,
    TrackDriver,
    UnassignDriver,
)
from services.common.values import INSTANT_MAX, INSTANT_MIN
from services.delivery.domain import (
    EXCLUDED_MAX,
    FINAL,
    DeliveryStatus,
)
from tests.delivery.past import (
    ASSIGNED,
    AWAY,
    CANCELLED,
    CANCELLING,
    CHANGED,
    CODE,
    COMMANDS,
    COMPLETED,
    DECIDER,
    DRIVEN,
    DROPOFF,
    FAILED,
    GIVEN_UP,
    LOCKED,
    PICKED_UP,
    PICKUP,
    RECALLED,
    RETURNED,
    SILENT,
    SITUATIONS,
    SOON,
    STARTED,
    WAIVED,
    WRITTEN_OFF,
    delivery,
    way,
)
from tests.given import NOON, deterministic, given

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("situation", "command", "event"),
    [
        ("waiting", "AssignDriver", ASSIGNED),
        ("assigned", "TrackDriver", CHANGED),
        ("assigned", "UnassignDriver", GIVEN_UP),
        ("assigned", "ConfirmPickup", PICKED_UP),
        ("assigned", "CancelDelivery", CANCELLING),
        ("assigned", "WaiveCode", WAIVED),
        ("waiting", "CancelDelivery", CANCELLED),
        ("cancelling", "ConfirmRelease", CANCELLED),
        ("cancelling", "UnassignDriver", CANCELLED),
        ("cancelling", "ConfirmPickup", RECALLED),
        ("driven", "ConfirmDropoff", COMPLETED),
        ("driven", "FailDelivery", FAILED),
        ("driven", "CancelDelivery", RECALLED),
        ("driven", "ReportSilence", SILENT),
        ("driven", "ReportWrongCodes", LOCKED),
        ("failed", "ConfirmReturn", RETURNED),
        ("failed", "WriteOffDelivery", WRITTEN_OFF),
        ("recalled", "ConfirmDropoff", COMPLETED),
    ],
)
def test_an_accepted_command_is_this_one_event(situation: str, command: str, event: Any) -> None:
    delivery(situation).when(COMMANDS[command]).then(event)


def test_a_start_is_one_event() -> None:
    given(DECIDER).when(COMMANDS["StartDelivery"]).then(STARTED)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_deliveries_are_listed_by_status_region_and_flags(situation: str) -> None:
    state = delivery(situation).state
    flagged = {"flagged": "true"} if state.flags else {}
    assert DECIDER.labels(state) == {"status": state.status, "region": "north", **flagged}
    assert DECIDER.listed_at(state) == NOON
    assert bool(state.flags) == (situation in ("locked", "silent"))


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        ("assigned", "has_a_driver"),
        ("cancelling", "has_a_driver"),
        ("driven", "has_a_driver"),
        ("failed", "has_a_driver"),
        ("delivered", "delivered"),
        ("returned", "returned"),
        ("cancelled", "cancelled"),
        ("written_off", "written_off"),
    ],
)
def test_of_two_drivers_who_accepted_one_is_told_that_it_is_not_needed(
    situation: str, reason: str
) -> None:
    """The dismissal changes nothing of the delivery; it is there for the driver's twin."""
    before = delivery(situation)
    dismissed = DriverDismissed("d", "o", "driver-2", reason)
    after = before.when(AssignDriver("d", "driver-2", AWAY)).then(dismissed)
    assert after.state == before.state


def test_a_driver_that_gives_up_is_excluded_and_one_that_fell_silent_is_not() -> None:
    assigned = delivery("assigned")
    gave_up = assigned.when(UnassignDriver("d", "driver-1", "flat tyre", True)).then(GIVEN_UP)
    assert gave_up.state.excluded == ("driver-1",)
    silent = assigned.when(UnassignDriver("d", "driver-1", "silent", False)).accepted()
    assert silent.state.excluded == ()
    assert silent.state.status is DeliveryStatus.WAITING_FOR_DRIVER
    assert silent.state.driver_id is None
    silent.when(AssignDriver("d", "driver-1", AWAY)).then(ASSIGNED)


def test_a_delivery_excludes_a_limited_number_of_drivers() -> None:
    story = delivery("waiting")
    for number in range(EXCLUDED_MAX + 3):
        name = f"driver-{number}"
        story = story.when(AssignDriver("d", name, AWAY)).accepted()
        story = story.when(UnassignDriver("d", name, "no", True)).accepted()
    assert len(set(story.state.excluded)) == EXCLUDED_MAX


def test_before_the_pickup_another_driver_is_sent_to_the_restaurant() -> None:
    moved = given(DECIDER, STARTED, ASSIGNED, CHANGED)
    after = moved.when(ReassignDelivery("d", "driver-1", "too slow")).then(
        DriverUnassigned(
            "d", "o", "driver-1", "north", PICKUP, DROPOFF, CODE, ("driver-1",), "too slow", True
        )
    )
    assert after.state.pickup == PICKUP


def test_after_the_pickup_another_driver_is_sent_to_where_the_goods_are() -> None:
    """The next driver picks them up there, and the first pickup stays the one that is told."""
    moved = given(DECIDER, *DRIVEN, CHANGED)
    taken_off = moved.when(ReassignDelivery("d", "driver-1", "broken down")).then(
        DriverUnassigned(
            "d",
            "o",
            "driver-1",
            "north",
            AWAY,
            DROPOFF,
            CODE,
            ("driver-1",),
            "broken down",
            is_taken_off=True,
            has_goods=True,
        )
    )
    assert taken_off.state.picked_up_at == NOON
    assert taken_off.state.driver_location is None
    second = taken_off.when(AssignDriver("d", "driver-2", DROPOFF)).then(
        DriverAssigned("d", "o", "driver-2", NOON + way(DROPOFF, AWAY, DROPOFF))
    )
    second.when(ConfirmDropoff("d", "driver-2")).rejected("not_picked_up")
    again = second.when(ConfirmPickup("d", "driver-2"), SOON).then(
        DeliveryPickedUp("d", "o", "driver-2")
    )
    assert again.state.picked_up_at == NOON
    assert again.state.status_since == SOON


def test_goods_whose_driver_was_never_seen_are_fetched_from_where_they_were() -> None:
    after = delivery("driven").when(ReassignDelivery("d", "driver-1", "gone")).accepted()
    assert after.state.pickup == PICKUP


def test_a_dismissed_driver_that_is_free_ends_no_delivery() -> None:
    cancelling = delivery("cancelling")
    cancelling.when(ConfirmRelease("d", "driver-2")).nothing()
    assert cancelling.when(ConfirmRelease("d", "driver-1")).accepted().state.driver_id is None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(COMMANDS)),
        st.sampled_from([NOON, SOON, INSTANT_MIN, INSTANT_MAX]),
    ),
    max_size=30,
)


@deterministic
@for_all(steps=STEPS)
def test_whatever_comes_at_most_one_driver_has_a_delivery(
    steps: list[tuple[str, datetime]],
) -> None:
    """A driver takes it only when the one before has lost it, and only its driver moves it."""
    story = given(DECIDER, STARTED)
    for name, at in steps:
        before = story.state
        command = COMMANDS[name]
        outcome = story.when(command, at)
        if outcome.result is None or isinstance(outcome.result, Rejected):
            continue
        story = outcome.accepted()
        event = outcome.result
        if isinstance(event, DriverAssigned):
            assert before.driver_id is None
            assert story.state.driver_id == command.driver_id
        elif isinstance(event, DriverDismissed):
            assert command.driver_id != before.driver_id
            assert story.state == before
        elif isinstance(event, DriverUnassigned):
            assert before.driver_id == event.driver_id
            assert story.state.driver_id is None
        elif isinstance(command, ConfirmPickup | ConfirmDropoff | FailDelivery | TrackDriver):
            assert before.driver_id == command.driver_id


@deterministic
@for_all(steps=STEPS)
def test_whatever_comes_pickup_is_before_dropoff_and_final_is_final(
    steps: list[tuple[str, datetime]],
) -> None:
    """No driver drops off what it has not picked up itself, and an end is never left."""
    story = given(DECIDER, STARTED)
    has_goods: str | None = None
    for name, at in steps:
        before = story.state
        outcome = story.when(COMMANDS[name], at)
        if outcome.result is None or isinstance(outcome.result, Rejected):
            continue
        story = outcome.accepted()
        event = outcome.result
        if before.status in FINAL:
            assert isinstance(event, DriverDismissed)
            assert story.state == before
        if isinstance(event, DeliveryPickedUp):
            has_goods = event.driver_id
        elif isinstance(COMMANDS[name], ConfirmPickup):
            has_goods = COMMANDS[name].driver_id
        elif isinstance(event, DriverUnassigned):
            has_goods = None
        elif isinstance(event, DeliveryCompleted):
            assert event.driver_id == has_goods


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.startswith("Confirm")])
def test_what_no_driver_of_the_delivery_says_is_refused_and_told(name: str) -> None:
    """Delivered without a driver does not happen."""
    outcome = delivery("waiting").when(COMMANDS[name])
    if not isinstance(COMMANDS[name], ConfirmRelease):
        outcome.rejected("not_its_driver")


def test_an_assignment_that_comes_twice_is_one() -> None:
    once = delivery("waiting").when(AssignDriver("d", "driver-1", AWAY)).then(ASSIGNED)
    once.when(AssignDriver("d", "driver-1", DROPOFF)).nothing()
    once.when(StartDelivery("d", "o", "north", PICKUP, DROPOFF)).nothing()


def test_evolve_takes_any_event_in_any_situation() -> None:
    """Past events are facts: evolve never raises."""
    events = {repr(event): event for past in SITUATIONS.values() for event in past}
    dismissed = DriverDismissed("d", "o", "driver-2", "has_a_driver")
    for situation, event in product(SITUATIONS, (*events.values(), CHANGED, dismissed)):
        assert DECIDER.evolve(delivery(situation).state, event, NOON).delivery_id == "d"
