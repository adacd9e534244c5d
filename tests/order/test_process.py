"""What an order hears of its delivery and of its restaurant."""

from typing import Any

import pytest

from services.common.messages.delivery import (
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryFailed,
    DeliveryPickedUp,
    DeliveryRecalled,
    DeliveryStarted,
    DriverAssigned,
    DriverUnassigned,
)
from services.common.messages.order import (
    ConfirmAdmission,
    RecordDriver,
    RecordDriverLoss,
    RecordDropoff,
    RecordEta,
    RecordFailure,
    RecordPickup,
    RefuseAdmission,
)
from services.common.messages.restaurant import AdmissionGranted, AdmissionRefused, ItemRestored
from services.common.values import GeoPoint
from services.order.process import REACTIONS
from tests.given import NOON

HERE = GeoPoint(37.3, -121.9)
UNASSIGNED = DriverUnassigned(
    "d", "o", "driver-1", "north", HERE, HERE, None, ("driver-1",), "gave up", False
)


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (DeliveryStarted("d", "o", "north", HERE, HERE), []),
        (DriverAssigned("d", "o", "driver-1", NOON), [RecordDriver("o", "d", "driver-1", NOON)]),
        (UNASSIGNED, [RecordDriverLoss("o", "d", "driver-1", "gave up")]),
        (DeliveryEtaChanged("d", "o", "driver-1", HERE, NOON, NOON), [RecordEta("o", NOON)]),
        (DeliveryPickedUp("d", "o", "driver-1"), [RecordPickup("o")]),
        (DeliveryCompleted("d", "o", "driver-1"), [RecordDropoff("o")]),
        (DeliveryFailed("d", "o", "driver-1", "no answer"), [RecordFailure("o", "no answer")]),
        (DeliveryRecalled("d", "o", "driver-1", "cancelled"), []),
    ],
)
def test_what_becomes_of_a_delivery_is_told_to_its_order(event: Any, commands: list[Any]) -> None:
    assert list(REACTIONS["delivery"](event)) == commands


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (
            AdmissionGranted("trattoria", "o", "Europe/Rome", 900, 690),
            [ConfirmAdmission("o", "Europe/Rome", 900, 690)],
        ),
        (
            AdmissionRefused("trattoria", "o", "restaurant_paused", "until noon"),
            [RefuseAdmission("o", "restaurant_paused", "until noon")],
        ),
        (ItemRestored("trattoria", "Lasagne"), []),
    ],
)
def test_what_a_restaurant_says_of_an_order_is_told_to_it(event: Any, commands: list[Any]) -> None:
    assert list(REACTIONS["restaurant"](event)) == commands


def test_only_deliveries_and_restaurants_are_heard() -> None:
    assert set(REACTIONS) == {"delivery", "restaurant"}
