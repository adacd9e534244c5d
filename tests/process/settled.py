"""What must hold when nothing is left to read: the services agree with one another."""

from typing import Any

from services.common.messages.driver import DriverStatus
from services.delivery.domain import Delivery, DeliveryStatus
from services.driver.domain import Driver
from services.order.domain import Order, OrderStatus
from tests.process.watch import FINAL_DELIVERY
from tests.process.world import World

# What may have become of an order whose delivery is so far.
TOLD = {
    DeliveryStatus.WAITING_FOR_DRIVER: (
        OrderStatus.SCHEDULING_DELIVERY,
        OrderStatus.WAITING_FOR_DRIVER,
        OrderStatus.IN_DELIVERY,
    ),
    DeliveryStatus.DRIVER_ASSIGNED: (OrderStatus.WAITING_FOR_DRIVER, OrderStatus.IN_DELIVERY),
    DeliveryStatus.PICKED_UP: (OrderStatus.IN_DELIVERY,),
    DeliveryStatus.DELIVERED: (OrderStatus.DELIVERED, OrderStatus.CANCELLED),
    DeliveryStatus.RETURNING: (OrderStatus.CANCELLED,),
    DeliveryStatus.RETURNED: (OrderStatus.CANCELLED,),
    DeliveryStatus.CANCELLED: (OrderStatus.CANCELLED,),
    DeliveryStatus.WRITTEN_OFF: (OrderStatus.CANCELLED,),
}
# Reasons for which one service may refuse what follows from another: it came too late.
TOO_LATE = {
    "order": {"final"},
    "delivery": {"final", "not_its_driver"},
    "matcher": {"no_such_offer"},
}


def check_settled(world: World) -> None:
    """Matcher, twins, deliveries and orders tell the same."""
    drivers: dict[str, Driver] = world.states("driver")
    deliveries: dict[str, Delivery] = world.states("delivery")
    offered = {each.offer.delivery_id: key for key, each in drivers.items() if each.offer}
    for name, region in world.states("matcher").items():
        for offer in region.offers:
            assert offered[offer.delivery.delivery_id] == offer.driver.driver_id
        asked = {offer.delivery.delivery_id for offer in region.offers}
        assert {each.driver_id for each in region.available} == {
            key
            for key, driver in drivers.items()
            if driver.status is DriverStatus.AVAILABLE and driver.region == name
        }
        assert {each.delivery_id for each in region.waiting} | asked == {
            key
            for key, delivery in deliveries.items()
            if delivery.status is DeliveryStatus.WAITING_FOR_DRIVER and delivery.region == name
        }
    for delivery_id in offered:
        delivery = deliveries[delivery_id]
        assert delivery.status is DeliveryStatus.WAITING_FOR_DRIVER, "an offer of nothing"
    for order in world.states("order").values():
        _check_order(order, deliveries)
    for key, driver in drivers.items():
        if driver.delivery is not None:
            _check_work(key, driver.delivery, deliveries[driver.delivery.delivery_id])
    for delivery in deliveries.values():
        if delivery.status not in FINAL_DELIVERY and delivery.driver_id is not None:
            work = drivers[delivery.driver_id].delivery
            assert work is not None, "its driver knows nothing of it"
            assert work.delivery_id == delivery.delivery_id


def _check_order(order: Order, deliveries: dict[str, Delivery]) -> None:
    delivery = None if order.delivery_id is None else deliveries.get(order.delivery_id)
    assert (delivery is None) == (order.delivery_id is None)
    if delivery is None:
        return
    assert order.status in TOLD[delivery.status], f"{order.status} and {delivery.status}"
    if order.status not in (OrderStatus.CANCELLED, OrderStatus.DELIVERED):
        assert order.driver_id == delivery.driver_id
        assert order.eta_at == delivery.eta_at or delivery.driver_id is None
    if order.status is OrderStatus.CANCELLED:
        assert delivery.status in (*FINAL_DELIVERY, DeliveryStatus.RETURNING)


def _check_work(key: str, work: Any, delivery: Delivery) -> None:
    if delivery.driver_id != key or delivery.status in FINAL_DELIVERY:
        assert work.returning, "works on what is not its own"
        return
    told = {
        DeliveryStatus.DRIVER_ASSIGNED: (False, False),
        DeliveryStatus.PICKED_UP: (True, False),
        DeliveryStatus.RETURNING: (True, True),
    }
    assert (work.picked_up, work.returning) == told[delivery.status]
    assert work.code == delivery.code


def check_history(world: World) -> None:
    """Every table is the fold of its log, and services contradict each other only by lateness."""
    for owner, service in world.services.items():
        assert world.folded(owner) == service.rows
        for envelope, command, refusal in service.rejections:
            if envelope.source is not None:
                assert refusal.reason in TOO_LATE.get(owner, ()), f"{command}: {refusal}"
