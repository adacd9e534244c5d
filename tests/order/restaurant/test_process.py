"""What a restaurant hears of orders."""

from services.common.messages.order import OrderCreated, OrderDelivered
from services.common.messages.restaurant import AdmitOrder
from services.common.values import GeoPoint, Item, Restaurant
from services.order.restaurant.process import REACTIONS
from tests.given import NOON

HERE = GeoPoint(45.46, 9.19)


def test_an_order_asks_its_restaurant_whether_it_is_taken() -> None:
    created = OrderCreated(
        "o1",
        "partner",
        "reference",
        Restaurant("r1", "north", HERE, "Europe/Rome"),
        HERE,
        (Item("Pizza", 2, 900), Item("Wine", 1, 400)),
        "EUR",
        2200,
        "tok",
        0,
        NOON,
    )
    assert list(REACTIONS["order"](created)) == [
        AdmitOrder("r1", "o1", ("Pizza", "Wine"), 0, NOON, "Europe/Rome")
    ]


def test_what_comes_later_is_no_matter_of_admission() -> None:
    assert list(REACTIONS["order"](OrderDelivered("o1"))) == []


def test_only_orders_are_heard() -> None:
    assert set(REACTIONS) == {"order"}
