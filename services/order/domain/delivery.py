"""The way of an order to the door, as its delivery tells it."""

from typing import assert_never

from services.common.decider import Rejected
from services.common.messages.order import (
    DriverFound,
    OrderDelivered,
    OrderEtaChanged,
    OrderEvent,
    OrderPickedUp,
    RecordDriver,
    RecordDropoff,
    RecordEta,
    RecordPickup,
)
from services.order.domain.order import Order, OrderStatus, impossible


def decide_delivery(
    command: RecordDriver | RecordEta | RecordPickup | RecordDropoff, order: Order
) -> OrderEvent | Rejected | None:
    """What becomes of the order when its delivery is told of."""
    match command:
        case RecordDriver(delivery_id=delivery_id, driver_id=driver_id, eta_at=eta_at):
            if order.driver_id == driver_id:
                return None
            if order.status is not OrderStatus.SCHEDULING_DELIVERY:
                return impossible(command, order)
            return DriverFound(order.order_id, delivery_id, driver_id, eta_at)
        case RecordEta(eta_at=eta_at):
            on_the_way = (OrderStatus.WAITING_FOR_DRIVER, OrderStatus.IN_DELIVERY)
            if order.status not in on_the_way or order.eta_at == eta_at:
                return None
            return OrderEtaChanged(order.order_id, eta_at)
        case RecordPickup():
            if order.status in (OrderStatus.IN_DELIVERY, OrderStatus.DELIVERED):
                return None
            if order.status is not OrderStatus.WAITING_FOR_DRIVER:
                return impossible(command, order)
            return OrderPickedUp(order.order_id)
        case RecordDropoff():
            if order.status is OrderStatus.DELIVERED:
                return None
            if order.status is not OrderStatus.IN_DELIVERY:
                return impossible(command, order)
            return OrderDelivered(order.order_id)
        case _:
            assert_never(command)
