"""What a delivery decides in every situation, and when it is expected at the door."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common.decider import Rejected
from services.common.messages.delivery import (
    AssignDriver,
    ConfirmDropoff,
    ConfirmPickup,
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryPickedUp,
    DeliveryStarted,
    DriverAssigned,
    StartDelivery,
    TrackDriver,
)
from services.common.values import GeoPoint
from services.delivery.domain import DeliveryStatus, Travel, delivery_decider, expected_at
from tests.given import NOON, Given, cells, deterministic, given, outcome_word

SPEED_MPS = 10.0
TRAVEL = Travel(SPEED_MPS, eta_change_seconds_min=5.0)
DECIDER = delivery_decider(TRAVEL)
AWAY, PICKUP, DROPOFF = GeoPoint(0.0, 0.0), GeoPoint(0.0, 0.01), GeoPoint(0.0, 0.03)


def way(*places: GeoPoint) -> timedelta:
    """How long a driver needs from place to place."""
    way_m = sum(here.distance_m(there) for here, there in pairwise(places))
    return timedelta(seconds=round(way_m / SPEED_MPS))


ETA_AT = NOON + way(AWAY, PICKUP, DROPOFF)
SOON = NOON + timedelta(seconds=30)

STARTED = DeliveryStarted("d", "o", "north", PICKUP, DROPOFF)
ASSIGNED = DriverAssigned("d", "o", "driver-1", ETA_AT)
CHANGED = DeliveryEtaChanged("d", "o", "driver-1", AWAY, SOON, ETA_AT + timedelta(seconds=30))
PICKED_UP = DeliveryPickedUp("d", "o", "driver-1")
COMPLETED = DeliveryCompleted("d", "o", "driver-1")

SITUATIONS: dict[str, tuple[Any, ...]] = {
    "unknown": (),
    "waiting": (STARTED,),
    "assigned": (STARTED, ASSIGNED),
    "driven": (STARTED, ASSIGNED, PICKED_UP),
    "delivered": (STARTED, ASSIGNED, PICKED_UP, COMPLETED),
}
COMMANDS: dict[str, Any] = {
    "StartDelivery": StartDelivery("d", "o", "north", PICKUP, DROPOFF),
    "AssignDriver": AssignDriver("d", "driver-1", AWAY),
    "second_driver": AssignDriver("d", "driver-2", AWAY),
    "TrackDriver": TrackDriver("d", "driver-1", AWAY, SOON),
    "TrackDriver_other": TrackDriver("d", "driver-2", AWAY, SOON),
    "ConfirmPickup": ConfirmPickup("d", "driver-1"),
    "ConfirmPickup_other": ConfirmPickup("d", "driver-2"),
    "ConfirmDropoff": ConfirmDropoff("d", "driver-1"),
    "ConfirmDropoff_other": ConfirmDropoff("d", "driver-2"),
}

# + is one event, = a repeat, any other word the reason of the refusal.
TABLE = """
                     unknown          waiting        assigned       driven         delivered
