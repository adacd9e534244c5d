"""The orders of the benchmarks: several partners, and several restaurants in each town."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from services.common import ids

PARTNERS = 40
REGIONS = 8
RESTAURANTS_PER_REGION = 8


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that nobody has submitted yet.

    body: as it is submitted over HTTP; `record` is the same as it is submitted over Kafka.
    """

    order_id: str
    body: bytes

    @property
    def record(self) -> bytes:
        """The value of a record on order.commands."""
        return b'{"type":"SubmitOrder",' + self.body[1:]


class OrderBook:
    """Makes orders, no two of them the same.

    Args:
        name: of this book; no other of the same Tiffin has it.
        delay_seconds: that the orders are for later.
    """

    def __init__(self, name: str, delay_seconds: int = 0, regions: int = REGIONS) -> None:
        self._name = name
        self._numbers = iter(range(2**62))
        self._templates = list(_templates(regions, delay_seconds))

    def next(self) -> NewOrder:
        """The next order."""
        number = next(self._numbers)
        partner = f"partner-{number % PARTNERS}"
        reference = f"{self._name}-{number}"
        template = self._templates[number % len(self._templates)]
        return NewOrder(
            ids.order_id(partner, reference),
            b'{"partner":"%b","reference":"%b",%b'
            % (partner.encode(), reference.encode(), template),
        )


def town(region: int) -> str:
    """The name of a region; numbers from 0."""
    return f"town-{region + 1}"


def town_location(region: int) -> dict[str, float]:
    """The middle of a region; the towns lie in a row, some 50 km apart."""
    return {"latitude": 37.33 + region * 0.45, "longitude": -121.89}


def _templates(regions: int, delay_seconds: int) -> Iterator[bytes]:
    """The rest of the JSON of an order at each restaurant, after its partner and reference."""
    for number in range(regions * RESTAURANTS_PER_REGION):
        region = number % regions
        middle = town_location(region)
        content: dict[str, Any] = {
            "restaurant": {
                "restaurant_id": f"restaurant-{number + 1}",
                "region": town(region),
                "location": middle,
            },
            "destination": {
                "latitude": middle["latitude"] + 0.01,
                "longitude": middle["longitude"] + 0.01,
            },
            "items": [
                {"name": "Taco al pastor", "quantity": 3, "price_cents": 450},
                {"name": "Horchata", "quantity": 1, "price_cents": 300},
            ],
            "currency": "USD",
            "payment_token": "tok_visa",
        }
        if delay_seconds:
            content["delay_seconds"] = delay_seconds
        yield orjson.dumps(content)[1:]
