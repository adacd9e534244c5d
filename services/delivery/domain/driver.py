"""Who brings the goods: a delivery has at most one driver at a time."""

import dataclasses
from datetime import datetime

from services.common.decider import Rejected
from services.common.messages.delivery import (
    AssignDriver,
    ConfirmRelease,
    DeliveryCancelled,
    DeliveryFlagged,
    DriverAssigned,
    DriverDismissed,
    DriverUnassigned,
    ReassignDelivery,
    ReportSilence,
    UnassignDriver,
)
from services.common.values import GeoPoint
from services.delivery.domain.delivery import (
    DRIVER_SILENT,
    EXCLUDED_MAX,
    FINAL,
    Delivery,
    DeliveryStatus,
    final,
    not_its_driver,
)
from services.delivery.domain.travel import Travel, expected_at

RELEASED = "released"

_WITH_GOODS = (DeliveryStatus.PICKED_UP, DeliveryStatus.RETURNING, DeliveryStatus.CANCELLING)
_DRIVEN = (DeliveryStatus.DRIVER_ASSIGNED, DeliveryStatus.PICKED_UP)


def assign(
    command: AssignDriver, delivery: Delivery, at: datetime, travel: Travel
) -> DriverAssigned | DriverDismissed | None:
    """A driver has taken the delivery: it is the one, or is told that it is not needed."""
    if delivery.status in FINAL:
        return _dismissed(delivery, command.driver_id)  # also who had brought it
    if delivery.driver_id == command.driver_id:
        return None
    if delivery.status is not DeliveryStatus.WAITING_FOR_DRIVER:
        return _dismissed(delivery, command.driver_id)
    eta_at = expected_at(delivery, command.location, at, travel)
    return DriverAssigned(delivery.delivery_id, delivery.order_id, command.driver_id, eta_at)


def unassign(
    command: UnassignDriver, delivery: Delivery
) -> DriverUnassigned | DeliveryCancelled | Rejected:
    """The driver, who has no goods, does not come."""
    if delivery.status in FINAL:
        return final(delivery)
    if delivery.driver_id != command.driver_id:
        return not_its_driver(command.driver_id, delivery)
    match delivery.status:
        case DeliveryStatus.DRIVER_ASSIGNED:
            excluded = delivery.excluded
            if command.gave_up:
                excluded = _excluding(delivery, command.driver_id)
            return _unassigned(delivery, delivery.pickup, excluded, command.reason)
        case DeliveryStatus.CANCELLING:
            return cancelled(delivery, delivery.reason or command.reason)
        case _:
            return Rejected("picked_up", f"{command.driver_id} has the goods")


def release(
    command: ConfirmRelease, delivery: Delivery
) -> DeliveryCancelled | DriverUnassigned | None:
    """The driver has no goods and does not come: a cancelled delivery is at its end.

    One that was released by mistake, as by what was meant for an earlier time that it had the
    delivery, leaves it to the next driver.
    """
    if delivery.driver_id != command.driver_id:
        return None  # one that was dismissed
    match delivery.status:
        case DeliveryStatus.CANCELLING:
            return cancelled(delivery, delivery.reason or "cancelled")
        case DeliveryStatus.DRIVER_ASSIGNED:
            return _unassigned(delivery, delivery.pickup, delivery.excluded, RELEASED)
        case _:
            return None


def report_silence(
    command: ReportSilence, delivery: Delivery, at: datetime
) -> DeliveryFlagged | DriverDismissed | Rejected | None:
    """Nobody knows where the goods are; operators are to find out.

    Nobody waits for goods that a dismissed driver was to take back: it is dismissed once more, so
    that its twin lets go.
    """
    if delivery.status in FINAL or delivery.driver_id != command.driver_id:
        return _dismissed(delivery, command.driver_id)
    if delivery.status not in _WITH_GOODS:
        return Rejected("not_picked_up", "the goods were not picked up yet")
    if DRIVER_SILENT in delivery.flags:
        return None
    return DeliveryFlagged(delivery.delivery_id, delivery.order_id, DRIVER_SILENT, at)


def reassign(command: ReassignDelivery, delivery: Delivery) -> DriverUnassigned | Rejected:
    """An operator takes the driver off; goods on board are fetched from where it was last seen."""
    if delivery.status not in _DRIVEN:
        return Rejected(
            "impossible_now", f"no driver can be taken off a delivery that is {delivery.status}"
        )
    if delivery.driver_id != command.driver_id:
        return Rejected("another_driver", f"{delivery.driver_id} drives it")
    pickup = delivery.pickup
    has_goods = delivery.status is DeliveryStatus.PICKED_UP
    if has_goods:
        pickup = delivery.driver_location or pickup
    excluded = _excluding(delivery, command.driver_id)
    waits = _unassigned(delivery, pickup, excluded, command.reason)
    return dataclasses.replace(waits, is_taken_off=True, has_goods=has_goods)


def cancelled(delivery: Delivery, reason: str) -> DeliveryCancelled:
    """The end of a delivery whose goods nobody has picked up."""
    return DeliveryCancelled(delivery.delivery_id, delivery.order_id, delivery.region, reason)


def _dismissed(delivery: Delivery, driver_id: str) -> DriverDismissed:
    reason = delivery.status.value.lower() if delivery.status in FINAL else "has_a_driver"
    return DriverDismissed(delivery.delivery_id, delivery.order_id, driver_id, reason)


def _unassigned(
    delivery: Delivery, pickup: GeoPoint, excluded: tuple[str, ...], reason: str
) -> DriverUnassigned:
    return DriverUnassigned(
        delivery_id=delivery.delivery_id,
        order_id=delivery.order_id,
        driver_id=delivery.driver_id or "",
        region=delivery.region,
        pickup=pickup,
        dropoff=delivery.dropoff,
        code=delivery.code,
        excluded=excluded,
        reason=reason,
        is_taken_off=False,
    )


def _excluding(delivery: Delivery, driver_id: str) -> tuple[str, ...]:
    if driver_id in delivery.excluded:
        return delivery.excluded
    return (*delivery.excluded, driver_id)[:EXCLUDED_MAX]
