"""What the matcher's front tells of a region."""

from services.common.codec import encode_plain
from services.common.decider import Row
from services.common.messages.matcher import Offer
from services.matcher.api import region_summary, region_view
from services.matcher.domain import Region
from services.matcher.queues import Deliveries, Drivers, Offers
from tests.given import NOON
from tests.matcher.past import HERE, delivery, driver

REGION = Region(
    "north",
    NOON,
    waiting=Deliveries([delivery("d1", "v9")]),
    available=Drivers([driver("v9")]),
    offers=Offers([Offer(delivery("d2"), driver("v2"))]),
)
ROW = Row(3, NOON, {}, (), REGION)


def test_no_answer_tells_what_is_to_be_named_at_a_door() -> None:
    """Only that something has to be named."""
    shown = region_view("north", ROW)
    assert b"0417" not in encode_plain(shown)
    waits = {
        "delivery_id": "d1",
        "order_id": "order-d1",
        "pickup": HERE,
        "dropoff": HERE,
        "excluded": ("v9",),
        "requires_code": True,
    }
    assert shown["waiting"] == [waits]
    assert shown["offers"][0]["driver"] == driver("v2")
    assert shown["offers"][0]["delivery"]["delivery_id"] == "d2"
    assert shown["available"] == (driver("v9"),)


def test_a_list_tells_how_many_wait() -> None:
    assert region_summary("north", ROW) == {
        "region": "north",
        "waiting_deliveries": 1,
        "available_drivers": 1,
        "open_offers": 1,
        "changed_at": NOON,
    }
