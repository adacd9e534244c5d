"""What operators are to look at, and what of it is over."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from services.common.decider import Wakeup
from services.common.messages.delivery import (
    AssignDriver,
    CheckDeliveryDeadline,
    ConfirmPickup,
    DeliveryFlagged,
    DeliveryStarted,
    ReportSilence,
    TrackDriver,
    UnassignDriver,
    WaiveCode,
)
from services.delivery.domain import FINAL, DeliveryLimits
from tests.delivery.past import (
    AWAY,
    COMMANDS,
    DECIDER,
    DRIVEN,
    DROPOFF,
    ETA_AT,
    FAILED,
    LIMITS,
    LOCKED,
    PICKUP,
    RECALLED,
    SILENT,
    SITUATIONS,
    STARTED,
    delivery,
)
from tests.given import NOON, given

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


DEADLINES = {
    "waiting": ("no_driver", timedelta(minutes=LIMITS.match_minutes_max)),
    "assigned": ("pickup_late", timedelta(seconds=LIMITS.pickup_seconds_max)),
    "driven": ("dropoff_late", timedelta(seconds=LIMITS.dropoff_seconds_max)),
    "failed": ("return_late", timedelta(seconds=LIMITS.return_seconds_max)),
    "cancelling": ("cancellation_late", timedelta(seconds=LIMITS.cancellation_seconds_max)),
}


@pytest.mark.parametrize("situation", DEADLINES)
def test_a_status_that_lasts_too_long_is_flagged_once(situation: str) -> None:
    """Neither for another status nor for an earlier stay in it.

    A clock of the log that is behind delays no check: its timer fires once.
    """
    flag, limit = DEADLINES[situation]
    story = delivery(situation)
    check = CheckDeliveryDeadline("d", flag, NOON)
    assert DECIDER.agenda(story.state) == (Wakeup(NOON + limit, check),)
    story.when(check, NOON + limit - timedelta(seconds=1)).accepted()
    story.when(CheckDeliveryDeadline("d", flag, LONG_AGO), NOON + limit).nothing()
    after = story.when(check, NOON + limit).then(DeliveryFlagged("d", "o", flag, NOON))
    assert after.state.flags == (flag,)
    assert after.state.status_since == NOON
    assert DECIDER.agenda(after.state) == ()


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_status_but_the_final_ones_has_a_deadline(situation: str) -> None:
    state = delivery(situation).state
    assert bool(DECIDER.agenda(state)) == (state.status not in FINAL)


def test_a_flag_is_over_with_the_status_that_it_is_about() -> None:
    late = given(DECIDER, STARTED, DeliveryFlagged("d", "o", "no_driver", NOON))
    later = NOON + timedelta(hours=1)
    found = late.when(AssignDriver("d", "driver-1", AWAY), later).accepted()
    assert found.state.flags == ()
    assert found.state.status_since == later
    assert DECIDER.agenda(found.state)[0].command.since == later


def test_a_waived_code_stays_waived_for_the_next_driver() -> None:
    waived = delivery("waived")
    assert waived.state.code is None
    lost = waived.when(UnassignDriver("d", "driver-1", "flat tyre", True)).accepted()
    assert lost.state.code is None
    lost.when(WaiveCode("d", "again")).nothing()


def test_a_delivery_without_a_code_has_none_to_waive() -> None:
    codeless = given(DECIDER, DeliveryStarted("d", "o", "north", PICKUP, DROPOFF), *DRIVEN[1:])
    codeless.when(WaiveCode("d", "why not")).rejected("no_code")
    codeless.when(COMMANDS["ReportWrongCodes"]).nothing()


def test_a_waived_code_takes_its_flag_along() -> None:
    assert delivery("locked").state.flags == ("wrong_codes",)
    assert delivery("locked").when(WaiveCode("d", "lost phone")).accepted().state.flags == ()


def test_a_silent_driver_is_flagged_until_it_is_heard() -> None:
    """A location takes the flag away, though the arrival does not change by it."""
    on_time = TrackDriver("d", "driver-1", DROPOFF, ETA_AT)
    delivery("driven").when(on_time).nothing()
    assert delivery("silent").when(on_time).accepted().state.flags == ()


@pytest.mark.parametrize("wrong", [-1.0, 1e12, float("inf"), float("nan")])
@pytest.mark.parametrize("limit", [each.name for each in fields(DeliveryLimits)])
def test_limits_that_can_not_be_kept_are_refused(limit: str, wrong: float) -> None:
    """Else the agenda of every delivery would overflow."""
    with pytest.raises(ValueError, match=limit):
        DeliveryLimits(**{limit: wrong})


def test_a_recall_does_not_make_a_silent_driver_heard() -> None:
    assert given(DECIDER, *DRIVEN, SILENT, RECALLED).state.flags == ("driver_silent",)
    assert given(DECIDER, *DRIVEN, SILENT, LOCKED, FAILED).state.flags == ()
    told = delivery("cancelling").when(ReportSilence("d", "driver-1")).accepted()
    assert told.when(ConfirmPickup("d", "driver-1")).then(RECALLED).state.flags == ()
