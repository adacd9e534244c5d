"""Restaurants that refuse or pause, cancellations at every stage, refunds: on a real stack."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from tests.e2e.world import World

BY_CUSTOMER = {"by": "customer", "reason": "no longer hungry"}


@asynccontextmanager
async def faults(world: World, name: str, **content: Any) -> AsyncIterator[None]:
    """The sandbox's program has these faults meanwhile."""
    await world.call("PUT", name, "/faults", content, 200)
    try:
        yield
    finally:
        await world.call("PUT", name, "/faults", {}, 200)


def at(kind: str) -> dict[str, Any]:
    """A restaurant of its own that behaves so."""
    return {"restaurant_id": f"{kind}{uuid4().hex[:8]}"}


async def is_paid_back(world: World, order_id: str) -> Mapping[str, Any]:
    """The cancelled order, once the customer has everything back; nothing twice."""
    await world.reaches(order_id, "CANCELLED")
    order: Mapping[str, Any] = await world.becomes(
        "order", f"/orders/{order_id}", lambda each: each["payment"] == "REFUNDED"
    )
    refunded = sum(each["amount_cents"] for each in await world.refunds(order_id))
    assert refunded == order["amount_cents"]
    return order


async def ticket_status(world: World, order_id: str, status: str) -> None:
    """Returns once the order's one ticket has this status."""
    async with asyncio.timeout(20):
        while [each["status"] for each in await world.tickets(order_id)] != [status]:
            await asyncio.sleep(0.1)


async def test_a_restaurant_that_refuses_at_once_ends_the_order(impatient: World) -> None:
    """With its reason, after the time in which it may take that back; the money goes back."""
    order_id = await impatient.submit(impatient.order(restaurant=at("refuses-")))
    order = await is_paid_back(impatient, order_id)
    assert (order["cancelled_by"], order["reason"]) == ("restaurant", "closed")
    kinds = await impatient.kinds(order_id)
    assert kinds.index("OrderRefused") < kinds.index("OrderCancelled")


async def test_a_restaurant_that_is_asked_answers_later(impatient: World) -> None:
    """The order waits for its yes, and is then cooked and brought."""
    order_id = await impatient.submit(impatient.order(restaurant=at("asks-")))
    await impatient.reaches(order_id, "DELIVERED")
    kinds = await impatient.kinds(order_id)
    assert kinds.index("TicketReceived") < kinds.index("PreparationStarted")
    await ticket_status(impatient, order_id, "accepted")


async def test_a_restaurant_that_refuses_later_has_its_ticket_cancelled(impatient: World) -> None:
    """And the customer has the money back."""
    order_id = await impatient.submit(impatient.order(restaurant=at("asks-refuses-")))
    order = await is_paid_back(impatient, order_id)
    assert order["reason"] == "too_busy"


async def test_a_wrong_click_of_a_restaurant_has_a_way_out(impatient: World) -> None:
    """A refusal that is taken back in time was none: the order is delivered, nothing paid back."""
    order_id = await impatient.submit(impatient.order(restaurant=at("changes-mind-")))
    order = await impatient.reaches(order_id, "DELIVERED")
    kinds = await impatient.kinds(order_id)
    assert kinds.index("OrderRefused") < kinds.index("RefusalUndone")
    assert "OrderCancelled" not in kinds
    assert order["payment"] == "CHARGED"
    assert await impatient.refunds(order_id) == []


async def test_a_restaurant_that_does_not_answer_in_time_has_refused(impatient: World) -> None:
    """Visibly: cancelled by Tiffin, refunded, its ticket cancelled; a late yes is refused."""
    order_id = await impatient.submit(impatient.order(restaurant=at("silent-")))
    order = await is_paid_back(impatient, order_id)
    assert (order["cancelled_by"], order["reason"]) == ("tiffin", "accept_timeout")
    await ticket_status(impatient, order_id, "cancelled")
    await impatient.call("POST", "order", f"/orders/{order_id}/accept", {}, 409)
    assert (await impatient.get("order", f"/orders/{order_id}"))["status"] == "CANCELLED"


