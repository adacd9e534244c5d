"""What the order service does about the events of others."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.delivery import (
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryEvent,
    DeliveryPickedUp,
    DriverAssigned,
)
from services.common.messages.order import (
    OrderCommand,
    RecordDriver,
    RecordDropoff,
    RecordEta,
    RecordPickup,
)


def react_to_delivery(event: DeliveryEvent) -> Iterable[OrderCommand]:
    """What becomes of a delivery is told to its order."""
    match event:
        case DriverAssigned():
            yield RecordDriver(event.order_id, event.delivery_id, event.driver_id, event.eta_at)
        case DeliveryEtaChanged():
            yield RecordEta(event.order_id, event.eta_at)
        case DeliveryPickedUp():
            yield RecordPickup(event.order_id)
        case DeliveryCompleted():
            yield RecordDropoff(event.order_id)
        case _:
            return


REACTIONS: Mapping[str, React] = {"delivery": react_to_delivery}
