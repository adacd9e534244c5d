"""What the fold of all topics knows, in whatever order they are read."""

import random
from dataclasses import replace

from services.common.messages.delivery import AssignDriver
from services.common.messages.driver import DeliveryOffered, GoodsDroppedOff
from services.common.messages.matcher import ConfirmOffer
from services.common.values import GeoPoint
from services.web.settings import Settings
from services.web.world import World
from tests.web.written import (
    ASSIGNED,
    AT,
    AVAILABLE,
    CREATED,
    DELIVERY_ID,
    DELIVERY_STARTED,
    DOOR,
    LIFE,
    ORDER_ID,
    PICKUP,
    SUBMIT,
    Log,
)


def test_the_story_is_the_same_however_the_topics_are_read() -> None:
    """What names only the delivery belongs to it too, and comes where it happened."""
    log = Log()
    topics = [
        [log.command("order", SUBMIT, "c1")],
        [log.event("order", event) for event in LIFE],
        [log.command("matcher", ConfirmOffer("san-jose", DELIVERY_ID, "driver-1"), "c2")],
        [log.command("delivery", AssignDriver(DELIVERY_ID, "driver-1", PICKUP), "c3")],
        [log.event("delivery", DELIVERY_STARTED), log.event("delivery", ASSIGNED)],
    ]
    stories = []
    for seed in range(20):
        world = World(Settings())
        order = random.Random(seed).sample(range(len(topics)), len(topics))
        for topic in order:
            for record in topics[topic]:
                world.take(record)
        kept = world.kept(ORDER_ID)
        assert kept is not None
        stories.append([step.record.id for step in kept.story.in_order()])
        assert kept.order is not None
        assert kept.order.status == "DELIVERED"
        assert kept.delivery is not None
        assert kept.delivery.driver_id == "driver-1"
    assert len(stories[0]) == 13
    assert all(story == stories[0] for story in stories)


def test_the_newest_orders_are_kept() -> None:
    """However late something is read of an older one, it takes no newer one's place."""
    log, world = Log(), World(Settings(kept_orders_max=2))
    events = [
        log.event("order", replace(CREATED, order_id=f"order-{number}", reference=str(number)))
        for number in range(4)
    ]
    for event in reversed(events):
        world.take(event)
    assert sorted(order.order_id for order in world.orders()) == ["order-2", "order-3"]
    assert [order.order_id for order in world.search("acme", 9)] == []
    assert [order.order_id for order in world.search("taqueria", 9)] == ["order-3", "order-2"]
    assert [order.order_id for order in world.search("order-2", 9)] == ["order-2"]


def test_a_driver_is_where_its_phone_was_last() -> None:
    """An older word of the phone changes nothing."""
    log, world = Log(), World(Settings())
    world.take(log.event("driver", AVAILABLE))
    old, new = log.location(DOOR), log.location(GeoPoint(37.5, -121.5))
    world.take(new)
    world.take(old)
    assert world.drivers["driver-1"].location == GeoPoint(37.5, -121.5)


def test_a_driver_has_a_delivery_from_the_offer_to_the_door() -> None:
    """Then it rests."""
    log, world = Log(), World(Settings())
    world.take(log.event("driver", AVAILABLE))
    offered = DeliveryOffered("driver-1", DELIVERY_ID, ORDER_ID, "san-jose", PICKUP, DOOR, None, AT)
    world.take(log.event("driver", offered))
    assert (world.drivers["driver-1"].status, world.drivers["driver-1"].delivery_id) == (
        "OFFERED",
        DELIVERY_ID,
    )
    world.take(log.event("driver", GoodsDroppedOff("driver-1", DELIVERY_ID, ORDER_ID)))
    assert (world.drivers["driver-1"].status, world.drivers["driver-1"].delivery_id) == (
        "UNAVAILABLE",
        None,
    )


def test_orders_are_counted_in_the_minute_in_which_they_came_and_ended() -> None:
    """Each of the last sixty minutes is told, also one in which nothing happened."""
    log, world = Log(), World(Settings())
    for event in LIFE:
        world.take(log.event("order", event))
    minutes = world.throughput(AT)
    assert len(minutes) == 60
    assert minutes[-1] == {
        "minute": AT,
        "submitted": 1,
        "delivered": 1,
        "cancelled": 0,
        "rejected": 0,
    }


def test_an_unreadable_event_is_in_no_fold_and_does_no_harm() -> None:
    """It may be of a newer version."""
    world = World(Settings())
    world.take(Log().plain("order.events", {"type": "OrderTeleported", "order_id": ORDER_ID}))
    kept = world.kept(ORDER_ID)
    assert kept is not None
    assert kept.order is None
    assert [step.record.type for step in kept.story.in_order()] == ["OrderTeleported"]
