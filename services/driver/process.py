"""What the driver service does about the events of others."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.driver import AssignDelivery, DriverCommand
from services.common.messages.matcher import (
    DriverRegistered,
    DriverRequested,
    MatcherEvent,
    OfferDeclined,
)


def react_to_matcher(event: MatcherEvent) -> Iterable[DriverCommand]:
    """Each offer is put to the driver's twin."""
    match event:
        case DriverRequested() | DriverRegistered() | OfferDeclined():
            for offer in event.offers:
                yield AssignDelivery(
                    driver_id=offer.driver.driver_id,
                    delivery_id=offer.delivery.delivery_id,
                    order_id=offer.delivery.order_id,
                    region=event.region,
                    pickup=offer.delivery.pickup,
                    dropoff=offer.delivery.dropoff,
                )
        case _:
            return


REACTIONS: Mapping[str, React] = {"matcher": react_to_matcher}