async def test_a_point_of_sale_that_is_down_for_too_long_ends_the_order_visibly(
    impatient: World,
) -> None:
    """It is refunded, and what comes up later prints nothing."""
    async with faults(impatient, "pos", down=True):
        order_id = await impatient.submit(impatient.order())
        await is_paid_back(impatient, order_id)
    await impatient.becomes(
        "order", f"/orders/{order_id}", lambda order: not order["is_ticket_cancellation_due"]
    )
    assert [each["status"] for each in await impatient.tickets(order_id)] in ([], ["cancelled"])


async def test_a_cancellation_before_the_charge_leaves_no_charge(impatient: World) -> None:
    """Though the provider was being asked: what was not charged never is."""
    async with faults(impatient, "payments", down=True):
        order_id = await impatient.submit(impatient.order())
        await impatient.reaches(order_id, "CREATED")
        await impatient.becomes("order", f"/orders/{order_id}", lambda order: order["is_admitted"])
        await impatient.call("POST", "order", f"/orders/{order_id}/cancel", BY_CUSTOMER)
        await impatient.reaches(order_id, "CANCELLED")
    await impatient.becomes(
        "order", f"/orders/{order_id}", lambda order: order["payment"] == "VOIDED"
    )
    assert [
        each for each in await impatient.charges(order_id) if each["status"] != "declined"
    ] == []
    assert await impatient.tickets(order_id) == []


async def test_a_cancellation_of_a_charge_whose_answer_was_lost_gives_it_back(
    impatient: World,
) -> None:
    """Charged once, given back once."""
    async with faults(impatient, "payments", timeout_share=1.0, timeout_seconds=5):
        order_id = await impatient.submit(impatient.order())
        async with asyncio.timeout(20):
            while not await impatient.charges(order_id):
                await asyncio.sleep(0.05)
        await impatient.call("POST", "order", f"/orders/{order_id}/cancel", BY_CUSTOMER)
    order = await impatient.reaches(order_id, "CANCELLED")
    await impatient.becomes(
        "order", f"/orders/{order_id}", lambda each: each["payment"] in ("VOIDED", "REFUNDED")
    )
    [charge] = await impatient.charges(order_id)
    refunded = sum(each["amount_cents"] for each in await impatient.refunds(order_id))
    assert (charge["status"], refunded) == ("succeeded", order["amount_cents"])


async def test_a_scheduled_order_that_is_cancelled_is_never_cooked(impatient: World) -> None:
    """The customer has the money back, and the point of sale never hears of it."""
    order_id = await impatient.submit(impatient.order(delay_seconds=600))
    await impatient.reaches(order_id, "SCHEDULED")
    path = f"/orders/{order_id}/cancel"
    await impatient.call("POST", "order", path, BY_CUSTOMER)
    await is_paid_back(impatient, order_id)
    await impatient.call("POST", "order", path, BY_CUSTOMER)
    assert await impatient.tickets(order_id) == []
    assert (await impatient.kinds(order_id)).count("OrderCancelled") == 1


async def test_an_order_that_is_cancelled_while_it_is_cooked_is_told_to_the_restaurant(
    impatient: World,
) -> None:
    """Its ticket is cancelled, and what the kitchen says afterwards moves nothing."""
    restaurant = at("never-calls-back-")
    order_id = await impatient.submit(impatient.order(restaurant=restaurant))
    await impatient.reaches(order_id, "IN_PREPARATION")
    await impatient.call("POST", "order", f"/orders/{order_id}/cancel", BY_CUSTOMER)
    await is_paid_back(impatient, order_id)
    await ticket_status(impatient, order_id, "cancelled")
    await impatient.call("POST", "order", f"/orders/{order_id}/preparation-finished", None, 409)
    record = {"type": "FinishPreparation", "order_id": order_id}
    await impatient.produce("order.commands", order_id.encode(), msgspec.json.encode(record))
    await impatient.eventually(
        lambda records: [each for each in records if each["correlation_id"] == order_id],
        "order.rejections",
    )
    assert (await impatient.get("order", f"/orders/{order_id}"))["status"] == "CANCELLED"


