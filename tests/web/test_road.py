"""What is told of deliveries and drivers is what their services fold from the same events."""

from datetime import timedelta
from typing import Any

import pytest

from services.common.messages import delivery as deliveries
from services.common.messages import driver as drivers
from services.common.messages.driver import DriverStatus
from services.delivery.domain import Delivery
from services.delivery.domain.delivery import evolve as delivery_evolve
from services.driver.domain.twin import evolve as driver_evolve
from services.web.road import DeliveryView, DriverView, delivery_after, driver_after
from tests.web.written import ASSIGNED, AT, AVAILABLE, DELIVERY_STARTED, DOOR, ORDER_ID, PICKUP
from tests.web.written import DELIVERY_ID as D

ORDER, DRIVER, REGION = ORDER_ID, "driver-1", "san-jose"
OFFERED = drivers.DeliveryOffered(DRIVER, D, ORDER, REGION, PICKUP, DOOR, "1234", AT)
ACCEPTED = drivers.DeliveryAccepted(DRIVER, D, ORDER, REGION, PICKUP, DOOR, "1234", PICKUP)
PICKED_UP = drivers.GoodsPickedUp(DRIVER, D, ORDER)
DROPPED_OFF = drivers.GoodsDroppedOff(DRIVER, D, ORDER)
SUSPECTED = drivers.SilenceSuspected(DRIVER)
SILENT = drivers.DriverFellSilent(DRIVER, D, ORDER, REGION, True)
LOST = drivers.DriverFellSilent(DRIVER, D, ORDER, REGION, False)
REFUSED = drivers.CodeRefused(DRIVER, D, ORDER, 2, False)
RETURNED = drivers.GoodsReturned(DRIVER, D, ORDER)
LOCATED = drivers.DriverLocated(DRIVER, DOOR, AT, D, ORDER)
SNAPSHOT = drivers.DriverSnapshotted(
    driver_id=DRIVER,
    status=DriverStatus.ON_DELIVERY,
    region=REGION,
    location=DOOR,
    located_at=AT,
    heard_at=AT,
    suspected_at=AT,
    is_silent=True,
    offer=None,
    delivery=drivers.AssignedDelivery(D, ORDER, REGION, PICKUP, DOOR, True, True, "1", 2),
    last_delivery_id=None,
    rejected=(),
    sources={},
)


def declined(reason: str, stays_available: bool) -> drivers.DeliveryDeclined:
    """The driver does not take it."""
    return drivers.DeliveryDeclined(DRIVER, D, ORDER, REGION, reason, PICKUP, True, stays_available)


@pytest.mark.parametrize(
    "events",
    [
        [AVAILABLE, OFFERED, ACCEPTED, PICKED_UP, LOCATED, REFUSED, DROPPED_OFF, AVAILABLE],
        [
            AVAILABLE,
            OFFERED,
            declined("rejected", True),
            drivers.DriverBecameUnavailable(DRIVER, REGION),
        ],
        [AVAILABLE, OFFERED, declined("expired", False), AVAILABLE],
        [AVAILABLE, OFFERED, drivers.OfferWithdrawn(DRIVER, D, ORDER, REGION, PICKUP)],
        [AVAILABLE, OFFERED, ACCEPTED, SUSPECTED, drivers.DriverHeard(DRIVER), SUSPECTED, LOST],
        [AVAILABLE, OFFERED, ACCEPTED, PICKED_UP, SUSPECTED, SILENT, LOCATED, RETURNED],
        [AVAILABLE, OFFERED, ACCEPTED, drivers.DeliveryGivenUp(DRIVER, D, ORDER, REGION, "no")],
        [AVAILABLE, OFFERED, ACCEPTED, PICKED_UP, REFUSED, drivers.CodeLifted(DRIVER, D, ORDER)],
        [AVAILABLE, OFFERED, ACCEPTED, PICKED_UP, drivers.DropoffFailed(DRIVER, D, ORDER, "no")],
        [AVAILABLE, OFFERED, ACCEPTED, PICKED_UP, drivers.ReturnOrdered(DRIVER, D, ORDER, "no")],
        [AVAILABLE, OFFERED, ACCEPTED, SUSPECTED, drivers.DriverReleased(DRIVER, D, ORDER, "no")],
        [SNAPSHOT, SILENT, DROPPED_OFF],
    ],
)
def test_a_driver_is_as_its_service_says(events: list[Any]) -> None:
    """After each event."""
    view: DriverView | None = None
    twin = None
    for number, event in enumerate(events):
        at = AT + timedelta(seconds=number)
        view, twin = driver_after(view, event, at), driver_evolve(twin, event, at)
        assert view is not None
        work = twin.delivery or twin.offer
        taken = twin.delivery
        assert (
            view.status,
            view.region,
            view.location,
            view.delivery_id,
            view.has_goods,
            view.is_returning,
            view.wrong_codes,
            view.suspected_at,
            view.is_silent,
        ) == (
            twin.status,
            twin.region,
            twin.location,
            work and work.delivery_id,
            bool(taken and taken.picked_up),
            bool(taken and taken.returning),
            taken.wrong_codes if taken else 0,
            twin.suspected_at,
            twin.is_silent,
        ), type(event).__name__


