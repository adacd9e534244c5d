"""What restaurants do about the events of orders."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.order import OrderCreated, OrderEvent
from services.common.messages.restaurant import AdmitOrder, RestaurantCommand


def react_to_order(event: OrderEvent) -> Iterable[RestaurantCommand]:
    """An order that was taken in asks its restaurant whether it may be charged."""
    match event:
        case OrderCreated(restaurant=restaurant):
            yield AdmitOrder(
                restaurant.restaurant_id,
                event.order_id,
                tuple(item.name for item in event.items),
                event.delay_seconds,
                event.ready_at,
                restaurant.zone,
            )
        case _:
            return


REACTIONS: Mapping[str, React] = {"order": react_to_order}
