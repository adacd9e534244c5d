"""All that is known of a driver, and what each event makes of it."""

import dataclasses
from datetime import datetime
from typing import Any, assert_never

from msgspec import Struct
from msgspec.structs import replace

from services.common.messages.driver import (
    AssignedDelivery,
    CodeLifted,
    CodeRefused,
    DeliveryAccepted,
    DeliveryDeclined,
    DeliveryGivenUp,
    DeliveryOffered,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverEvent,
    DriverFellSilent,
    DriverHeard,
    DriverLocated,
    DriverReleased,
    DriverSnapshotted,
    DriverStatus,
    DropoffFailed,
    GoodsDroppedOff,
    GoodsPickedUp,
    GoodsReturned,
    OfferedDelivery,
    OfferWithdrawn,
    ReturnOrdered,
    SilenceSuspected,
)
from services.common.values import GeoPoint

REJECTED_MAX = 32
# Why an offer was declined, where the phone itself has said so.
REJECTED, OFF_DUTY = "rejected", "off_duty"


class Driver(Struct, frozen=True, omit_defaults=True):
    """All that is known of a driver.

    heard_at: the last instant, in the log, at which the phone said something that counts; where
        that ends a suspicion and was said before it, the suspicion's. It only grows, so that each
        look at a silence is another one.
    suspected_at: since when the driver is suspected of silence; `is_silent` once that is sure, of a
        driver who has goods and keeps the delivery.
    assigned_at: the instant at which the delivery was accepted, or the twin was last written whole
        since then. It tells two times apart that the same delivery comes to the driver.
    last_delivery_id: the last delivery that was dropped off or returned.
    rejected: the last deliveries that the driver did not want, the oldest first.
    """

    driver_id: str
    status: DriverStatus
    region: str
    location: GeoPoint
    snapshot_at: datetime
    heard_at: datetime
    located_at: datetime | None = None
    suspected_at: datetime | None = None
    is_silent: bool = False
    offer: OfferedDelivery | None = None
    delivery: AssignedDelivery | None = None
    assigned_at: datetime | None = None
    last_delivery_id: str | None = None
    rejected: tuple[str, ...] = ()


def evolve(driver: Driver | None, event: DriverEvent, at: datetime) -> Driver:
    """The driver after the event."""
    if isinstance(event, DriverSnapshotted):
        return _written_whole(event, at)
    if isinstance(event, DriverBecameAvailable):
        known = driver or Driver(
            event.driver_id, DriverStatus.AVAILABLE, event.region, event.location, at, at
        )
        return replace(
            known,
            status=DriverStatus.AVAILABLE,
            region=event.region,
            location=event.location,
            heard_at=max(at, known.heard_at),
        )
    assert driver is not None, "only DriverBecameAvailable or a snapshot begins a driver"
    after = _changed(driver, event, at)
    if _is_from_phone(event):
        heard_at = max(at, driver.heard_at, driver.suspected_at or at)
        return replace(after, heard_at=heard_at, suspected_at=None, is_silent=False)
    return after


