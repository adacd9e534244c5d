"""What an order hears of its delivery."""

from typing import Any

import pytest

from services.common.messages.delivery import (
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryPickedUp,
    DeliveryStarted,
    DriverAssigned,
)
from services.common.messages.order import RecordDriver, RecordDropoff, RecordEta, RecordPickup
from services.common.values import GeoPoint
from services.order.process import REACTIONS
from tests.given import NOON

HERE = GeoPoint(37.3, -121.9)


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (DeliveryStarted("d", "o", "north", HERE, HERE), []),
        (DriverAssigned("d", "o", "driver-1", NOON), [RecordDriver("o", "d", "driver-1", NOON)]),
        (DeliveryEtaChanged("d", "o", "driver-1", HERE, NOON, NOON), [RecordEta("o", NOON)]),
        (DeliveryPickedUp("d", "o", "driver-1"), [RecordPickup("o")]),
        (DeliveryCompleted("d", "o", "driver-1"), [RecordDropoff("o")]),
    ],
)
def test_what_becomes_of_a_delivery_is_told_to_its_order(event: Any, commands: list[Any]) -> None:
    assert list(REACTIONS["delivery"](event)) == commands


def test_only_deliveries_are_heard() -> None:
    assert set(REACTIONS) == {"delivery"}
