"""What a driver's twin hears of its region."""

from typing import Any

import pytest

from services.common.messages.driver import AssignDelivery
from services.common.messages.matcher import (
    AvailableDriver,
    DriverRegistered,
    DriverRequested,
    DriverWithdrawn,
    Offer,
    OfferConfirmed,
    OfferDeclined,
    RegionSnapshotted,
    WaitingDelivery,
)
from services.common.values import GeoPoint
from services.driver.process import REACTIONS

HERE, THERE = GeoPoint(37.3, -121.9), GeoPoint(37.4, -121.8)
OFFERS = tuple(
    Offer(WaitingDelivery(f"d{n}", f"o{n}", HERE, THERE), AvailableDriver(f"v{n}", HERE))
    for n in range(2)
)
ASKED = [AssignDelivery(f"v{n}", f"d{n}", f"o{n}", "north", HERE, THERE) for n in range(2)]


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (DriverRequested("north", OFFERS[0].delivery, ()), []),
        (DriverRequested("north", OFFERS[0].delivery, OFFERS), ASKED),
        (DriverRegistered("north", OFFERS[0].driver, OFFERS), ASKED),
        (OfferDeclined("north", "d9", "v9", "not_available", OFFERS), ASKED),
        (OfferConfirmed("north", "d0", "v0"), []),
        (DriverWithdrawn("north", "v0"), []),
        (RegionSnapshotted("north", (), (), OFFERS, {}), []),
    ],
)
def test_each_offer_is_put_to_its_driver(event: Any, commands: list[Any]) -> None:
    """A snapshot repeats offers that were put already, and puts none."""
    assert list(REACTIONS["matcher"](event)) == commands


def test_only_the_matcher_is_heard() -> None:
    assert set(REACTIONS) == {"matcher"}