def _changed(driver: Driver, event: DriverEvent, at: datetime) -> Driver:
    match event:
        case DriverSnapshotted() | DriverBecameAvailable():
            return driver  # these begin a driver
        case DriverBecameUnavailable():
            return replace(driver, status=DriverStatus.UNAVAILABLE)
        case DeliveryOffered() | DeliveryDeclined() | OfferWithdrawn():
            return _offered(driver, event)
        case DeliveryAccepted():
            delivery = AssignedDelivery(
                event.delivery_id,
                event.order_id,
                event.region,
                event.pickup,
                event.dropoff,
                code=event.code,
            )
            return replace(
                driver,
                status=DriverStatus.ON_DELIVERY,
                offer=None,
                delivery=delivery,
                assigned_at=at,
            )
        case GoodsPickedUp():
            return _with_work(driver, picked_up=True)
        case ReturnOrdered() | DropoffFailed():
            return _with_work(driver, returning=True)
        case CodeRefused(wrong_codes=wrong_codes):
            return _with_work(driver, wrong_codes=wrong_codes)
        case CodeLifted(delivery_id=delivery_id):
            if driver.offer is not None and driver.offer.delivery_id == delivery_id:
                return replace(driver, offer=dataclasses.replace(driver.offer, code=None))
            return _with_work(driver, code=None, wrong_codes=0)
        case GoodsDroppedOff(delivery_id=delivery_id) | GoodsReturned(delivery_id=delivery_id):
            return replace(_resting(driver), last_delivery_id=delivery_id)
        case DeliveryGivenUp(delivery_id=delivery_id):
            return replace(_resting(driver), rejected=_remembered(driver, delivery_id))
        case DriverReleased():
            return _resting(driver)
        case SilenceSuspected():
            return replace(driver, suspected_at=at)
        case DriverFellSilent(has_goods=has_goods):
            if has_goods:
                return replace(driver, is_silent=True)
            return _resting(driver)
        case DriverHeard():
            return driver
        case DriverLocated(location=location, recorded_at=recorded_at):
            return replace(driver, location=location, located_at=recorded_at)
        case _:
            assert_never(event)


def _offered(driver: Driver, event: DeliveryOffered | DeliveryDeclined | OfferWithdrawn) -> Driver:
    match event:
        case DeliveryOffered():
            offer = OfferedDelivery(
                event.delivery_id,
                event.order_id,
                event.region,
                event.pickup,
                event.dropoff,
                event.code,
                event.expires_at,
            )
            return replace(driver, status=DriverStatus.OFFERED, offer=offer)
        case OfferWithdrawn():
            return replace(driver, status=DriverStatus.AVAILABLE, offer=None)
        case DeliveryDeclined(delivery_id=delivery_id):
            rejected = driver.rejected
            if event.is_excluded:
                rejected = _remembered(driver, delivery_id)
            if driver.offer is None or driver.offer.delivery_id != delivery_id:
                return replace(driver, rejected=rejected)
            status = DriverStatus.AVAILABLE if event.stays_available else DriverStatus.UNAVAILABLE
            return replace(driver, status=status, offer=None, rejected=rejected)
        case _:
            assert_never(event)


def _is_from_phone(event: DriverEvent) -> bool:
    """True when the driver's phone has led to the event, so that the driver was heard."""
    match event:
        case DeliveryDeclined(reason=reason):
            return reason in (REJECTED, OFF_DUTY)
        case (
            DriverBecameUnavailable()
            | DeliveryAccepted()
            | DeliveryGivenUp()
            | GoodsPickedUp()
            | CodeRefused()
            | GoodsDroppedOff()
            | DropoffFailed()
            | GoodsReturned()
            | DriverHeard()
            | DriverLocated()
        ):
            return True
        case _:
            return False


def _written_whole(event: DriverSnapshotted, at: datetime) -> Driver:
    return Driver(
        driver_id=event.driver_id,
        status=event.status,
        region=event.region,
        location=event.location,
        snapshot_at=at,
        heard_at=event.heard_at,
        located_at=event.located_at,
        suspected_at=event.suspected_at,
        is_silent=event.is_silent,
        offer=event.offer,
        delivery=event.delivery,
        assigned_at=None if event.delivery is None else at,
        last_delivery_id=event.last_delivery_id,
        rejected=event.rejected,
    )


def _with_work(driver: Driver, **changes: Any) -> Driver:
    if driver.delivery is None:
        return driver
    return replace(driver, delivery=dataclasses.replace(driver.delivery, **changes))


def _resting(driver: Driver) -> Driver:
    """The driver without a delivery, until the phone says that it takes work."""
    return replace(
        driver,
        status=DriverStatus.UNAVAILABLE,
        delivery=None,
        assigned_at=None,
        suspected_at=None,
        is_silent=False,
    )


def _remembered(driver: Driver, delivery_id: str) -> tuple[str, ...]:
    others = (each for each in driver.rejected if each != delivery_id)
    return (*others, delivery_id)[-REJECTED_MAX:]
