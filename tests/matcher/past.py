"""A region in each situation that it can come to, and every command that can meet it there.

The delivery is d1, and the driver v1; what names another is told by its name.
"""

from typing import Any

from services.common.messages.matcher import (
    AvailableDriver,
    CancelRequest,
    ConfirmOffer,
    DeclineOffer,
    DriverRegistered,
    DriverRequested,
    DriverWithdrawn,
    Offer,
    OfferConfirmed,
    OfferDeclined,
    RegisterDriver,
    RequestCancelled,
    RequestDriver,
    TakeRegionSnapshot,
    WaitingDelivery,
    WithdrawDriver,
)
from services.common.values import GeoPoint
from services.matcher.domain import region_decider
from tests.given import Given, given

SNAPSHOT_HOURS = 24.0
DECIDER = region_decider(SNAPSHOT_HOURS)
HERE = GeoPoint(37.3, -121.9)


def delivery(name: str, *excluded: str) -> WaitingDelivery:
    """A delivery of this name, which these drivers do not want."""
    return WaitingDelivery(name, f"order-{name}", HERE, HERE, "0417", excluded)


def driver(name: str) -> AvailableDriver:
    """A driver of this name."""
    return AvailableDriver(name, HERE)


def offer(delivery_name: str, driver_name: str, *excluded: str) -> Offer:
    """An offer of one to the other."""
    return Offer(delivery(delivery_name, *excluded), driver(driver_name))


def requested(name: str, *offers: Offer) -> DriverRequested:
    """The delivery has come."""
    return DriverRequested("north", delivery(name), offers)


def registered(name: str, *offers: Offer) -> DriverRegistered:
    """The driver has come."""
    return DriverRegistered("north", driver(name), offers)


def declined(is_excluded: bool, returning: str | None, *offers: Offer) -> OfferDeclined:
    """v1 does not take d1."""
    back = None if returning is None else driver(returning)
    return OfferDeclined("north", "d1", "v1", "rejected", is_excluded, back, offers)


OFFERED = (registered("v1"), requested("d1", offer("d1", "v1")))
SITUATIONS: dict[str, tuple[Any, ...]] = {
    "unknown": (),
    "d1_waits": (requested("d1"),),
    "v1_waits": (registered("v1"),),
    "offered": OFFERED,
    "confirmed": (*OFFERED, OfferConfirmed("north", "d1", "v1")),
    "declined": (*OFFERED, declined(False, None)),
    "excluded": (*OFFERED, declined(True, "v1")),
    "cancelled": (*OFFERED, RequestCancelled("north", "d1", "v1")),
    "withdrawn": (registered("v1"), DriverWithdrawn("north", "v1")),
}
COMMANDS: dict[str, Any] = {
    "RequestDriver": RequestDriver("north", delivery("d1")),
    "CancelRequest": CancelRequest("north", "d1"),
    "RegisterDriver": RegisterDriver("north", driver("v1")),
    "WithdrawDriver": WithdrawDriver("north", "v1"),
    "ConfirmOffer": ConfirmOffer("north", "d1", "v1"),
    "ConfirmOffer_other": ConfirmOffer("north", "d1", "v2"),
    "DeclineOffer": DeclineOffer("north", "d1", "v1", "timed_out"),
    "DeclineOffer_stays": DeclineOffer("north", "d1", "v1", "rejected", True, driver("v1")),
    "DeclineOffer_other": DeclineOffer("north", "d1", "v2", "timed_out"),
    "TakeRegionSnapshot": TakeRegionSnapshot("north"),
}


def region(situation: str) -> Given[Any, Any, Any]:
    """The region in a situation."""
    return given(DECIDER, *SITUATIONS[situation])
