"""What the delivery service does about the events of others."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.delivery import (
    AssignDriver,
    ConfirmDropoff,
    ConfirmPickup,
    DeliveryCommand,
    StartDelivery,
    TrackDriver,
)
from services.common.messages.driver import (
    DeliveryAccepted,
    DriverEvent,
    DriverLocated,
    GoodsDroppedOff,
    GoodsPickedUp,
)
from services.common.messages.order import OrderEvent, PreparationFinished


def react_to_order(event: OrderEvent) -> Iterable[DeliveryCommand]:
    """A cooked order needs a delivery."""
    match event:
        case PreparationFinished():
            yield StartDelivery(
                delivery_id=event.delivery_id,
                order_id=event.order_id,
                region=event.region,
                pickup=event.pickup,
                dropoff=event.dropoff,
            )
        case _:
            return


def react_to_driver(event: DriverEvent) -> Iterable[DeliveryCommand]:
    """What a driver does moves the driver's delivery."""
    match event:
        case DeliveryAccepted():
            yield AssignDriver(event.delivery_id, event.driver_id, event.location)
        case GoodsPickedUp():
            yield ConfirmPickup(event.delivery_id, event.driver_id)
        case GoodsDroppedOff():
            yield ConfirmDropoff(event.delivery_id, event.driver_id)
        case DriverLocated(delivery_id=str() as delivery_id):
            yield TrackDriver(delivery_id, event.driver_id, event.location, event.recorded_at)
        case _:
            return


REACTIONS: Mapping[str, React] = {"order": react_to_order, "driver": react_to_driver}
