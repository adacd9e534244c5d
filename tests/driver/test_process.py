"""What a driver's twin hears of its region and of its deliveries."""

from typing import Any

import pytest

from services.common.messages.delivery import (
    CodeWaived,
    DeliveryCancelled,
    DeliveryCancelling,
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryFailed,
    DeliveryFlagged,
    DeliveryPickedUp,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
    DeliveryWrittenOff,
    DriverAssigned,
    DriverDismissed,
    DriverUnassigned,
)
from services.common.messages.driver import (
    LiftCode,
    OfferDelivery,
    RecallGoods,
    ReleaseDriver,
    WithdrawOffer,
)
from services.common.messages.matcher import (
    AvailableDriver,
    DriverRegistered,
    DriverRequested,
    DriverWithdrawn,
    Offer,
    OfferConfirmed,
    OfferDeclined,
    RegionSnapshotted,
    RequestCancelled,
    WaitingDelivery,
)
from services.common.values import GeoPoint
from services.driver.process import REACTIONS
from tests.given import NOON

HERE, THERE = GeoPoint(37.3, -121.9), GeoPoint(37.4, -121.8)
OFFERS = tuple(
    Offer(WaitingDelivery(f"d{n}", f"o{n}", HERE, THERE, "1234"), AvailableDriver(f"v{n}", HERE))
    for n in range(2)
)
ASKED = [OfferDelivery(f"v{n}", f"d{n}", f"o{n}", "north", HERE, THERE, "1234") for n in range(2)]


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (DriverRequested("north", OFFERS[0].delivery, ()), []),
        (DriverRequested("north", OFFERS[0].delivery, OFFERS), ASKED),
        (DriverRegistered("north", OFFERS[0].driver, OFFERS), ASKED),
        (OfferDeclined("north", "d9", "v9", "not_available", False, None, OFFERS), ASKED),
        (RequestCancelled("north", "d0", None), []),
        (RequestCancelled("north", "d0", "v0"), [WithdrawOffer("v0", "d0")]),
        (OfferConfirmed("north", "d0", "v0"), []),
        (DriverWithdrawn("north", "v0"), []),
        (RegionSnapshotted("north", (), (), OFFERS, {}), []),
    ],
)
def test_each_offer_is_put_to_its_driver(event: Any, commands: list[Any]) -> None:
    """A snapshot repeats offers that were put already, and puts none."""
    assert list(REACTIONS["matcher"](event)) == commands


def unassigned(is_taken_off: bool, has_goods: bool = False) -> DriverUnassigned:
    """A delivery that waits for another driver."""
    return DriverUnassigned(
        "d", "o", "v", "north", HERE, THERE, None, ("v",), "late", is_taken_off, has_goods
    )


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (DriverDismissed("d", "o", "v", "has_a_driver"), [ReleaseDriver("v", "d", "has_a_driver")]),
        (DeliveryCancelling("d", "o", "v", "late"), [ReleaseDriver("v", "d", "late")]),
        (
            unassigned(is_taken_off=True, has_goods=True),
            [ReleaseDriver("v", "d", "late", leaves_goods=True)],
        ),
        (unassigned(is_taken_off=True), [ReleaseDriver("v", "d", "late", leaves_goods=False)]),
        (unassigned(is_taken_off=False), []),
        (DeliveryRecalled("d", "o", "v", "late"), [RecallGoods("v", "d", "late")]),
        (
            DeliveryWrittenOff("d", "o", "v", "gone"),
            [ReleaseDriver("v", "d", "gone", leaves_goods=True)],
        ),
        (DeliveryWrittenOff("d", "o", None, "gone"), []),
        (CodeWaived("d", "o", "v", "no phone"), [LiftCode("v", "d")]),
        (CodeWaived("d", "o", None, "no phone"), []),
        (DeliveryStarted("d", "o", "north", HERE, THERE), []),
        (DriverAssigned("d", "o", "v", NOON), []),
        (DeliveryEtaChanged("d", "o", "v", HERE, NOON, NOON), []),
        (DeliveryPickedUp("d", "o", "v"), []),
        (DeliveryCompleted("d", "o", "v"), []),
        (DeliveryFailed("d", "o", "v", "nobody opens"), []),
        (DeliveryReturned("d", "o", "v"), []),
        (DeliveryCancelled("d", "o", "north", "late"), []),
        (DeliveryFlagged("d", "o", "no_driver", NOON), []),
    ],
)
def test_a_driver_is_told_what_others_have_decided(event: Any, commands: list[Any]) -> None:
    """What the driver's own twin has said comes not back to it."""
    assert list(REACTIONS["delivery"](event)) == commands


def test_only_the_matcher_and_deliveries_are_heard() -> None:
    assert set(REACTIONS) == {"matcher", "delivery"}
