"""What a driver's twin decides, and what holds of it whatever comes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common.decider import Row, Wakeup, fold
from services.common.messages.driver import (
    AcceptOffer,
    AssignedDelivery,
    DeliveryDeclined,
    DriverBecameAvailable,
    DriverEvent,
    DriverLocated,
    DriverReleased,
    DriverStatus,
    DropoffFailed,
    ExpireOffer,
    OfferedDelivery,
    OfferWithdrawn,
    RejectOffer,
    ReportDropoff,
    ReportLocation,
)
from services.driver.domain import (
    CLOCK_AHEAD_MAX,
    REJECTED_MAX,
    WRONG_CODES_CEILING,
    Driver,
    DriverLimits,
    driver_decider,
)
from tests.driver.situations import (
    ACCEPTED,
    AVAILABLE,
    CODE,
    COMMANDS,
    DECIDER,
    DROPOFF,
    DROPPED_OFF,
    EXPIRY,
    HOME,
    INTERVAL_SECONDS,
    LOCATED,
    OFFER,
    OFFERED,
    PICKED_UP,
    PICKUP,
    RECALLED,
    REJECTED,
    RETURNED,
    SITUATIONS,
    SOON,
    UNAVAILABLE,
    WRONG,
    WRONG_CODES,
    driver,
)
from tests.given import (
    NOON,
    command_envelope,
    deterministic,
    event_envelope,
    given,
    outcome_word,
)

KNOWN = [name for name in SITUATIONS if name != "unknown"]
WORK = AssignedDelivery("d1", "o1", "north", PICKUP, DROPOFF, code=CODE)
WITHDRAWN = OfferWithdrawn("v", "d1", "o1", "north", HOME)


def declined(reason: str, delivery: str = "d1", region: str = "north") -> DeliveryDeclined:
    """The twin's no, after which the driver rests."""
    order = delivery.replace("d", "o")
    return DeliveryDeclined("v", delivery, order, region, reason, HOME, False, False)


def released(reason: str) -> DriverReleased:
    """The driver has to do with the delivery no more."""
    return DriverReleased("v", "d1", "o1", reason)


