"""What a delivery hears of its order and of its driver."""

from typing import Any

import pytest

from services.common.messages.delivery import (
    AssignDriver,
    ConfirmDropoff,
    ConfirmPickup,
    StartDelivery,
    TrackDriver,
)
from services.common.messages.driver import (
    DeliveryAccepted,
    DeliveryDeclined,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverLocated,
    DriverSnapshotted,
    DriverStatus,
    GoodsDroppedOff,
    GoodsPickedUp,
)
from services.common.messages.order import OrderDelivered, PreparationDue, PreparationFinished
from services.common.values import GeoPoint
from services.delivery.process import REACTIONS
from tests.given import NOON

HERE, THERE = GeoPoint(37.3, -121.9), GeoPoint(37.4, -121.8)
UNAVAILABLE = DriverStatus.UNAVAILABLE


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (PreparationDue("o"), []),
        (
            PreparationFinished("o", "d", "north", HERE, THERE),
            [StartDelivery("d", "o", "north", HERE, THERE)],
        ),
        (OrderDelivered("o"), []),
    ],
)
def test_a_cooked_order_gets_a_delivery(event: Any, commands: list[Any]) -> None:
    assert list(REACTIONS["order"](event)) == commands


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (DriverBecameAvailable("driver-1", "north", HERE), []),
        (DriverBecameUnavailable("driver-1", "north"), []),
        (
            DeliveryAccepted("driver-1", "d", "o", "north", HERE, THERE, THERE),
            [AssignDriver("d", "driver-1", THERE)],
        ),
        (DeliveryDeclined("driver-1", "d", "o", "north", "not_available"), []),
        (GoodsPickedUp("driver-1", "d", "o"), [ConfirmPickup("d", "driver-1")]),
        (GoodsDroppedOff("driver-1", "d", "o"), [ConfirmDropoff("d", "driver-1")]),
        (DriverLocated("driver-1", HERE, NOON), []),
        (
            DriverLocated("driver-1", HERE, NOON, "d", "o"),
            [TrackDriver("d", "driver-1", HERE, NOON)],
        ),
        (DriverSnapshotted("driver-1", UNAVAILABLE, "north", HERE, None, None, None, {}), []),
    ],
)
def test_what_a_driver_does_moves_the_drivers_delivery(event: Any, commands: list[Any]) -> None:
    assert list(REACTIONS["driver"](event)) == commands


def test_only_orders_and_drivers_are_heard() -> None:
    assert set(REACTIONS) == {"order", "driver"}
