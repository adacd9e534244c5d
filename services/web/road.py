"""What operators are told of deliveries and drivers: a fold of their events."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from services.common.messages import delivery as deliveries
from services.common.messages import driver as drivers
from services.common.messages.delivery import DeliveryEvent
from services.common.messages.driver import DriverEvent
from services.common.values import GeoPoint

# What only a driver's phone leads to; a driver that was heard is not silent.
FROM_PHONE = (
    drivers.DriverBecameUnavailable,
    drivers.DeliveryAccepted,
    drivers.DeliveryGivenUp,
    drivers.GoodsPickedUp,
    drivers.CodeRefused,
    drivers.GoodsDroppedOff,
    drivers.DropoffFailed,
    drivers.GoodsReturned,
    drivers.DriverHeard,
    drivers.DriverLocated,
)
DECLINED_BY_PHONE = ("rejected", "off_duty")
ENDED = frozenset({"DELIVERED", "RETURNED", "CANCELLED", "WRITTEN_OFF"})


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery; the names are those of GET /deliveries/{id} of the delivery front."""

    delivery_id: str
    order_id: str
    status: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    started_at: datetime
    status_since: datetime
    driver_id: str | None = None
    eta_at: datetime | None = None
    picked_up_at: datetime | None = None
    delivered_at: datetime | None = None
    excluded: tuple[str, ...] = ()
    taken_off: str | None = None
    is_code_waived: bool = False
    reason: str | None = None
    flags: tuple[str, ...] = ()

    def public(self) -> dict[str, Any]:
        """All that may be shown."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DriverView:
    """One driver: whether it takes work, where it was last seen, and what it works on."""

    driver_id: str
    status: str
    region: str
    location: GeoPoint
    recorded_at: datetime | None = None
    delivery_id: str | None = None
    order_id: str | None = None
    has_goods: bool = False
    is_returning: bool = False
    wrong_codes: int = 0
    suspected_at: datetime | None = None
    is_silent: bool = False

    def public(self) -> dict[str, Any]:
        """All that may be shown."""
        return asdict(self)


def delivery_after(
    delivery: DeliveryView | None, event: DeliveryEvent, at: datetime
) -> DeliveryView | None:
    """The delivery after the event; None while its beginning is not known."""
    if isinstance(event, deliveries.DeliveryStarted):
        return DeliveryView(
            delivery_id=event.delivery_id,
            order_id=event.order_id,
            status="WAITING_FOR_DRIVER",
            region=event.region,
            pickup=event.pickup,
            dropoff=event.dropoff,
            started_at=at,
            status_since=at,
        )
    if delivery is None:
        return None
    after = _delivery_after(delivery, event, at)
    if after.status != delivery.status:
        flags = () if not isinstance(event, deliveries.DeliveryRecalled) else _kept_flags(delivery)
        after = replace(after, status_since=at, flags=flags, taken_off=None)
    if isinstance(event, deliveries.DeliveryRecalled):
        after = replace(after, picked_up_at=delivery.picked_up_at or at)
    if isinstance(event, deliveries.DriverUnassigned):
        after = replace(after, taken_off=event.driver_id if event.has_goods else None)
    if isinstance(event, deliveries.DeliveryFlagged):
        after = replace(after, flags=tuple(sorted({*after.flags, event.flag})))
    return after


def _delivery_after(delivery: DeliveryView, event: DeliveryEvent, at: datetime) -> DeliveryView:
    match event:
        case deliveries.DriverAssigned(driver_id=driver_id, eta_at=eta_at):
            return replace(delivery, status="DRIVER_ASSIGNED", driver_id=driver_id, eta_at=eta_at)
        case deliveries.DriverUnassigned(pickup=pickup, reason=reason, excluded=excluded):
            waiting = replace(delivery, status="WAITING_FOR_DRIVER", pickup=pickup)
            return replace(waiting, driver_id=None, eta_at=None, reason=reason, excluded=excluded)
        case deliveries.DeliveryEtaChanged(eta_at=eta_at):
            return replace(_unflagged(delivery, "driver_silent"), eta_at=eta_at)
        case deliveries.CodeWaived():
            return replace(_unflagged(delivery, "wrong_codes"), is_code_waived=True)
        case deliveries.DeliveryPickedUp():
            picked_up_at = delivery.picked_up_at or at
            return replace(delivery, status="PICKED_UP", picked_up_at=picked_up_at)
        case deliveries.DeliveryCompleted(driver_id=driver_id):
            return replace(delivery, status="DELIVERED", driver_id=driver_id, delivered_at=at)
        case deliveries.DeliveryFailed(reason=reason) | deliveries.DeliveryRecalled(reason=reason):
            return replace(delivery, status="RETURNING", eta_at=None, reason=reason)
        case deliveries.DeliveryCancelling(reason=reason):
            return replace(delivery, status="CANCELLING", eta_at=None, reason=reason)
        case deliveries.DeliveryReturned():
            return replace(delivery, status="RETURNED")
        case deliveries.DeliveryCancelled(reason=reason):
            return replace(delivery, status="CANCELLED", driver_id=None, eta_at=None, reason=reason)
        case deliveries.DeliveryWrittenOff(reason=reason):
            return replace(delivery, status="WRITTEN_OFF", reason=reason)
        case _:
            return delivery


def _kept_flags(delivery: DeliveryView) -> tuple[str, ...]:
    """Whose driver fell silent on the road is silent still when the goods are recalled."""
    was_driven = delivery.status == "PICKED_UP" and "driver_silent" in delivery.flags
    return ("driver_silent",) if was_driven else ()


def _unflagged(delivery: DeliveryView, flag: str) -> DeliveryView:
    return replace(delivery, flags=tuple(each for each in delivery.flags if each != flag))


def driver_after(driver: DriverView | None, event: DriverEvent, at: datetime) -> DriverView | None:
    """The driver after the event; None while its beginning is not known."""
    match event:
        case drivers.DriverSnapshotted():
            return _written_whole(event)
        case drivers.DriverBecameAvailable(driver_id=driver_id, region=region, location=location):
            if driver is None:
                return DriverView(driver_id, "AVAILABLE", region, location, at)
            available = replace(driver, status="AVAILABLE", region=region, location=location)
            return replace(available, recorded_at=at)
        case _ if driver is None:
            return None
        case drivers.SilenceSuspected():
            return replace(driver, suspected_at=at)
        case _:
            after = _driver_after(driver, event)
            if isinstance(event, FROM_PHONE) or _is_declined_by_phone(event):
                return replace(after, suspected_at=None, is_silent=False)
            return after


def _is_declined_by_phone(event: DriverEvent) -> bool:
    return isinstance(event, drivers.DeliveryDeclined) and event.reason in DECLINED_BY_PHONE


def _written_whole(event: drivers.DriverSnapshotted) -> DriverView:
    work = event.delivery or event.offer
    taken = event.delivery
    return DriverView(
        driver_id=event.driver_id,
        status=event.status.value,
        region=event.region,
        location=event.location,
        recorded_at=event.located_at,
        delivery_id=None if work is None else work.delivery_id,
        order_id=None if work is None else work.order_id,
        has_goods=taken is not None and taken.picked_up,
        is_returning=taken is not None and taken.returning,
        wrong_codes=0 if taken is None else taken.wrong_codes,
        suspected_at=event.suspected_at,
        is_silent=event.is_silent,
    )


def driver_seen(driver: DriverView, location: GeoPoint, recorded_at: datetime) -> DriverView:
    """The driver where its phone was last; an older word of it changes nothing."""
    if driver.recorded_at is not None and recorded_at < driver.recorded_at:
        return driver
    return replace(driver, location=location, recorded_at=recorded_at)


def _driver_after(driver: DriverView, event: DriverEvent) -> DriverView:
    match event:
        case drivers.DeliveryOffered(delivery_id=delivery_id, order_id=order_id):
            return replace(driver, status="OFFERED", delivery_id=delivery_id, order_id=order_id)
        case drivers.DeliveryAccepted(delivery_id=delivery_id, order_id=order_id):
            return replace(driver, status="ON_DELIVERY", delivery_id=delivery_id, order_id=order_id)
        case drivers.DeliveryDeclined(delivery_id=delivery_id, stays_available=stays_available):
            if driver.delivery_id != delivery_id or driver.status != "OFFERED":
                return driver
            return _free(driver, "AVAILABLE" if stays_available else "UNAVAILABLE")
        case drivers.OfferWithdrawn():
            return _free(driver, "AVAILABLE")
        case drivers.GoodsPickedUp():
            return replace(driver, has_goods=True)
        case drivers.ReturnOrdered() | drivers.DropoffFailed():
            return replace(driver, is_returning=True)
        case drivers.CodeRefused(wrong_codes=wrong_codes):
            return replace(driver, wrong_codes=wrong_codes)
        case drivers.CodeLifted():
            return replace(driver, wrong_codes=0)
        case (
            drivers.DriverBecameUnavailable()
            | drivers.GoodsDroppedOff()
            | drivers.GoodsReturned()
            | drivers.DeliveryGivenUp()
            | drivers.DriverReleased()
        ):
            return _free(driver, "UNAVAILABLE")
        case drivers.DriverFellSilent(has_goods=has_goods):
            return replace(driver, is_silent=True) if has_goods else _free(driver, "UNAVAILABLE")
        case drivers.DriverLocated(location=location, recorded_at=recorded_at):
            return driver_seen(driver, location, recorded_at)
        case _:
            return driver


def _free(driver: DriverView, status: str) -> DriverView:
    """Without a delivery; a driver who has brought one is no longer suspected of anything."""
    had_work = driver.status == "ON_DELIVERY"
    return replace(
        driver,
        status=status,
        delivery_id=None,
        order_id=None,
        has_goods=False,
        is_returning=False,
        wrong_codes=0,
        suspected_at=None if had_work else driver.suspected_at,
        is_silent=False if had_work else driver.is_silent,
    )
