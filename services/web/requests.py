"""What operators are told of an order before others take it on: a fold of what these say of it.

Of the matcher, whether the order's delivery waits, is offered or has its driver; of the
restaurant, whether it admits the order.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from services.common.messages import matcher
from services.common.messages.matcher import MatcherEvent
from services.common.messages.restaurant import (
    AdmissionGranted,
    AdmissionRefused,
    RestaurantEvent,
)


@dataclass(frozen=True, slots=True)
class RequestView:
    """A delivery's request for a driver; `excluded` are those who are not asked again."""

    delivery_id: str
    order_id: str
    region: str
    request: str
    driver_id: str | None = None
    excluded: tuple[str, ...] = ()

    def public(self) -> dict[str, Any]:
        """All that may be shown."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AdmissionView:
    """Whether the restaurant admits the order, and by what limits."""

    admission: str
    preparation_seconds: int | None = None
    accept_seconds_max: int | None = None
    reason: str | None = None
    detail: str | None = None

    def public(self) -> dict[str, Any]:
        """All that is known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def named_deliveries(event: MatcherEvent) -> dict[str, str | None]:
    """The deliveries that an event says something of, with their orders where it names them."""
    match event:
        case matcher.DriverRequested(delivery=delivery, offers=offers):
            return {delivery.delivery_id: delivery.order_id, **_offered(offers)}
        case matcher.DriverRegistered(offers=offers):
            return _offered(offers)
        case matcher.OfferDeclined(delivery_id=delivery_id, offers=offers):
            return {delivery_id: None, **_offered(offers)}
        case matcher.OfferConfirmed(delivery_id=delivery_id):
            return {delivery_id: None}
        case matcher.RequestCancelled(delivery_id=delivery_id):
            return {delivery_id: None}
        case _:
            return {}


def request_after(
    request: RequestView | None, event: MatcherEvent, delivery_id: str
) -> RequestView | None:
    """A delivery's request after the event; None while its beginning is not known."""
    match event:
        case matcher.DriverRequested(region=region, delivery=delivery, offers=offers):
            if delivery.delivery_id == delivery_id:
                request = _waiting(region, delivery)
            return _after_offers(request, region, offers, delivery_id)
        case matcher.DriverRegistered(region=region, offers=offers):
            return _after_offers(request, region, offers, delivery_id)
        case matcher.OfferDeclined(region=region, driver_id=driver_id, offers=offers):
            if event.delivery_id == delivery_id and request is not None:
                request = replace(request, request="WAITING", driver_id=None)
                if event.is_excluded and driver_id not in request.excluded:
                    request = replace(request, excluded=(*request.excluded, driver_id))
            return _after_offers(request, region, offers, delivery_id)
        case matcher.OfferConfirmed(driver_id=driver_id):
            return request and replace(request, request="CONFIRMED", driver_id=driver_id)
        case matcher.RequestCancelled():
            return request and replace(request, request="CANCELLED", driver_id=None)
        case _:
            return request


def admission_after(
    admission: AdmissionView | None, event: RestaurantEvent
) -> AdmissionView | None:
    """The order's admission after the event."""
    match event:
        case AdmissionGranted():
            return AdmissionView("GRANTED", event.preparation_seconds, event.accept_seconds_max)
        case AdmissionRefused(reason=reason, detail=detail):
            return AdmissionView("REFUSED", reason=reason, detail=detail)
        case _:
            return admission


def _offered(offers: tuple[matcher.Offer, ...]) -> dict[str, str | None]:
    return {each.delivery.delivery_id: each.delivery.order_id for each in offers}


def _after_offers(
    request: RequestView | None, region: str, offers: tuple[matcher.Offer, ...], delivery_id: str
) -> RequestView | None:
    for offer in offers:
        if offer.delivery.delivery_id == delivery_id:
            known = request or _waiting(region, offer.delivery)
            return replace(known, request="OFFERED", driver_id=offer.driver.driver_id)
    return request


def _waiting(region: str, delivery: matcher.WaitingDelivery) -> RequestView:
    return RequestView(
        delivery.delivery_id, delivery.order_id, region, "WAITING", excluded=delivery.excluded
    )
