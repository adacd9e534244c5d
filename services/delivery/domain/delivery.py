"""What is known of a delivery, and how its events change it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from services.common.decider import Rejected
from services.common.messages.delivery import (
    CodeWaived,
    DeliveryCancelled,
    DeliveryCancelling,
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryEvent,
    DeliveryFailed,
    DeliveryFlagged,
    DeliveryPickedUp,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
    DeliveryWrittenOff,
    DriverAssigned,
    DriverDismissed,
    DriverUnassigned,
)
from services.common.values import GeoPoint

EXCLUDED_MAX = 256
DRIVER_SILENT = "driver_silent"
WRONG_CODES = "wrong_codes"


class DeliveryStatus(StrEnum):
    """Where the goods are, and what is to happen to them next."""

    WAITING_FOR_DRIVER = "WAITING_FOR_DRIVER"
    DRIVER_ASSIGNED = "DRIVER_ASSIGNED"
    PICKED_UP = "PICKED_UP"
    RETURNING = "RETURNING"
    CANCELLING = "CANCELLING"
    DELIVERED = "DELIVERED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"
    WRITTEN_OFF = "WRITTEN_OFF"


FINAL = frozenset(
    {
        DeliveryStatus.DELIVERED,
        DeliveryStatus.RETURNED,
        DeliveryStatus.CANCELLED,
        DeliveryStatus.WRITTEN_OFF,
    }
)


class Delivery(Struct, frozen=True, omit_defaults=True):
    """All that is known of a delivery.

    pickup: where the next driver finds the goods; picked_up_at: when a driver first had them.
    excluded: the drivers who are not to be asked again; at most EXCLUDED_MAX.
    taken_off: whom the delivery, with the goods on board, was taken from; until the next driver.
    reason: why the delivery last lost its driver, or its way to the door.
    flags: what operators are to look at, sorted.
    """

    delivery_id: str
    order_id: str
    status: DeliveryStatus
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    started_at: datetime
    status_since: datetime
    code: str | None = None
    is_code_waived: bool = False
    excluded: tuple[str, ...] = ()
    driver_id: str | None = None
    driver_location: GeoPoint | None = None
    located_at: datetime | None = None
    eta_at: datetime | None = None
    picked_up_at: datetime | None = None
    delivered_at: datetime | None = None
    is_recalled: bool = False
    taken_off: str | None = None
    reason: str | None = None
    flags: tuple[str, ...] = ()


def evolve(delivery: Delivery | None, event: DeliveryEvent, at: datetime) -> Delivery:
    """The delivery after the event."""
    if isinstance(event, DeliveryStarted):
        return Delivery(
            delivery_id=event.delivery_id,
            order_id=event.order_id,
            status=DeliveryStatus.WAITING_FOR_DRIVER,
            region=event.region,
            pickup=event.pickup,
            dropoff=event.dropoff,
            started_at=at,
            status_since=at,
            code=event.code,
        )
    assert delivery is not None, "only DeliveryStarted begins a delivery"
    match event:
        case DriverAssigned(driver_id=driver_id, eta_at=eta_at):
            assigned = _entered(delivery, DeliveryStatus.DRIVER_ASSIGNED, at)
            return replace(assigned, driver_id=driver_id, eta_at=eta_at)
        case DriverDismissed():
            return delivery
        case DriverUnassigned():
            return _waits_again(delivery, event, at)
        case DeliveryEtaChanged(location=location, recorded_at=recorded_at, eta_at=eta_at):
            return replace(
                _unflagged(delivery, DRIVER_SILENT),
                driver_location=location,
                located_at=recorded_at,
                eta_at=eta_at,
            )
        case DeliveryPickedUp():
            picked_up = _entered(delivery, DeliveryStatus.PICKED_UP, at)
            return replace(picked_up, picked_up_at=delivery.picked_up_at or at)
        case DeliveryCompleted(driver_id=driver_id):
            delivered = _entered(delivery, DeliveryStatus.DELIVERED, at)
            return replace(delivered, driver_id=driver_id, delivered_at=at)
        case DeliveryFailed(reason=reason):
            returning = _entered(delivery, DeliveryStatus.RETURNING, at)
            return replace(returning, eta_at=None, reason=reason)
        case DeliveryCancelling(reason=reason):
            cancelling = _entered(delivery, DeliveryStatus.CANCELLING, at)
            return replace(cancelling, eta_at=None, reason=reason)
        case DeliveryRecalled():
            return _recalled(delivery, event, at)
        case DeliveryReturned():
            return _entered(delivery, DeliveryStatus.RETURNED, at)
        case DeliveryCancelled(reason=reason):
            cancelled = _entered(delivery, DeliveryStatus.CANCELLED, at)
            return replace(cancelled, driver_id=None, eta_at=None, reason=reason)
        case DeliveryWrittenOff(reason=reason):
            return replace(_entered(delivery, DeliveryStatus.WRITTEN_OFF, at), reason=reason)
        case CodeWaived():
            return replace(_unflagged(delivery, WRONG_CODES), code=None, is_code_waived=True)
        case DeliveryFlagged(flag=flag):
            return replace(delivery, flags=tuple(sorted({*delivery.flags, flag})))
        case _:
            assert_never(event)


def labels(delivery: Delivery) -> Mapping[str, str]:
    """What deliveries are listed by."""
    listed = {"status": delivery.status.value, "region": delivery.region}
    return {**listed, "flagged": "true"} if delivery.flags else listed


def not_its_driver(driver_id: str, delivery: Delivery) -> Rejected:
    """A driver says something of goods that it has nothing to do with."""
    return Rejected(
        "not_its_driver", f"{driver_id} does not drive it; {delivery.driver_id or 'nobody'} does"
    )


def final(delivery: Delivery) -> Rejected:
    """The delivery has ended."""
    return Rejected("final", f"the delivery has ended as {delivery.status.value}")


def _entered(
    delivery: Delivery, status: DeliveryStatus, at: datetime, kept: tuple[str, ...] = ()
) -> Delivery:
    """In a status anew; what was flagged is over, but for the flags that are `kept`."""
    flags = tuple(flag for flag in delivery.flags if flag in kept)
    return replace(delivery, status=status, status_since=at, flags=flags, taken_off=None)


def _waits_again(delivery: Delivery, event: DriverUnassigned, at: datetime) -> Delivery:
    return replace(
        _entered(delivery, DeliveryStatus.WAITING_FOR_DRIVER, at),
        pickup=event.pickup,
        code=event.code,
        excluded=event.excluded,
        taken_off=event.driver_id if event.has_goods else None,
        reason=event.reason,
        driver_id=None,
        driver_location=None,
        located_at=None,
        eta_at=None,
    )


def _recalled(delivery: Delivery, event: DeliveryRecalled, at: datetime) -> Delivery:
    # A driver who fell silent with the goods is silent still; one who was told of by its phone
    # on the way out of CANCELLING is not.
    was_driven = delivery.status is DeliveryStatus.PICKED_UP
    kept = (DRIVER_SILENT,) if was_driven else ()
    return replace(
        _entered(delivery, DeliveryStatus.RETURNING, at, kept),
        picked_up_at=delivery.picked_up_at or at,
        eta_at=None,
        is_recalled=True,
        reason=event.reason,
    )


def _unflagged(delivery: Delivery, flag: str) -> Delivery:
    return replace(delivery, flags=tuple(each for each in delivery.flags if each != flag))
