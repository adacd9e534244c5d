"""Ticket cancellations: before, while and after a ticket is printed."""

import asyncio
from dataclasses import replace
from random import Random

import httpx
import pytest

from services.sandbox.restaurant_pos import create_restaurant_pos
from services.sandbox.settings import Settings

from .asgi import assert_problem, running
from .test_callbacks import Receiver, pos, settled
from .test_restaurant_pos import post, ticket, tickets

pytestmark = pytest.mark.asyncio


async def cancel(
    client: httpx.AsyncClient, key: str = "k1", order_id: str = "o-1", reason: str = "cancelled"
) -> httpx.Response:
    return await client.post(
        "/ticket-cancellations",
        json={"order_id": order_id, "reason": reason},
        headers={"Idempotency-Key": key},
    )


async def test_a_cancelled_ticket_tells_nothing_more(settings: Settings) -> None:
    """A printed ticket becomes cancelled, and its callbacks are dropped."""
    receiver = Receiver(202)
    async with running(pos(replace(settings, preparation_seconds=0.1), receiver)) as client:
        await post(client, "k1", ticket())
        first = await cancel(client)
        second = await cancel(client, reason="another word for it")
        await settled(client)
        await asyncio.sleep(0.15)
        [entry] = await tickets(client)
        repeated = await post(client, "k1", ticket())
        found = await client.get("/tickets", params={"idempotency_key": "k1"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["status"] == "cancelled"
    assert first.content == second.content
    assert (entry["status"], entry["printed"]) == ("cancelled", 1)
    assert [step["outcome"] for step in entry["callbacks"]] == ["dropped"]
    assert receiver.urls == []
    assert_problem(repeated, 409, "ticket-refused")
    assert found.json()["status"] == "cancelled"


async def test_a_cancellation_forbids_a_later_ticket(settings: Settings) -> None:
    """A ticket that comes after its cancellation is refused and not printed."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        cancelled = await cancel(client)
        unseen = await tickets(client)
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        refused = await post(client, "k1", ticket())
        found = await client.get("/tickets", params={"idempotency_key": "k1"})
        other = await post(client, "k2", ticket())
    assert cancelled.status_code == 201
    assert unseen == []
    assert_problem(refused, 409, "ticket-refused")
    assert (refused.json()["reason"], refused.json()["detail"]) == ("other", "cancelled")
    assert (found.json()["status"], found.json()["printed"]) == ("refused", 0)
    assert other.status_code == 201


async def test_a_refused_ticket_stays_refused(settings: Settings) -> None:
    """The cancellation of a refused ticket is taken and changes nothing."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        await post(client, "k1", ticket("refuses-r-1"))
        cancelled = await cancel(client)
        [entry] = await tickets(client)
    assert cancelled.status_code == 201
    assert (entry["status"], entry["printed"], entry["reason"]) == ("refused", 0, "closed")


async def test_a_cancellation_is_found_by_its_key(settings: Settings) -> None:
    """GET by key answers the cancellation, or 404; a key belongs to one order."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        await post(client, "k2", ticket())
        made = await cancel(client)
        found = await client.get("/ticket-cancellations", params={"idempotency_key": "k1"})
        missing = await client.get("/ticket-cancellations", params={"idempotency_key": "k2"})
        listed = (await client.get("/ticket-cancellations")).json()
        other_order = await cancel(client, order_id="o-2")
        other_ticket = await cancel(client, key="k2", order_id="o-2")
    assert (found.status_code, found.content) == (200, made.content)
    assert_problem(missing, 404, "not-found")
    assert listed == [{**made.json(), "calls": 1}]
    assert_problem(other_order, 422, "idempotency-key-reused")
    assert_problem(other_ticket, 422, "idempotency-key-reused")


async def test_cancellations_meet_faults_as_tickets_do(settings: Settings) -> None:
    """Errors strike before the work, time-outs after it."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        await client.put("/faults", json={"error_share": 1})
        failed = await cancel(client)
        missing = await client.get("/ticket-cancellations", params={"idempotency_key": "k1"})
        await client.put("/faults", json={"timeout_share": 1, "timeout_seconds": 0.01})
        hung = await cancel(client)
        found = await client.get("/ticket-cancellations", params={"idempotency_key": "k1"})
    assert_problem(failed, 503, "error")
    assert missing.status_code == 404
    assert_problem(hung, 504, "timeout")
    assert found.status_code == 200
