"""When a delivery is expected at the door."""

from datetime import UTC, datetime, timedelta

import pytest

from services.common.messages.delivery import (
    AssignDriver,
    DriverAssigned,
    TrackDriver,
)
from services.common.values import INSTANT_MAX
from services.delivery.domain import Travel, delivery_decider, expected_at
from tests.delivery.past import (
    ASSIGNED,
    AWAY,
    CHANGED,
    DECIDER,
    DROPOFF,
    ETA_AT,
    PICKUP,
    SOON,
    STARTED,
    TRAVEL,
    delivery,
    way,
)
from tests.given import NOON, given, outcome_word

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


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


@pytest.mark.parametrize(
    "recorded_at", [LONG_AGO, INSTANT_MAX + timedelta(seconds=1), datetime.max.replace(tzinfo=UTC)]
)
def test_a_location_of_another_age_is_refused(recorded_at: datetime) -> None:
    outcome = delivery("assigned").when(TrackDriver("d", "driver-1", AWAY, recorded_at))
    outcome.rejected("recorded_out_of_range")


def test_a_speed_of_nothing_stops_no_delivery() -> None:
    stopped = delivery_decider(Travel(0.0, 0.0))
    outcome = given(stopped, STARTED).when(AssignDriver("d", "driver-1", AWAY), INSTANT_MAX)
    assert isinstance(outcome.result, DriverAssigned)