async def test_commands_are_taken_from_kafka_as_from_http(impatient: World) -> None:
    """A partner's adapter accepts, moves the time and cancels with records."""
    order_id = await impatient.submit(impatient.order(restaurant=at("silent-")))
    await impatient.becomes("order", f"/orders/{order_id}", lambda order: order["ticket_id"])

    async def say(type_: str, **content: Any) -> None:
        record = {"type": type_, "order_id": order_id, **content}
        await impatient.produce("order.commands", order_id.encode(), msgspec.json.encode(record))

    await say("AcceptOrder", preparation_seconds=300)
    await impatient.reaches(order_id, "IN_PREPARATION")
    await say("CancelOrder", by="partner", reason="the partner's customer has called")
    order = await is_paid_back(impatient, order_id)
    assert order["cancelled_by"] == "partner"


async def test_money_is_given_back_by_item_and_never_more_than_was_paid(impatient: World) -> None:
    """The same name is the same refund; one item does not go back twice."""
    order_id = await impatient.submit(impatient.order())
    order = await impatient.reaches(order_id, "DELIVERED")
    path = f"/orders/{order_id}/refunds"
    cold = {"refund": "cold", "reason": "cold tacos", "items": [{"line": 0, "quantity": 2}]}
    await impatient.call("POST", "order", path, cold)
    await impatient.call("POST", "order", path, cold)
    order = await impatient.becomes(
        "order", f"/orders/{order_id}", lambda each: each["payment"] == "PARTLY_REFUNDED"
    )
    assert order["status"] == "DELIVERED"
    [refund] = await impatient.refunds(order_id)
    assert refund["amount_cents"] == 2 * order["items"][0]["price_cents"]
    await impatient.call("POST", "order", path, {**cold, "refund": "again"}, 409)
    unknown = {**cold, "refund": "other", "items": [{"line": 7, "quantity": 1}]}
    await impatient.call("POST", "order", path, unknown, 409)
    await impatient.call(
        "POST", "order", path, {**cold, "items": [{"line": -1, "quantity": 1}]}, 422
    )
    await impatient.call("POST", "order", path, {"refund": "all", "reason": "never again"})
    await impatient.becomes(
        "order", f"/orders/{order_id}", lambda each: each["payment"] == "REFUNDED"
    )
    refunds = await impatient.refunds(order_id)
    assert sum(each["amount_cents"] for each in refunds) == order["amount_cents"]
    await impatient.call("POST", "order", path, {"refund": "more", "reason": "please"}, 409)


async def test_a_refund_that_the_provider_refuses_is_shown_and_tried_again(
    impatient: World,
) -> None:
    """It is in the list of what operators are to look at until it is through."""
    order_id = await impatient.submit(impatient.order(payment_token="tok_refund_refused"))
    await impatient.reaches(order_id, "DELIVERED")
    asked = {"refund": "all", "reason": "cold"}
    await impatient.call("POST", "order", f"/orders/{order_id}/refunds", asked)
    path = f"/orders/{order_id}"
    await impatient.becomes("order", path, lambda each: "refund_refused" in each["flags"])
    flagged = await impatient.get("order", "/orders?flagged=true&limit=500")
    assert order_id in [each["order_id"] for each in flagged["items"]]
    await impatient.call("POST", "order", f"{path}/refunds/all/retry")
    order = await impatient.becomes("order", path, lambda each: each["payment"] == "REFUNDED")
    assert order["flags"] == []
    assert len(await impatient.refunds(order_id)) == 1


async def test_the_eta_follows_the_restaurants_word_on_when_it_is_ready(impatient: World) -> None:
    """Later and earlier; an order that is overdue is flagged until it is ready."""
    restaurant = at("never-calls-back-")
    order_id = await impatient.submit(impatient.order(restaurant=restaurant))
    before = await impatient.reaches(order_id, "IN_PREPARATION")
    path = f"/orders/{order_id}"
    later = datetime.now(UTC) + timedelta(hours=1)
    await impatient.call("PUT", "order", f"{path}/ready-time", {"ready_at": later.isoformat()})
    order = await impatient.becomes(
        "order", path, lambda each: each["expected_ready_at"] != before["expected_ready_at"]
    )
    moved = datetime.fromisoformat(order["eta_at"]) - datetime.fromisoformat(before["eta_at"])
    assert moved > timedelta(minutes=50)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await impatient.call("PUT", "order", f"{path}/ready-time", {"ready_at": soon.isoformat()})
    await impatient.becomes("order", path, lambda each: "preparation_overdue" in each["flags"])
    await impatient.call("POST", "order", f"{path}/preparation-finished")
    order = await impatient.reaches(order_id, "DELIVERED")
    assert order["flags"] == []


