"""What the matcher does about the events of others."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.delivery import (
    DeliveryCancelled,
    DeliveryCompleted,
    DeliveryEvent,
    DeliveryStarted,
    DriverUnassigned,
)
from services.common.messages.driver import (
    DeliveryAccepted,
    DeliveryDeclined,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverEvent,
    OfferWithdrawn,
)
from services.common.messages.matcher import (
    AvailableDriver,
    CancelRequest,
    ConfirmOffer,
    DeclineOffer,
    MatcherCommand,
    RegisterDriver,
    RequestDriver,
    WaitingDelivery,
    WithdrawDriver,
)

WITHDRAWN = "withdrawn"


def react_to_delivery(event: DeliveryEvent) -> Iterable[MatcherCommand]:
    """A delivery that starts, or loses its driver, needs a driver of its region until it ends."""
    match event:
        case DeliveryStarted():
            yield RequestDriver(
                event.region,
                WaitingDelivery(
                    event.delivery_id, event.order_id, event.pickup, event.dropoff, event.code
                ),
            )
        case DriverUnassigned():
            yield RequestDriver(
                event.region,
                WaitingDelivery(
                    event.delivery_id,
                    event.order_id,
                    event.pickup,
                    event.dropoff,
                    event.code,
                    event.excluded,
                ),
            )
        case DeliveryCancelled():
            yield CancelRequest(event.region, event.delivery_id)
        case DeliveryCompleted(region=str() as region):
            yield CancelRequest(region, event.delivery_id)
        case _:
            return


def react_to_driver(event: DriverEvent) -> Iterable[MatcherCommand]:
    """Drivers come and go, and their twins answer offers."""
    match event:
        case DriverBecameAvailable(previous_region=previous_region):
            if previous_region is not None:
                yield WithdrawDriver(previous_region, event.driver_id)
            yield RegisterDriver(event.region, AvailableDriver(event.driver_id, event.location))
        case DriverBecameUnavailable():
            yield WithdrawDriver(event.region, event.driver_id)
        case DeliveryAccepted():
            yield ConfirmOffer(event.region, event.delivery_id, event.driver_id)
        case DeliveryDeclined(stays_available=stays_available):
            yield DeclineOffer(
                event.region,
                event.delivery_id,
                event.driver_id,
                event.reason,
                event.is_excluded,
                AvailableDriver(event.driver_id, event.location) if stays_available else None,
            )
        case OfferWithdrawn():
            # Not by the region's own wish, if the offer is open here yet: it is over all the same.
            yield DeclineOffer(
                event.region,
                event.delivery_id,
                event.driver_id,
                WITHDRAWN,
                returning=AvailableDriver(event.driver_id, event.location),
            )
        case _:
            return


REACTIONS: Mapping[str, React] = {"delivery": react_to_delivery, "driver": react_to_driver}
