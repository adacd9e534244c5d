"""What a delivery hears of its order and of its driver."""

from typing import Any

import pytest

from services.common.messages.delivery import (
    AssignDriver,
    CancelDelivery,
    ConfirmDropoff,
    ConfirmPickup,
    ConfirmRelease,
    ConfirmReturn,
    FailDelivery,
    ReportSilence,
    ReportWrongCodes,
    StartDelivery,
    TrackDriver,
    UnassignDriver,
)
from services.common.messages.driver import (
    CodeRefused,
    DeliveryAccepted,
    DeliveryDeclined,
    DeliveryGivenUp,
    DeliveryOffered,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverFellSilent,
    DriverHeard,
    DriverLocated,
    DriverReleased,
    DropoffFailed,
    GoodsDroppedOff,
    GoodsPickedUp,
    GoodsReturned,
    OfferWithdrawn,
    SilenceSuspected,
)
from services.common.messages.order import (
    CancelledBy,
    OrderCancelled,
    OrderDelivered,
    PreparationDue,
    PreparationFinished,
)
from services.common.values import GeoPoint
from services.delivery.process import REACTIONS
from tests.given import NOON

HERE, THERE = GeoPoint(37.3, -121.9), GeoPoint(37.4, -121.8)


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (PreparationDue("o", NOON), []),
        (
            PreparationFinished("o", "d", "north", HERE, THERE, "0417"),
            [StartDelivery("d", "o", "north", HERE, THERE, "0417")],
        ),
        (
            OrderCancelled("o", CancelledBy.CUSTOMER, "changed mind", "", 100, "d"),
            [CancelDelivery("d", "changed mind")],
        ),
        (OrderCancelled("o", CancelledBy.CUSTOMER, "changed mind", "", 100), []),
        (OrderDelivered("o"), []),
    ],
)
def test_a_cooked_order_gets_a_delivery_until_it_is_cancelled(
    event: Any, commands: list[Any]
) -> None:
    assert list(REACTIONS["order"](event)) == commands


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (DriverBecameAvailable("driver-1", "north", HERE), []),
        (DriverBecameUnavailable("driver-1", "north"), []),
        (DeliveryOffered("driver-1", "d", "o", "north", HERE, THERE, None, NOON), []),
        (
            DeliveryAccepted("driver-1", "d", "o", "north", HERE, THERE, "0417", THERE),
            [AssignDriver("d", "driver-1", THERE)],
        ),
        (DeliveryDeclined("driver-1", "d", "o", "north", "rejected", HERE, True, True), []),
        (OfferWithdrawn("driver-1", "d", "o", "north", HERE), []),
        (
            DeliveryGivenUp("driver-1", "d", "o", "north", "flat tyre"),
            [UnassignDriver("d", "driver-1", "flat tyre", True)],
        ),
        (SilenceSuspected("driver-1"), []),
        (DriverHeard("driver-1"), []),
        (
            DriverFellSilent("driver-1", "d", "o", "north", False),
            [UnassignDriver("d", "driver-1", "silent", False)],
        ),
        (
            DriverFellSilent("driver-1", "d", "o", "north", True),
            [ReportSilence("d", "driver-1")],
        ),
        (DriverReleased("driver-1", "d", "o", "cancelled"), [ConfirmRelease("d", "driver-1")]),
        (GoodsPickedUp("driver-1", "d", "o"), [ConfirmPickup("d", "driver-1")]),
        (GoodsDroppedOff("driver-1", "d", "o"), [ConfirmDropoff("d", "driver-1")]),
        (
            DropoffFailed("driver-1", "d", "o", "nobody there"),
            [FailDelivery("d", "driver-1", "nobody there")],
        ),
        (GoodsReturned("driver-1", "d", "o"), [ConfirmReturn("d", "driver-1")]),
        (CodeRefused("driver-1", "d", "o", 1, False), []),
        (CodeRefused("driver-1", "d", "o", 5, True), [ReportWrongCodes("d", "driver-1", 5)]),
        (DriverLocated("driver-1", HERE, NOON), []),
        (
            DriverLocated("driver-1", HERE, NOON, "d", "o"),
            [TrackDriver("d", "driver-1", HERE, NOON)],
        ),
    ],
)
def test_what_a_driver_does_moves_the_drivers_delivery(event: Any, commands: list[Any]) -> None:
    assert list(REACTIONS["driver"](event)) == commands


def test_only_orders_and_drivers_are_heard() -> None:
    assert set(REACTIONS) == {"order", "driver"}