@pytest.mark.parametrize("status", ["PAUSED", "OFFLINE"])
async def test_orders_for_a_restaurant_that_takes_none_are_refused_at_once(
    impatient: World, status: str
) -> None:
    """Before anything is charged, with the reason; when it is open again they are taken."""
    restaurant = at("pauses-")
    path = f"/restaurants/{restaurant['restaurant_id']}"
    await impatient.call("PUT", "order", f"{path}/status", {"status": status})
    await impatient.becomes("order", path, lambda each: each["status"] == status)
    order_id = await impatient.submit(impatient.order(restaurant=restaurant))
    order = await impatient.reaches(order_id, "REJECTED")
    assert order["reason"] == f"restaurant_{status.lower()}"
    assert await impatient.charges(order_id) == []
    await impatient.call("PUT", "order", f"{path}/status", {"status": "OPEN"})
    await impatient.becomes("order", path, lambda each: each["status"] == "OPEN")
    order_id = await impatient.submit(impatient.order(restaurant=restaurant))
    await impatient.reaches(order_id, "DELIVERED")


async def test_orders_of_a_snoozed_item_are_refused_at_once(impatient: World) -> None:
    """Until the instant that the restaurant has said."""
    restaurant, order = at("snoozes-"), impatient.order()
    path = f"/restaurants/{restaurant['restaurant_id']}"
    until = datetime.now(UTC) + timedelta(seconds=4)
    item = order["items"][0]["name"]
    snooze = f"{path}/items/{item}/snooze"
    await impatient.call("PUT", "order", snooze, {"until": until.isoformat()})
    await impatient.becomes("order", path, lambda each: each["snoozed"])
    order_id = await impatient.submit(impatient.order(restaurant=restaurant))
    refused = await impatient.reaches(order_id, "REJECTED")
    assert refused["reason"] == "item_unavailable"
    assert item in refused["detail"]
    await asyncio.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 0.2)
    order_id = await impatient.submit(impatient.order(restaurant=restaurant))
    await impatient.reaches(order_id, "DELIVERED")


async def test_a_time_outside_the_opening_hours_is_refused_with_the_reason(
    impatient: World,
) -> None:
    """In the clock of the restaurant's zone; never moved to another day."""
    restaurant = at("hours-")
    path = f"/restaurants/{restaurant['restaurant_id']}"
    wanted = datetime.now(UTC) + timedelta(days=2)
    hours = [
        {"weekday": wanted.isoweekday() % 7 + 1, "opens_minute": 0, "closes_minute": 1},
    ]
    content = {"zone": "Etc/UTC", "hours": hours, "preparation_seconds": 60}
    await impatient.call("PUT", "order", path, content)
    await impatient.becomes("order", path, lambda each: each["zone"] == "Etc/UTC")
    wanted = wanted.replace(hour=12)
    order = impatient.order(restaurant=restaurant, ready_at=wanted.isoformat())
    order_id = await impatient.submit(order)
    refused = await impatient.reaches(order_id, "REJECTED")
    assert refused["reason"] == "outside_opening_hours"
    await impatient.call("PUT", "order", path, {**content, "zone": "Mars/Olympus"}, 422)
    await impatient.call("PUT", "order", path, {**content, "hours": []})
    await impatient.becomes("order", path, lambda each: each["hours"] == [])
    order = impatient.order(restaurant=restaurant, ready_at=wanted.isoformat())
    order_id = await impatient.submit(order)
    taken = await impatient.reaches(order_id, "SCHEDULED")
    prepare_at = datetime.fromisoformat(taken["prepare_at"])
    assert prepare_at == datetime.fromisoformat(taken["ready_at"]) - timedelta(seconds=60)
