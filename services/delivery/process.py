"""What the delivery service does about the events of others."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.delivery import (
    AssignDriver,
    CancelDelivery,
    ConfirmDropoff,
    ConfirmPickup,
    ConfirmRelease,
    ConfirmReturn,
    DeliveryCommand,
    FailDelivery,
    ReportSilence,
    ReportWrongCodes,
    StartDelivery,
    TrackDriver,
    UnassignDriver,
)
from services.common.messages.driver import (
    CodeRefused,
    DeliveryAccepted,
    DeliveryGivenUp,
    DriverEvent,
    DriverFellSilent,
    DriverLocated,
    DriverReleased,
    DropoffFailed,
    GoodsDroppedOff,
    GoodsPickedUp,
    GoodsReturned,
)
from services.common.messages.order import OrderCancelled, OrderEvent, PreparationFinished

SILENT = "silent"


def react_to_order(event: OrderEvent) -> Iterable[DeliveryCommand]:
    """A cooked order needs a delivery; a cancelled one needs it no more."""
    match event:
        case PreparationFinished():
            yield StartDelivery(
                delivery_id=event.delivery_id,
                order_id=event.order_id,
                region=event.region,
                pickup=event.pickup,
                dropoff=event.dropoff,
                code=event.code,
            )
        case OrderCancelled(delivery_id=str() as delivery_id):
            yield CancelDelivery(delivery_id, event.reason)
        case _:
            return


def react_to_driver(event: DriverEvent) -> Iterable[DeliveryCommand]:
    """What a driver does moves the driver's delivery."""
    match event:
        case DeliveryAccepted():
            yield AssignDriver(event.delivery_id, event.driver_id, event.location)
        case DeliveryGivenUp():
            yield UnassignDriver(event.delivery_id, event.driver_id, event.reason, gave_up=True)
        case DriverFellSilent(has_goods=True):
            yield ReportSilence(event.delivery_id, event.driver_id)
        case DriverFellSilent():
            yield UnassignDriver(event.delivery_id, event.driver_id, SILENT, gave_up=False)
        case DriverReleased():
            yield ConfirmRelease(event.delivery_id, event.driver_id)
        case GoodsPickedUp():
            yield ConfirmPickup(event.delivery_id, event.driver_id)
        case GoodsDroppedOff():
            yield ConfirmDropoff(event.delivery_id, event.driver_id)
        case DropoffFailed():
            yield FailDelivery(event.delivery_id, event.driver_id, event.reason)
        case GoodsReturned():
            yield ConfirmReturn(event.delivery_id, event.driver_id)
        case CodeRefused(is_locked=True):
            yield ReportWrongCodes(event.delivery_id, event.driver_id, event.wrong_codes)
        case DriverLocated(delivery_id=str() as delivery_id):
            yield TrackDriver(delivery_id, event.driver_id, event.location, event.recorded_at)
        case _:
            return


REACTIONS: Mapping[str, React] = {"order": react_to_order, "driver": react_to_driver}
