"""What the matcher does about the events of others."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.delivery import DeliveryEvent, DeliveryStarted
from services.common.messages.driver import (
    DeliveryAccepted,
    DeliveryDeclined,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverEvent,
)
from services.common.messages.matcher import (
    AvailableDriver,
    ConfirmOffer,
    DeclineOffer,
    MatcherCommand,
    RegisterDriver,
    RequestDriver,
    WaitingDelivery,
    WithdrawDriver,
)


def react_to_delivery(event: DeliveryEvent) -> Iterable[MatcherCommand]:
    """A delivery that starts needs a driver of its region."""
    match event:
        case DeliveryStarted():
            yield RequestDriver(
                event.region,
                WaitingDelivery(event.delivery_id, event.order_id, event.pickup, event.dropoff),
            )
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
        case DeliveryDeclined():
            yield DeclineOffer(event.region, event.delivery_id, event.driver_id, event.reason)
        case _:
            return


REACTIONS: Mapping[str, React] = {"delivery": react_to_delivery, "driver": react_to_driver}