def unassigned(has_goods: bool) -> deliveries.DriverUnassigned:
    """It waits for another driver."""
    return deliveries.DriverUnassigned(
        D, ORDER, DRIVER, REGION, DOOR, DOOR, None, ("driver-1",), "gave_up", False, has_goods
    )


ON_THE_ROAD = [DELIVERY_STARTED, ASSIGNED, deliveries.DeliveryPickedUp(D, ORDER, DRIVER)]


@pytest.mark.parametrize(
    "events",
    [
        [*ON_THE_ROAD, deliveries.DeliveryCompleted(D, ORDER, DRIVER)],
        [DELIVERY_STARTED, ASSIGNED, unassigned(False), ASSIGNED],
        [*ON_THE_ROAD, unassigned(True), ASSIGNED],
        [
            *ON_THE_ROAD,
            deliveries.DeliveryFlagged(D, ORDER, "wrong_codes", AT),
            deliveries.CodeWaived(D, ORDER, DRIVER, "ok"),
        ],
        [
            *ON_THE_ROAD,
            deliveries.DeliveryFlagged(D, ORDER, "driver_silent", AT),
            deliveries.DeliveryEtaChanged(D, ORDER, DRIVER, DOOR, AT, AT),
        ],
        [
            *ON_THE_ROAD,
            deliveries.DeliveryFlagged(D, ORDER, "driver_silent", AT),
            deliveries.DeliveryRecalled(D, ORDER, DRIVER, "no"),
            deliveries.DeliveryWrittenOff(D, ORDER, DRIVER, "lost"),
        ],
        [
            *ON_THE_ROAD,
            deliveries.DeliveryFailed(D, ORDER, DRIVER, "no"),
            deliveries.DeliveryReturned(D, ORDER, DRIVER),
        ],
        [
            DELIVERY_STARTED,
            ASSIGNED,
            deliveries.DeliveryCancelling(D, ORDER, DRIVER, "no"),
            deliveries.DeliveryRecalled(D, ORDER, DRIVER, "no"),
        ],
        [DELIVERY_STARTED, deliveries.DeliveryCancelled(D, ORDER, REGION, "no")],
    ],
)
def test_a_delivery_is_as_its_service_says(events: list[Any]) -> None:
    """In every field that is told of it, after each event."""
    view: DeliveryView | None = None
    state: Delivery | None = None
    for number, event in enumerate(events):
        at = AT + timedelta(seconds=number)
        view, state = delivery_after(view, event, at), delivery_evolve(state, event, at)
        assert view is not None
        for name, value in view.public().items():
            told = getattr(view, name)
            assert told == getattr(state, name), f"{type(event).__name__}: {name} is {value}"
