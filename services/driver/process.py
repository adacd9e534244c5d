"""What the driver service does about the events of others."""

from collections.abc import Iterable, Mapping

from services.common.decider import React
from services.common.messages.delivery import (
    CodeWaived,
    DeliveryCancelling,
    DeliveryEvent,
    DeliveryRecalled,
    DeliveryWrittenOff,
    DriverDismissed,
    DriverUnassigned,
)
from services.common.messages.driver import (
    DriverCommand,
    LiftCode,
    OfferDelivery,
    RecallGoods,
    ReleaseDriver,
    WithdrawOffer,
)
from services.common.messages.matcher import (
    DriverRegistered,
    DriverRequested,
    MatcherEvent,
    OfferDeclined,
    RequestCancelled,
)


def react_to_matcher(event: MatcherEvent) -> Iterable[DriverCommand]:
    """Each offer is put to the driver's twin, and withdrawn when it needs no driver any more."""
    match event:
        case DriverRequested() | DriverRegistered() | OfferDeclined():
            for offer in event.offers:
                yield OfferDelivery(
                    driver_id=offer.driver.driver_id,
                    delivery_id=offer.delivery.delivery_id,
                    order_id=offer.delivery.order_id,
                    region=event.region,
                    pickup=offer.delivery.pickup,
                    dropoff=offer.delivery.dropoff,
                    code=offer.delivery.code,
                )
        case RequestCancelled(delivery_id=delivery_id, driver_id=driver_id):
            if driver_id is not None:
                yield WithdrawOffer(driver_id, delivery_id)
        case _:
            return


def react_to_delivery(event: DeliveryEvent) -> Iterable[DriverCommand]:
    """The driver is told when somebody else has decided how its delivery goes on."""
    match event:
        case DriverDismissed() | DeliveryCancelling():
            yield ReleaseDriver(event.driver_id, event.delivery_id, event.reason)
        case DriverUnassigned(is_taken_off=True, has_goods=has_goods):
            # Goods that nobody knew to be on board yet are waited for where they were.
            yield ReleaseDriver(
                event.driver_id, event.delivery_id, event.reason, leaves_goods=has_goods
            )
        case DeliveryRecalled():
            yield RecallGoods(event.driver_id, event.delivery_id, event.reason)
        case DeliveryWrittenOff(driver_id=driver_id):
            if driver_id is not None:
                yield ReleaseDriver(driver_id, event.delivery_id, event.reason, leaves_goods=True)
        case CodeWaived(driver_id=driver_id):
            if driver_id is not None:
                yield LiftCode(driver_id, event.delivery_id)
        case _:
            return


REACTIONS: Mapping[str, React] = {"matcher": react_to_matcher, "delivery": react_to_delivery}
