"""What the order service does about the events of others, and of its restaurants."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.delivery import (
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryEvent,
    DeliveryFailed,
    DeliveryPickedUp,
    DriverAssigned,
    DriverUnassigned,
)
from services.common.messages.order import (
    ConfirmAdmission,
    OrderCommand,
    RecordDriver,
    RecordDriverLoss,
    RecordDropoff,
    RecordEta,
    RecordFailure,
    RecordPickup,
    RefuseAdmission,
)
from services.common.messages.restaurant import (
    AdmissionGranted,
    AdmissionRefused,
    RestaurantEvent,
)


def react_to_delivery(event: DeliveryEvent) -> Iterable[OrderCommand]:
    """What becomes of a delivery is told to its order."""
    match event:
        case DriverAssigned():
            yield RecordDriver(event.order_id, event.delivery_id, event.driver_id, event.eta_at)
        case DriverUnassigned():
            yield RecordDriverLoss(event.order_id, event.delivery_id, event.driver_id, event.reason)
        case DeliveryEtaChanged():
            yield RecordEta(event.order_id, event.eta_at)
        case DeliveryPickedUp():
            yield RecordPickup(event.order_id)
        case DeliveryCompleted():
            yield RecordDropoff(event.order_id)
        case DeliveryFailed():
            yield RecordFailure(event.order_id, event.reason)
        case _:
            return


def react_to_restaurant(event: RestaurantEvent) -> Iterable[OrderCommand]:
    """What a restaurant says about an order that would be taken in is told to the order."""
    match event:
        case AdmissionGranted():
            yield ConfirmAdmission(
                event.order_id,
                event.zone,
                event.preparation_seconds,
                event.accept_seconds_max,
            )
        case AdmissionRefused():
            yield RefuseAdmission(event.order_id, event.reason, event.detail)
        case _:
            return


REACTIONS: Mapping[str, React] = {
    "delivery": react_to_delivery,
    "restaurant": react_to_restaurant,
}
