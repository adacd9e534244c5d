"""Drivers in every situation, and a command of every kind, for tables."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.common.messages.driver import (
    AcceptOffer,
    CheckSilence,
    CodeLifted,
    CodeRefused,
    ConfirmSilence,
    DeliveryAccepted,
    DeliveryDeclined,
    DeliveryGivenUp,
    DeliveryOffered,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverFellSilent,
    DriverLocated,
    ExpireOffer,
    GiveUpDelivery,
    GoodsDroppedOff,
    GoodsPickedUp,
    GoodsReturned,
    LiftCode,
    OfferDelivery,
    RecallGoods,
    RejectOffer,
    ReleaseDriver,
    ReportDropoff,
    ReportFailure,
    ReportLocation,
    ReportPickup,
    ReportReturn,
    ReturnOrdered,
    SetAvailability,
    SilenceSuspected,
    TakeDriverSnapshot,
    WithdrawOffer,
)
from services.common.values import GeoPoint
from services.driver.domain import DriverLimits, driver_decider
from tests.given import NOON, Given, given

SNAPSHOT_HOURS = 24.0
INTERVAL_SECONDS = 0.5
LIMITS = DriverLimits(
    offer_seconds_max=30, silence_seconds_max=600, silence_grace_seconds=30, wrong_codes_max=2
)
DECIDER = driver_decider(SNAPSHOT_HOURS, INTERVAL_SECONDS, LIMITS)
HOME, PICKUP, DROPOFF = GeoPoint(37.3, -121.9), GeoPoint(37.31, -121.9), GeoPoint(37.4, -121.8)
SOON = NOON + timedelta(seconds=1)
EXPIRY = NOON + timedelta(seconds=30)
CODE, WRONG = "1234", "4321"

AVAILABLE = DriverBecameAvailable("v", "north", HOME)
UNAVAILABLE = DriverBecameUnavailable("v", "north")
OFFERED = DeliveryOffered("v", "d1", "o1", "north", PICKUP, DROPOFF, CODE, EXPIRY)
REJECTED = DeliveryDeclined("v", "d1", "o1", "north", "rejected", HOME, True, True)
ACCEPTED = DeliveryAccepted("v", "d1", "o1", "north", PICKUP, DROPOFF, CODE, HOME)
PICKED_UP = GoodsPickedUp("v", "d1", "o1")
RECALLED = ReturnOrdered("v", "d1", "o1", "cancelled")
SUSPECTED = SilenceSuspected("v")
DROPPED_OFF = GoodsDroppedOff("v", "d1", "o1")
RETURNED = GoodsReturned("v", "d1", "o1")
LOCATED = DriverLocated("v", PICKUP, SOON)
WRONG_CODES = (CodeRefused("v", "d1", "o1", 1, False), CodeRefused("v", "d1", "o1", 2, True))

ASSIGNED = (AVAILABLE, OFFERED, ACCEPTED)
DRIVING = (*ASSIGNED, PICKED_UP)
SITUATIONS: dict[str, tuple[Any, ...]] = {
    "unknown": (),
    "resting": (AVAILABLE, UNAVAILABLE),
    "available": (AVAILABLE,),
    "rejected": (AVAILABLE, OFFERED, REJECTED),
    "offered": (AVAILABLE, OFFERED),
    "assigned": ASSIGNED,
    "driving": DRIVING,
    "no_code": (*DRIVING, CodeLifted("v", "d1", "o1")),
    "locked": (*DRIVING, *WRONG_CODES),
    "returning": (*DRIVING, RECALLED),
    "suspected": (*ASSIGNED, SUSPECTED),
    "silent": (*DRIVING, SUSPECTED, DriverFellSilent("v", "d1", "o1", "north", True)),
    "lost": (*ASSIGNED, SUSPECTED, DriverFellSilent("v", "d1", "o1", "north", False)),
    "given_up": (*ASSIGNED, DeliveryGivenUp("v", "d1", "o1", "north", "flat tyre")),
    "done": (*DRIVING, DROPPED_OFF),
    "returned": (*DRIVING, RECALLED, RETURNED),
    "back": (*DRIVING, DROPPED_OFF, AVAILABLE),
}
OFFER = OfferDelivery("v", "d1", "o1", "north", PICKUP, DROPOFF, CODE)
# By the name of the type, and with a suffix where one type has answers of several kinds.
COMMANDS: dict[str, Any] = {
    "SetAvailability": SetAvailability("v", True, "north", HOME),
    "SetAvailability/south": SetAvailability("v", True, "south", HOME),
    "SetAvailability/rest": SetAvailability("v", False, "north", HOME),
    "OfferDelivery": OFFER,
    "OfferDelivery/other": replace(OFFER, delivery_id="d2", order_id="o2"),
    "OfferDelivery/south": replace(OFFER, delivery_id="d2", order_id="o2", region="south"),
    "AcceptOffer": AcceptOffer("v", "d1"),
    "AcceptOffer/other": AcceptOffer("v", "d2"),
    "RejectOffer": RejectOffer("v", "d1", "too far"),
    "RejectOffer/other": RejectOffer("v", "d2", "too far"),
    "ExpireOffer": ExpireOffer("v", "d1", EXPIRY),
    "ExpireOffer/earlier": ExpireOffer("v", "d1", NOON),
    "WithdrawOffer": WithdrawOffer("v", "d1"),
    "WithdrawOffer/other": WithdrawOffer("v", "d2"),
    "GiveUpDelivery": GiveUpDelivery("v", "d1", "flat tyre"),
    "GiveUpDelivery/other": GiveUpDelivery("v", "d2", "flat tyre"),
    "ReleaseDriver": ReleaseDriver("v", "d1", "cancelled"),
    "ReleaseDriver/leave": ReleaseDriver("v", "d1", "reassigned", leaves_goods=True),
    "ReleaseDriver/other": ReleaseDriver("v", "d2", "cancelled"),
    "RecallGoods": RecallGoods("v", "d1", "cancelled"),
    "RecallGoods/other": RecallGoods("v", "d2", "cancelled"),
    "ReportPickup": ReportPickup("v", "d1"),
    "ReportPickup/other": ReportPickup("v", "d2"),
    "ReportDropoff": ReportDropoff("v", "d1", CODE),
    "ReportDropoff/wrong": ReportDropoff("v", "d1", WRONG),
    "ReportDropoff/bare": ReportDropoff("v", "d1"),
    "ReportDropoff/other": ReportDropoff("v", "d2", CODE),
    "ReportFailure": ReportFailure("v", "d1", "nobody opens"),
    "ReportFailure/other": ReportFailure("v", "d2", "nobody opens"),
    "ReportReturn": ReportReturn("v", "d1"),
    "ReportReturn/other": ReportReturn("v", "d2"),
    "LiftCode": LiftCode("v", "d1"),
    "LiftCode/other": LiftCode("v", "d2"),
    "CheckSilence": CheckSilence("v", NOON),
    "CheckSilence/earlier": CheckSilence("v", NOON - timedelta(seconds=1)),
    "ConfirmSilence": ConfirmSilence("v", NOON),
    "ConfirmSilence/earlier": ConfirmSilence("v", NOON - timedelta(seconds=1)),
    "ReportLocation": ReportLocation("v", PICKUP, SOON),
    "ReportLocation/ahead": ReportLocation("v", PICKUP, NOON + timedelta(hours=1)),
    "TakeDriverSnapshot": TakeDriverSnapshot("v"),
}


def driver(situation: str) -> Given[Any, Any, Any]:
    """The driver in a situation."""
    return given(DECIDER, *SITUATIONS[situation])
