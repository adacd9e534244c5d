"""What the shop sells: menus from a file, whether restaurants are open from the order front."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from services.common.codec import encode_plain
from services.common.problem import ProblemError
from services.common.values import GeoPoint
from services.web.fronts import Fronts, json_response, passed_on
from services.web.tracking import token_of

MENUS = Path(__file__).parent / "menus.json"
PARTNER = "tiffin-shop"
CURRENCY = "USD"
PAYMENT_TOKEN = "tok_visa"
LINES_MAX = 100


class Dish(msgspec.Struct, frozen=True):
    """One line of a menu."""

    name: str
    description: str
    price_cents: int
    kind: str
    picture: str


class Place(msgspec.Struct, frozen=True):
    """One restaurant of the shop, with its menu."""

    restaurant_id: str
    name: str
    kind: str
    description: str
    picture: str
    region: str
    zone: str
    location: GeoPoint
    menu: tuple[Dish, ...]


class Line(BaseModel):
    """So many of one dish."""

    name: str
    quantity: int = Field(ge=1, le=50)


class Door(BaseModel):
    """Where the order goes."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Checkout(BaseModel):
    """A full cart; `client_reference` is made once for it, so that it is one order.

    `customer` is a random id that one browser keeps: all its orders are one customer's.
    """

    restaurant_id: str
    items: list[Line] = Field(min_length=1, max_length=LINES_MAX)
    destination: Door
    client_reference: str = Field(min_length=8, max_length=64)
    ready_at: datetime | None = None
    requires_code: bool = False
    payment_token: str = PAYMENT_TOKEN
    customer: str | None = Field(None, min_length=8, max_length=64, pattern=r"^[\w.:-]+$")


def read_menus(path: Path = MENUS) -> dict[str, Place]:
    """The restaurants of the file by id."""
    places = msgspec.json.decode(path.read_bytes(), type=list[Place])
    return {place.restaurant_id: place for place in places}


class Shop:
    """Sells what is on the menus, at the prices that are there."""

    def __init__(self, places: dict[str, Place], fronts: Fronts, track_secret: str) -> None:
        self.places = places
        self._fronts = fronts
        self._track_secret = track_secret

    async def restaurants(self) -> list[dict[str, Any]]:
        """All restaurants, as they are now; open, where the order front knows nothing of one."""
        rows = await asyncio.gather(*(self._row(each) for each in self.places))
        return [
            {**msgspec.structs.asdict(place), "menu": place.menu, **_state(row)}
            for place, row in zip(self.places.values(), rows, strict=True)
        ]

    async def order(self, checkout: Checkout) -> Response:
        """Submits the order, and says where it can be followed."""
        answer = await self.submit(self.submission(checkout))
        if answer.status_code != 202:
            return passed_on(answer)
        order_id = msgspec.json.decode(answer.content)["order_id"]
        token = token_of(order_id, self._track_secret)
        told = {"order_id": order_id, "track_token": token, "track_url": f"/track/{token}"}
        return json_response(told, 202)

    def submission(self, checkout: Checkout) -> dict[str, Any]:
        """What the order front is asked for.

        Raises:
            ProblemError: 422, the shop does not sell it.
        """
        place = self.places.get(checkout.restaurant_id)
        if place is None:
            raise ProblemError(
                422, f"body/restaurant_id: there is no restaurant {checkout.restaurant_id}"
            )
        prices = {dish.name: dish.price_cents for dish in place.menu}
        for line in checkout.items:
            if line.name not in prices:
                raise ProblemError(422, f"body/items: {place.name} has no {line.name!r}")
        order: dict[str, Any] = {
            "partner": PARTNER,
            "reference": checkout.client_reference,
            "restaurant": {
                "restaurant_id": place.restaurant_id,
                "region": place.region,
                "location": place.location,
                "zone": place.zone,
            },
            "destination": checkout.destination.model_dump(),
            "items": [
                {
                    "name": line.name,
                    "quantity": line.quantity,
                    "price_cents": prices[line.name],
                }
                for line in checkout.items
            ],
            "currency": CURRENCY,
            "payment_token": checkout.payment_token,
            "requires_code": checkout.requires_code,
            "customer": checkout.customer,
        }
        if checkout.ready_at is not None:
            order["ready_at"] = checkout.ready_at
        return order

    async def submit(self, order: dict[str, Any]) -> httpx.Response:
        """The order front's answer to an order."""
        content = encode_plain(order)
        headers = {"content-type": "application/json"}
        return await self._fronts.call("order", "POST", "/orders", content, headers)

    async def _row(self, restaurant_id: str) -> dict[str, Any]:
        try:
            answer = await self._fronts.call("order", "GET", f"/restaurants/{restaurant_id}")
        except ProblemError:
            return {"status": "UNKNOWN"}
        if answer.status_code == 404:
            return {}
        if answer.status_code != 200:
            return {"status": "UNKNOWN"}
        return msgspec.json.decode(answer.content, type=dict[str, Any])


def _state(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": row.get("status", "OPEN"),
        "until": row.get("until"),
        "busy_seconds": row.get("busy_seconds", 0),
        "preparation_seconds": row.get("preparation_seconds"),
        "is_in_hours": row.get("is_in_hours", True),
        "snoozed": [each["item"] for each in row.get("snoozed", ())],
    }


def shop_routes(shop: Shop) -> APIRouter:
    """What the shop's page asks for."""
    routes = APIRouter(prefix="/api/shop", tags=["shop"])

    @routes.get("/restaurants")
    async def restaurants() -> Response:
        """All restaurants with their menus."""
        return json_response(await shop.restaurants())

    @routes.post("/orders", status_code=202)
    async def order(checkout: Checkout) -> Response:
        """Takes an order; the same client_reference is the same order."""
        return await shop.order(checkout)

    return routes
