"""What a region hears of deliveries and drivers."""

from typing import Any

import pytest

from services.common.messages.delivery import (
    DeliveryCancelled,
    DeliveryCompleted,
    DeliveryStarted,
    DriverUnassigned,
)
from services.common.messages.driver import (
    DeliveryAccepted,
    DeliveryDeclined,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverLocated,
    GoodsDroppedOff,
    GoodsPickedUp,
    OfferWithdrawn,
)
from services.common.messages.matcher import (
    AvailableDriver,
    CancelRequest,
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
            DeliveryStarted("d", "o", "north", HERE, THERE, "0417"),
            [RequestDriver("north", WaitingDelivery("d", "o", HERE, THERE, "0417"))],
        ),
        (
            DriverUnassigned(
                "d", "o", "v1", "north", THERE, HERE, "0417", ("v1", "v2"), "flat tyre", False
            ),
            [RequestDriver("north", WaitingDelivery("d", "o", THERE, HERE, "0417", ("v1", "v2")))],
        ),
        (DeliveryCancelled("d", "o", "north", "changed mind"), [CancelRequest("north", "d")]),
        (DeliveryCompleted("d", "o", "driver-1"), []),
        (DeliveryCompleted("d", "o", "driver-1", "north"), [CancelRequest("north", "d")]),
    ],
)
def test_a_delivery_that_starts_or_loses_its_driver_needs_one_until_it_ends(
    event: Any, commands: list[Any]
) -> None:
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
            DeliveryAccepted("driver-1", "d", "o", "north", HERE, THERE, None, THERE),
            [ConfirmOffer("north", "d", "driver-1")],
        ),
        (
            DeliveryDeclined("driver-1", "d", "o", "north", "timed_out", HERE, False, False),
            [DeclineOffer("north", "d", "driver-1", "timed_out")],
        ),
        (
            DeliveryDeclined("driver-1", "d", "o", "north", "rejected", HERE, True, True),
            [
                DeclineOffer(
                    "north", "d", "driver-1", "rejected", True, AvailableDriver("driver-1", HERE)
                )
            ],
        ),
        (
            OfferWithdrawn("driver-1", "d", "o", "north", HERE),
            [
                DeclineOffer(
                    "north",
                    "d",
                    "driver-1",
                    "withdrawn",
                    returning=AvailableDriver("driver-1", HERE),
                )
            ],
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
