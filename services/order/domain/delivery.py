"""The way of an order to the door, as its delivery tells it."""

from typing import assert_never

from services.common.decider import Rejected
from services.common.messages.order import (
    CancelledBy,
    DriverFound,
    DriverLost,
    OrderDelivered,
    OrderEtaChanged,
    OrderEvent,
    OrderPickedUp,
    RecordDriver,
    RecordDriverLoss,
    RecordDropoff,
    RecordEta,
    RecordFailure,
    RecordPickup,
)
from services.order.domain.cancellation import cancelled
from services.order.domain.order import Order, OrderStatus, impossible

FAILED = "delivery_failed"
ON_THE_WAY = (OrderStatus.WAITING_FOR_DRIVER, OrderStatus.IN_DELIVERY)


def decide_delivery(
    command: RecordDriver
    | RecordDriverLoss
    | RecordEta
    | RecordPickup
    | RecordDropoff
    | RecordFailure,
    order: Order,
) -> OrderEvent | Rejected | None:
    """What becomes of the order when its delivery is told of."""
    match command:
        case RecordDriver(delivery_id=delivery_id, driver_id=driver_id, eta_at=eta_at):
            if order.driver_id == driver_id:
                return None
            is_sought = order.status in ON_THE_WAY and order.driver_id is None
            if order.status is not OrderStatus.SCHEDULING_DELIVERY and not is_sought:
                return impossible(command, order)
            return DriverFound(order.order_id, delivery_id, driver_id, eta_at)
        case RecordDriverLoss(delivery_id=delivery_id, driver_id=driver_id, reason=reason):
            if order.status not in ON_THE_WAY:
                return impossible(command, order)
            if order.driver_id is None:
                return None
            if order.driver_id != driver_id:
                return impossible(command, order)
            return DriverLost(order.order_id, delivery_id, driver_id, reason)
        case RecordEta(eta_at=eta_at):
            if order.status not in ON_THE_WAY or order.eta_at == eta_at:
                return None
            return OrderEtaChanged(order.order_id, eta_at)
        case RecordPickup():
            if order.status in (OrderStatus.IN_DELIVERY, OrderStatus.DELIVERED):
                return None
            if order.status is not OrderStatus.WAITING_FOR_DRIVER or order.driver_id is None:
                return impossible(command, order)
            return OrderPickedUp(order.order_id)
        case RecordDropoff():
            if order.status is OrderStatus.DELIVERED:
                return None
            if order.status is not OrderStatus.IN_DELIVERY:
                return impossible(command, order)
            return OrderDelivered(order.order_id)
        case RecordFailure(reason=reason):
            if order.cancelled_by is CancelledBy.TIFFIN and order.reason == FAILED:
                return None
            if order.status is not OrderStatus.IN_DELIVERY or order.driver_id is None:
                return impossible(command, order)
            return cancelled(order, CancelledBy.TIFFIN, FAILED, reason, is_returning=True)
        case _:
            assert_never(command)
