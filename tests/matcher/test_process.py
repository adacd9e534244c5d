"""What a region hears of deliveries and drivers."""

from typing import Any

import pytest

from services.common.messages.delivery import DeliveryCompleted, DeliveryStarted
from services.common.messages.driver import (
    DeliveryAccepted,
    DeliveryDeclined,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverLocated,
    GoodsDroppedOff,
    GoodsPickedUp,
)
from services.common.messages.matcher import (
    AvailableDriver,
    ConfirmOffer,
    DeclineOffer,
    RegisterDriver,
    RequestDriver,
    WaitingDelivery,
    WithdrawDriver,
)
from services.common.values import GeoPoint
from services.matcher.process import REACTIONS
from tests.given import NOON

HERE, THERE = GeoPoint(37.3, -121.9), GeoPoint(37.4, -121.8)


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (
            DeliveryStarted("d", "o", "north", HERE, THERE),
            [RequestDriver("north", WaitingDelivery("d", "o", HERE, THERE))],
        ),
        (DeliveryCompleted("d", "o", "driver-1"), []),
    ],
)
def test_a_started_delivery_needs_a_driver(event: Any, commands: list[Any]) -> None:
    assert list(REACTIONS["delivery"](event)) == commands


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (
            DriverBecameAvailable("driver-1", "north", HERE),
            [RegisterDriver("north", AvailableDriver("driver-1", HERE))],
        ),
        (
            DriverBecameAvailable("driver-1", "north", HERE, "south"),
            [
                WithdrawDriver("south", "driver-1"),
                RegisterDriver("north", AvailableDriver("driver-1", HERE)),
            ],
        ),
        (DriverBecameUnavailable("driver-1", "north"), [WithdrawDriver("north", "driver-1")]),
        (
            DeliveryAccepted("driver-1", "d", "o", "north", HERE, THERE, THERE),
            [ConfirmOffer("north", "d", "driver-1")],
        ),
        (
            DeliveryDeclined("driver-1", "d", "o", "north", "not_available"),
            [DeclineOffer("north", "d", "driver-1", "not_available")],
        ),
        (GoodsPickedUp("driver-1", "d", "o"), []),
        (GoodsDroppedOff("driver-1", "d", "o"), []),
        (DriverLocated("driver-1", HERE, NOON, "d", "o"), []),
    ],
)
def test_drivers_come_and_go_and_answer_offers(event: Any, commands: list[Any]) -> None:
    assert list(REACTIONS["driver"](event)) == commands


def test_only_deliveries_and_drivers_are_heard() -> None:
    assert set(REACTIONS) == {"delivery", "driver"}
