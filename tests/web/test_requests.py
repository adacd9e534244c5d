"""What the story tells of a delivery's request for a driver, and of an order's admission."""

from typing import Any

from services.common.messages import matcher
from services.common.messages.matcher import AvailableDriver, Offer, WaitingDelivery
from services.common.messages.restaurant import (
    AdmissionGranted,
    AdmissionRefused,
    ItemRestored,
)
from services.web.requests import (
    AdmissionView,
    RequestView,
    admission_after,
    named_deliveries,
    request_after,
)
from services.web.settings import Settings
from services.web.world import World
from tests.web.written import CREATED, DELIVERY_ID, DOOR, ORDER_ID, PICKUP, Log

REGION = "san-jose"
WAITING = WaitingDelivery(DELIVERY_ID, ORDER_ID, PICKUP, DOOR)
OTHER = WaitingDelivery("d-2", "o-2", PICKUP, DOOR)
FIRST, SECOND = AvailableDriver("driver-1", PICKUP), AvailableDriver("driver-2", PICKUP)
REQUESTED = matcher.DriverRequested(REGION, WAITING, ())
REGISTERED = matcher.DriverRegistered(REGION, FIRST, (Offer(WAITING, FIRST),))
DECLINED = matcher.OfferDeclined(
    REGION, DELIVERY_ID, "driver-1", "rejected", True, None, (Offer(WAITING, SECOND),)
)
CONFIRMED = matcher.OfferConfirmed(REGION, DELIVERY_ID, "driver-2")


def after(*events: Any) -> RequestView | None:
    """The request after these events."""
    request: RequestView | None = None
    for event in events:
        request = request_after(request, event, DELIVERY_ID)
    return request


def test_a_request_waits_is_offered_and_confirmed() -> None:
    """Who did not want it is not asked again."""
    views = [after(*[REQUESTED, REGISTERED, DECLINED, CONFIRMED][:count]) for count in (1, 2, 3, 4)]
    assert [view and (view.request, view.driver_id, view.excluded) for view in views] == [
        ("WAITING", None, ()),
        ("OFFERED", "driver-1", ()),
        ("OFFERED", "driver-2", ("driver-1",)),
        ("CONFIRMED", "driver-2", ("driver-1",)),
    ]
    cancelled = after(REQUESTED, REGISTERED, matcher.RequestCancelled(REGION, DELIVERY_ID, "x"))
    assert cancelled is not None
    assert (cancelled.request, cancelled.driver_id) == ("CANCELLED", None)


def test_what_is_said_of_other_deliveries_changes_nothing() -> None:
    """A region has many."""
    before = after(REQUESTED)
    others: list[matcher.MatcherEvent] = [
        matcher.DriverRequested(REGION, OTHER, (Offer(OTHER, FIRST),)),
        matcher.DriverWithdrawn(REGION, "driver-1"),
    ]
    for event in others:
        assert request_after(before, event, DELIVERY_ID) == before
    assert after(CONFIRMED) is None
    known = after(REGISTERED)
    assert known is not None
    assert known.request == "OFFERED"


def test_an_event_names_the_deliveries_that_it_is_about() -> None:
    """Those that it offers, too."""
    both = matcher.DriverRequested(REGION, OTHER, (Offer(WAITING, FIRST), Offer(OTHER, SECOND)))
    assert named_deliveries(both) == {"d-2": "o-2", DELIVERY_ID: ORDER_ID}
    assert named_deliveries(CONFIRMED) == {DELIVERY_ID: None}
    assert named_deliveries(matcher.RegionSnapshotted(REGION, (WAITING,), (), (), {})) == {}


def test_an_offer_to_a_driver_who_comes_is_in_the_story_of_the_order() -> None:
    """With before and after; what offers two deliveries is in two stories."""
    log, world = Log(), World(Settings())
    world.take(log.event("order", CREATED))
    world.take(log.event("matcher", REQUESTED, order="somebody's"))
    both = matcher.DriverRegistered(REGION, FIRST, (Offer(WAITING, FIRST), Offer(OTHER, SECOND)))
    world.take(log.event("matcher", both, order="driver's word"))
    world.take(log.event("matcher", DECLINED, order="driver's word"))
    world.take(log.event("matcher", CONFIRMED, order="driver's word"))
    kept, other = world.kept(ORDER_ID), world.kept("o-2")
    assert kept is not None
    assert other is not None
    steps = [step for step in kept.story.in_order() if step.record.owner == "matcher"]
    changed = [step.change and (step.change.before, step.change.after) for step in steps]
    assert [step.record.type for step in steps] == [
        "DriverRequested",
        "DriverRegistered",
        "OfferDeclined",
        "OfferConfirmed",
    ]
    assert changed[1] == (
        {"request": "WAITING", "driver_id": None},
        {"request": "OFFERED", "driver_id": "driver-1"},
    )
    assert changed[3] == ({"request": "OFFERED"}, {"request": "CONFIRMED"})
    assert [step.record.type for step in other.story.in_order()] == ["DriverRegistered"]


def test_an_admission_is_granted_or_refused() -> None:
    """By the restaurant, whose own state it does not change."""
    granted = admission_after(None, AdmissionGranted("r", ORDER_ID, None, 900, 690))
    assert granted == AdmissionView("GRANTED", 900, 690)
    refused = admission_after(None, AdmissionRefused("r", ORDER_ID, "closed", "We are closed."))
    assert refused is not None
    assert refused.public() == {
        "admission": "REFUSED",
        "reason": "closed",
        "detail": "We are closed.",
    }
    assert admission_after(granted, ItemRestored("r", "soup")) == granted