StartDelivery        +                =              =              =              =
AssignDriver         unknown_delivery +              =              =              =
second_driver        unknown_delivery +              has_a_driver   has_a_driver   has_a_driver
TrackDriver          unknown_delivery not_its_driver +              +              =
TrackDriver_other    unknown_delivery not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmPickup        unknown_delivery not_its_driver +              =              =
ConfirmPickup_other  unknown_delivery not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmDropoff       unknown_delivery not_its_driver not_picked_up  +              =
ConfirmDropoff_other unknown_delivery not_its_driver not_its_driver not_its_driver not_its_driver
"""


def delivery(situation: str) -> Given[Any, Any, Any]:
    """The delivery in a situation."""
    return given(DECIDER, *SITUATIONS[situation])


@pytest.mark.parametrize(("command", "situation", "word"), cells(TABLE))
def test_every_command_has_an_answer_in_every_situation(
    command: str, situation: str, word: str
) -> None:
    """Accepted, refused with a reason, or a repeat; accepted once, the same again is nothing."""
    outcome = delivery(situation).when(COMMANDS[command])
    assert outcome_word(outcome) == word
    if word == "+":
        outcome.accepted().when(COMMANDS[command]).nothing()
    elif word != "=":
        outcome.rejected(word)


@pytest.mark.parametrize(
    ("situation", "command", "event"),
    [
        ("unknown", "StartDelivery", STARTED),
        ("waiting", "AssignDriver", ASSIGNED),
        ("assigned", "TrackDriver", CHANGED),
        ("assigned", "ConfirmPickup", PICKED_UP),
        ("driven", "ConfirmDropoff", COMPLETED),
    ],
)
def test_an_accepted_command_is_this_one_event(situation: str, command: str, event: Any) -> None:
    delivery(situation).when(COMMANDS[command]).then(event)


@pytest.mark.parametrize(
    ("situation", "status"),
    [
        ("waiting", DeliveryStatus.WAITING_FOR_DRIVER),
        ("assigned", DeliveryStatus.DRIVER_ASSIGNED),
        ("driven", DeliveryStatus.PICKED_UP),
        ("delivered", DeliveryStatus.DELIVERED),
    ],
)
def test_status_tells_how_far_the_delivery_is(situation: str, status: DeliveryStatus) -> None:
    state = delivery(situation).state
    assert state.status is status
    assert DECIDER.labels(state) == {"status": status.value, "region": "north"}
    assert DECIDER.listed_at(state) == NOON
    assert DECIDER.agenda(state) == ()


def test_before_pickup_the_way_leads_over_the_restaurant() -> None:
    assigned = delivery("assigned").state
    past_it = expected_at(assigned, DROPOFF, NOON, TRAVEL)
    assert past_it == NOON + way(DROPOFF, PICKUP, DROPOFF)
    assert expected_at(assigned, PICKUP, SOON, TRAVEL) == SOON + way(PICKUP, DROPOFF)


def test_after_pickup_the_way_leads_to_the_door() -> None:
    driven = delivery("driven").state
    assert expected_at(driven, AWAY, NOON, TRAVEL) == NOON + way(AWAY, DROPOFF)
    assert expected_at(driven, DROPOFF, SOON, TRAVEL) == SOON


@pytest.mark.parametrize(("late_seconds", "word"), [(0, "="), (4, "="), (5, "+"), (-5, "+")])
def test_a_small_change_of_the_expected_arrival_is_not_told(late_seconds: int, word: str) -> None:
    """A change below the limit is nothing, one at the limit is told, early or late."""
    on_time_at = ETA_AT - way(PICKUP, DROPOFF)
    recorded_at = on_time_at + timedelta(seconds=late_seconds)
    outcome = delivery("assigned").when(TrackDriver("d", "driver-1", PICKUP, recorded_at))
    assert outcome_word(outcome) == word


def test_locations_count_in_the_order_in_which_they_were_recorded() -> None:
    """A location that is not newer than the last one that counted changes nothing."""
    moved = given(DECIDER, STARTED, ASSIGNED, CHANGED)
    moved.when(TrackDriver("d", "driver-1", DROPOFF, SOON)).nothing()
    moved.when(TrackDriver("d", "driver-1", DROPOFF, SOON - timedelta(seconds=1))).nothing()
    moved.when(TrackDriver("d", "driver-1", DROPOFF, SOON + timedelta(seconds=1))).accepted()


@deterministic
@for_all(names=st.lists(st.sampled_from(sorted(COMMANDS)), max_size=30))
def test_whatever_comes_a_delivery_has_one_driver_and_only_moves_forward(names: list[str]) -> None:
    """Any sequence of commands: one driver for ever, pickup before drop-off, final is final."""
    ranks = list(DeliveryStatus)
    story = given(DECIDER, STARTED)
    for name in names:
        before = story.state
        outcome = story.when(COMMANDS[name])
        if outcome.result is None or isinstance(outcome.result, Rejected):
            continue
        assert before.status is not DeliveryStatus.DELIVERED
        story = outcome.accepted()
        story.when(COMMANDS[name]).nothing()
        assert before.driver_id in (None, story.state.driver_id)
        assert ranks.index(story.state.status) - ranks.index(before.status) in (0, 1)


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_evolve_takes_any_event_in_any_situation(situation: str) -> None:
    """Past events are facts: evolve never raises."""
    for event in (*SITUATIONS["delivered"], CHANGED):
        assert DECIDER.evolve(delivery(situation).state, event, NOON).delivery_id == "d"