@pytest.mark.parametrize(
    ("situation", "command", "event"),
    [
        ("unknown", "SetAvailability", AVAILABLE),
        ("resting", "SetAvailability/south", DriverBecameAvailable("v", "south", HOME)),
        ("available", "SetAvailability/south", DriverBecameAvailable("v", "south", HOME, "north")),
        ("available", "SetAvailability/rest", UNAVAILABLE),
        ("offered", "SetAvailability/rest", declined("off_duty")),
        ("available", "OfferDelivery", OFFERED),
        ("resting", "OfferDelivery", declined("not_available")),
        ("done", "OfferDelivery/other", declined("not_available", "d2")),
        ("offered", "OfferDelivery/other", declined("has_an_offer", "d2")),
        ("driving", "OfferDelivery/other", declined("on_a_delivery", "d2")),
        ("available", "OfferDelivery/south", declined("in_another_region", "d2", "south")),
        ("rejected", "OfferDelivery", replace(REJECTED, reason="rejected_before")),
        (
            "given_up",
            "OfferDelivery",
            replace(declined("rejected_before"), is_excluded=True),
        ),
        ("offered", "AcceptOffer", ACCEPTED),
        ("offered", "RejectOffer", REJECTED),
        ("offered", "ExpireOffer", declined("offer_timed_out")),
        ("offered", "WithdrawOffer", WITHDRAWN),
        ("offered", "ReleaseDriver", WITHDRAWN),
        ("assigned", "ReleaseDriver", released("cancelled")),
        ("driving", "ReleaseDriver", RECALLED),
        ("driving", "ReleaseDriver/leave", released("reassigned")),
        ("returning", "ReleaseDriver/leave", released("reassigned")),
        ("assigned", "RecallGoods", released("cancelled")),
        ("driving", "RecallGoods", RECALLED),
        ("assigned", "ReportPickup", PICKED_UP),
        ("driving", "ReportDropoff", DROPPED_OFF),
        ("no_code", "ReportDropoff/bare", DROPPED_OFF),
        ("driving", "ReportDropoff/wrong", WRONG_CODES[0]),
        ("driving", "ReportFailure", DropoffFailed("v", "d1", "o1", "nobody opens")),
        ("returning", "ReportReturn", RETURNED),
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
        ("offered", DriverStatus.OFFERED, None),
        ("rejected", DriverStatus.AVAILABLE, None),
        ("assigned", DriverStatus.ON_DELIVERY, WORK),
        ("driving", DriverStatus.ON_DELIVERY, replace(WORK, picked_up=True)),
        ("locked", DriverStatus.ON_DELIVERY, replace(WORK, picked_up=True, wrong_codes=2)),
        ("no_code", DriverStatus.ON_DELIVERY, replace(WORK, picked_up=True, code=None)),
        ("returning", DriverStatus.ON_DELIVERY, replace(WORK, picked_up=True, returning=True)),
        ("given_up", DriverStatus.UNAVAILABLE, None),
        ("lost", DriverStatus.UNAVAILABLE, None),
        ("done", DriverStatus.UNAVAILABLE, None),
        ("returned", DriverStatus.UNAVAILABLE, None),
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


@pytest.mark.parametrize("situation", KNOWN)
@pytest.mark.parametrize("command", ["OfferDelivery", "OfferDelivery/other", "OfferDelivery/south"])
def test_every_offer_is_answered(situation: str, command: str) -> None:
    """Else it would stay open in the region for ever, and its driver and delivery with it.

    The answer says that the driver waits for work if it does, so that the region knows it again;
    one whose answer sends the driver back at once bars the delivery from it, so that nothing loops.
    """
    before, offer = driver(situation), COMMANDS[command]
    open_offer = before.state.offer
    if open_offer is not None and open_offer.delivery_id == offer.delivery_id:
        before.when(offer).nothing()  # its answer is to come
        return
    outcome = before.when(offer)
    after = outcome.accepted()
    if isinstance(outcome.result, DeliveryDeclined):
        is_free = before.state.status is DriverStatus.AVAILABLE
        is_here = before.state.region == offer.region
        assert outcome.result.stays_available == (is_free and is_here)
        assert outcome.result.is_excluded or not outcome.result.stays_available
        assert after.state.status is before.state.status
        assert after.state.delivery == before.state.delivery
        assert after.state.offer == before.state.offer
    else:
        assert after.state.status is DriverStatus.OFFERED


@pytest.mark.parametrize("hours", [0.0, -1.0, 1e9, float("nan")])
def test_a_snapshot_is_due_within_a_year(hours: float) -> None:
    with pytest.raises(ValueError, match="snapshot_hours"):
        driver_decider(hours)


def test_an_offer_is_open_until_its_end() -> None:
    """Then it can't be taken any more, and its timer has the driver rest."""
    offered = driver("offered")
    assert offered.state.offer == OfferedDelivery(
        "d1", "o1", "north", PICKUP, DROPOFF, CODE, EXPIRY
    )
    expire = ExpireOffer("v", "d1", EXPIRY)
    assert Wakeup(EXPIRY, expire) in DECIDER.agenda(offered.state)
    offered.when(AcceptOffer("v", "d1"), EXPIRY - timedelta(microseconds=1)).accepted()
    offered.when(AcceptOffer("v", "d1"), EXPIRY).rejected("offer_expired")
    expired = offered.when(expire, EXPIRY).then(declined("offer_timed_out"))
    assert expired.state.status is DriverStatus.UNAVAILABLE
    assert expired.state.rejected == ()
    assert len(DECIDER.agenda(expired.state)) == 1


def test_a_driver_that_declined_while_resting_takes_the_same_delivery_later() -> None:
    declined_once = driver("resting").when(OFFER).accepted()
    available = declined_once.when(COMMANDS["SetAvailability"]).accepted()
    available.when(OFFER).then(OFFERED).when(AcceptOffer("v", "d1")).then(ACCEPTED)


def test_so_many_rejected_deliveries_are_remembered() -> None:
    """The last ones; the delivery itself remembers who does not want it."""
    story = driver("available")
    for number in range(REJECTED_MAX + 1):
        name = f"e{number}"
        story = story.when(replace(OFFER, delivery_id=name)).accepted()
        story = story.when(RejectOffer("v", name, "too far")).accepted()
    assert story.state.rejected == tuple(f"e{number + 1}" for number in range(REJECTED_MAX))


def test_wrong_codes_lock_the_dropoff_until_the_code_is_lifted() -> None:
    """The right code opens it no more: it could have been guessed."""
    driving = driver("driving")
    locked = driving.when(ReportDropoff("v", "d1", WRONG)).then(WRONG_CODES[0])
    locked = locked.when(ReportDropoff("v", "d1", "0000")).then(WRONG_CODES[1])
    locked.when(ReportDropoff("v", "d1", CODE)).rejected("code_locked")
    lifted = locked.when(COMMANDS["LiftCode"]).accepted()
    lifted.when(ReportDropoff("v", "d1", WRONG)).then(DROPPED_OFF)


def test_a_code_that_is_lifted_while_the_delivery_is_offered_is_not_asked_for() -> None:
    lifted = driver("offered").when(COMMANDS["LiftCode"]).accepted()
    lifted.when(AcceptOffer("v", "d1")).then(replace(ACCEPTED, code=None))


def test_an_accepted_delivery_tells_where_the_driver_was_last_seen() -> None:
    outcome = given(DECIDER, AVAILABLE, OFFERED, LOCATED).when(AcceptOffer("v", "d1"))
    outcome.then(replace(ACCEPTED, location=PICKUP))


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


@for_all(st.lists(st.integers(0, 400), min_size=1, max_size=60))
@deterministic
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


@pytest.mark.parametrize(
    "wrong",
    [
        {"wrong_codes_max": 0},
        {"wrong_codes_max": WRONG_CODES_CEILING + 1},
        {"offer_seconds_max": -1.0},
        {"silence_seconds_max": float("inf")},
        {"silence_grace_seconds": float("nan")},
    ],
)
def test_limits_that_can_not_be_kept_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DriverLimits(**wrong)
