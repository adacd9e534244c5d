"""Whole journeys of orders on a real broker, through real processes."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from services.common import ids
from tests.e2e.world import World, order_id_of

LATE_MAX = timedelta(seconds=10)
EXAMPLE_RECORD = Path("infra/examples/submit-order.json").read_bytes()
STEPS = (
    "OrderCreated",
    "OrderAdmitted",
    "OrderScheduled",
    "PreparationDue",
    "PreparationStarted",
    "PreparationFinished",
    "DriverFound",
    "OrderPickedUp",
    "OrderDelivered",
)


async def test_an_order_over_http_is_delivered(world: World) -> None:
    """Every step is in its history, in order, with money taken once and one ticket printed."""
    order_id = await world.submit(world.order())
    order = await world.reaches(order_id, "DELIVERED")
    assert order["payment"] == "CHARGED"
    assert order["amount_cents"] == 1650
    assert order["driver_id"]
    assert order["eta_at"]
    events = (await world.get("order", f"/orders/{order_id}/events"))["items"]
    kinds = [event["type"] for event in events if event["type"] != "OrderEtaChanged"]
    assert kinds == list(STEPS)
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert {event["correlation_id"] for event in events} == {order_id}
    delivery = await world.get("delivery", f"/deliveries/{order['delivery_id']}")
    assert delivery["status"] == "DELIVERED"
    assert delivery["order_id"] == order_id
    [charge] = await world.charges(order_id)
    assert (charge["status"], charge["amount_cents"]) == ("succeeded", 1650)
    [ticket] = await world.tickets(order_id)
    assert ticket["printed"] == 1


async def test_an_order_over_kafka_is_the_same_as_over_http(world: World) -> None:
    """A record of any client, in whatever partition it lands, becomes a delivered order."""
    for partition in range(world.stack.plan.partitions):
        order = world.order()
        value = _record(order)
        key = order_id_of(order).encode()
        await world.produce("order.commands", key, value, partition)
        delivered = await world.reaches(order_id_of(order), "DELIVERED")
        assert delivered["reference"] == order["reference"]
        assert len(await world.charges(order_id_of(order))) == 1


async def test_a_record_without_a_key_is_taken(world: World) -> None:
    """A partner need not know how order ids are made."""
    order = world.order()
    await world.produce("order.commands", None, _record(order))
    await world.reaches(order_id_of(order), "DELIVERED")


async def test_the_example_record_is_an_order(world: World) -> None:
    """What the README has a partner pipe into kcat is taken as it is."""
    await world.produce("order.commands", None, EXAMPLE_RECORD)
    await world.reaches(order_id_of(msgspec.json.decode(EXAMPLE_RECORD)), "DELIVERED")


async def test_one_reference_is_one_order_one_charge_one_ticket(world: World) -> None:
    """Five submissions over both ways, some at once, are one order."""
    order = world.order()
    await asyncio.gather(
        world.submit(order),
        world.produce_order(order),
        world.submit(order),
        world.produce_order(order),
    )
    order_id = await world.submit(order)
    await world.reaches(order_id, "DELIVERED")
    await world.submit(order)
    await world.produce_order(order)
    await asyncio.sleep(1)
    page = await world.get("order", f"/orders?partner={world.partner}")
    assert [each["order_id"] for each in page["items"]] == [order_id]
    [charge] = await world.charges(order_id)
    [ticket] = await world.tickets(order_id)
    assert charge["status"] == "succeeded"
    assert ticket["printed"] == 1
    created = [
        event
        for event in await world.records("order.events")
        if event["type"] == "OrderCreated" and event["order_id"] == order_id
    ]
    assert len(created) == 1


async def test_a_declined_payment_rejects_the_order(world: World) -> None:
    """The order ends as REJECTED with the reason, and nothing is cooked."""
    order_id = await world.submit(world.order(payment_token="tok_declined"))
    order = await world.reaches(order_id, "REJECTED")
    assert "declined" in order["reason"]
    assert order["payment"] == "DECLINED"
    assert await world.tickets(order_id) == []


async def test_a_charge_whose_answer_was_lost_is_charged_once(world: World) -> None:
    """The provider charged and then hung: Tiffin asks by key, and charges no second time."""
    order_id = await world.submit(world.order(payment_token="tok_timeout_once"))
    await world.reaches(order_id, "DELIVERED")
    [charge] = await world.charges(order_id)
    assert charge["status"] == "succeeded"


async def test_a_provider_that_failed_before_its_work_is_called_again(world: World) -> None:
    """A 503 is neither paid nor declined."""
    order_id = await world.submit(world.order(payment_token="tok_error_once"))
    await world.reaches(order_id, "DELIVERED")
    [charge] = await world.charges(order_id)
    assert charge["calls"] >= 2


async def test_a_ticket_whose_answer_was_lost_is_printed_once(world: World) -> None:
    """One ticket per order, whatever is retried."""
    restaurant = {"restaurant_id": "timeout-once-grill"}
    order_id = await world.submit(world.order(restaurant=restaurant))
    await world.reaches(order_id, "DELIVERED")
    [ticket] = await world.tickets(order_id)
    assert ticket["printed"] == 1


async def test_a_restaurant_that_reports_twice_is_heard_once(world: World) -> None:
    """A repeated callback starts no second delivery."""
    restaurant = {"restaurant_id": "calls-back-twice-grill"}
    order_id = await world.submit(world.order(restaurant=restaurant))
    await world.reaches(order_id, "DELIVERED")
    events = (await world.get("order", f"/orders/{order_id}/events"))["items"]
    assert [event["type"] for event in events].count("PreparationFinished") == 1


async def test_a_refusing_restaurant_cancels_and_refunds(world: World) -> None:
    """The customer has the money back, once."""
    order_id = await world.submit(world.order(restaurant={"restaurant_id": "refuses-grill"}))
    order = await world.reaches(order_id, "CANCELLED")
    assert "closed" in order["reason"]
    while order["payment"] != "REFUNDED":
        await asyncio.sleep(0.1)
        order = await world.get("order", f"/orders/{order_id}")
    refunds = await world.get("payments", "/refunds")
    key = ids.derive(order_id, "charge")
    [refund] = [each for each in refunds if each["charge_idempotency_key"] == key]
    assert refund["amount_cents"] == order["amount_cents"]


async def test_an_order_for_later_starts_preparation_in_time(world: World) -> None:
    """Preparation starts at the wanted time less the preparation time, not earlier."""
    ready_at = datetime.now(UTC) + timedelta(seconds=6)
    order_id = await world.submit(world.order(ready_at=ready_at.isoformat()))
    order = await world.reaches(order_id, "SCHEDULED")
    assert datetime.fromisoformat(order["prepare_at"]) == ready_at - timedelta(seconds=1)
    await world.reaches(order_id, "DELIVERED")
    events = (await world.get("order", f"/orders/{order_id}/events"))["items"]
    [due] = [event for event in events if event["type"] == "PreparationDue"]
    late = datetime.fromisoformat(due["occurred_at"]) - (ready_at - timedelta(seconds=1))
    # The broker stamps whole milliseconds, cut off.
    assert timedelta(milliseconds=-1) <= late < LATE_MAX


async def test_eta_follows_the_driver(world: World) -> None:
    """Locations of the phone move the delivery's ETA, and the order's with it."""
    order_id = await world.submit(world.order())
    order = await world.reaches(order_id, "DELIVERED")
    events = await world.records("delivery.events")
    moved = [event for event in events if event.get("order_id") == order_id and "eta_at" in event]
    assert moved[0]["type"] == "DriverAssigned"
    assert order["eta_at"] == moved[-1]["eta_at"]
    located = [
        event
        for event in await world.records("driver.events")
        if event["type"] == "DriverLocated" and event["order_id"] == order_id
    ]
    assert located


async def test_lists_page_through_all_orders(world: World) -> None:
    """Pages are newest first, hold each order once, and end."""
    order_ids = [await world.submit(world.order()) for _ in range(5)]
    for order_id in order_ids:
        await world.reaches(order_id, "DELIVERED")
    seen: list[str] = []
    cursor = ""
    while True:
        path = f"/orders?partner={world.partner}&status=DELIVERED&limit=2{cursor}"
        page = await world.get("order", path)
        seen += [each["order_id"] for each in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert sorted(seen) == sorted(order_ids)
    created = [(await world.get("order", f"/orders/{each}"))["created_at"] for each in seen]
    assert created == sorted(created, reverse=True)


def _record(order: dict[str, object]) -> bytes:
    return msgspec.json.encode({"type": "SubmitOrder", **order})
