"""The shop: its menus, its prices, and one order per cart."""

import json
from pathlib import Path
from typing import Any

import httpx

from services.web.shop import read_menus
from services.web.tracking import token_of
from tests.web.outside import SETTINGS, web

CART: dict[str, Any] = {
    "restaurant_id": "taqueria-1",
    "items": [{"name": "Taco al pastor", "quantity": 3, "price_cents": 1}],
    "destination": {"latitude": 37.34, "longitude": -121.87},
    "client_reference": "cart-00000001",
}
TAKEN = (202, {"order_id": "o1", "status": "NEW"})


def test_the_menus_hold_what_the_readme_orders() -> None:
    """At the same prices, in the same place."""
    order = json.loads(Path("infra/examples/order.json").read_text())
    place = read_menus()[order["restaurant"]["restaurant_id"]]
    prices = {dish.name: dish.price_cents for dish in place.menu}
    assert {item["name"]: item["price_cents"] for item in order["items"]}.items() <= prices.items()
    assert order["restaurant"]["location"] == {
        "latitude": place.location.latitude,
        "longitude": place.location.longitude,
    }


def test_no_menu_has_a_dish_twice() -> None:
    """An order names its dishes by name."""
    for place in read_menus().values():
        assert len({dish.name for dish in place.menu}) == len(place.menu)


async def test_prices_come_from_the_menu() -> None:
    """Whatever the page says; and the link to follow the order comes back."""
    async with web() as front:
        front.calls.answers["POST order/orders"] = TAKEN
        answer = await front.http.post("/api/shop/orders", json=CART)
        sent = front.calls.body()
    assert answer.status_code == 202
    token = token_of("o1", SETTINGS.track_secret)
    assert answer.json() == {
        "order_id": "o1",
        "track_token": token,
        "track_url": f"/track/{token}",
    }
    assert sent["items"] == [{"name": "Taco al pastor", "quantity": 3, "price_cents": 450}]
    assert (sent["partner"], sent["reference"]) == ("tiffin-shop", "cart-00000001")


async def test_all_orders_of_a_browser_are_one_customers() -> None:
    """Where it says what it is known by; what can be no such id is refused."""
    async with web() as front:
        front.calls.answers["POST order/orders"] = TAKEN
        known = {**CART, "customer": "customer-0123456789abcdef01234567"}
        await front.http.post("/api/shop/orders", json=known)
        named = front.calls.body()["customer"]
        await front.http.post("/api/shop/orders", json=CART)
        unnamed = front.calls.body()["customer"]
        bad = await front.http.post("/api/shop/orders", json={**CART, "customer": "Jo Doe, 5 St"})
    assert (named, unnamed, bad.status_code) == (known["customer"], None, 422)


async def test_what_is_not_on_the_menu_is_not_sold() -> None:
    """Nobody is asked for it."""
    async with web() as front:
        cart = {**CART, "items": [{"name": "Caviar", "quantity": 1}]}
        answer = await front.http.post("/api/shop/orders", json=cart)
        unknown = await front.http.post(
            "/api/shop/orders", json={**CART, "restaurant_id": "nowhere-9"}
        )
        none = await front.http.post(
            "/api/shop/orders",
            json={**CART, "items": [{"name": "Horchata", "quantity": 0}]},
        )
        assert front.calls.asked == []
    assert answer.status_code == unknown.status_code == none.status_code == 422
    assert "Caviar" in answer.json()["detail"]
    assert none.headers["content-type"] == "application/problem+json"


async def test_what_the_order_front_refuses_is_passed_on() -> None:
    """As problem details."""
    async with web() as front:
        front.calls.answers["POST order/orders"] = (409, {"detail": "other things", "status": 409})
        answer = await front.http.post("/api/shop/orders", json=CART)
    assert (answer.status_code, answer.json()["detail"]) == (409, "other things")


async def test_restaurants_are_shown_as_they_are_now() -> None:
    """Open where nothing is known of one; UNKNOWN where nobody answers."""

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    paused = {
        "status": "PAUSED",
        "is_in_hours": False,
        "snoozed": [{"item": "Horchata", "until": None}],
    }
    async with web() as front:
        front.calls.answers["GET order/restaurants/taqueria-1"] = (200, paused)
        front.calls.answers["GET order/restaurants/pho-2"] = away
        answer = await front.http.get("/api/shop/restaurants")
    shown = {each["restaurant_id"]: each for each in answer.json()}
    assert len(shown) == 6
    taqueria = shown["taqueria-1"]
    assert (taqueria["status"], taqueria["is_in_hours"], taqueria["snoozed"]) == (
        "PAUSED",
        False,
        ["Horchata"],
    )
    assert taqueria["menu"][0].keys() == {"name", "description", "price_cents", "kind", "picture"}
    assert shown["pho-2"]["status"] == "UNKNOWN"
    assert shown["sushi-5"]["status"] == "OPEN"
