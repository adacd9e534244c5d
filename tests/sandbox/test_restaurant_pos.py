"""The restaurant POS's HTTP interface, its memory and its faults."""

import asyncio
from random import Random
from typing import Any

import httpx
import pytest

from services.sandbox.restaurant_pos import create_restaurant_pos
from services.sandbox.settings import Settings

from .asgi import assert_problem, running

pytestmark = pytest.mark.asyncio


def ticket(restaurant_id: str = "r-1", **changes: object) -> dict[str, object]:
    return {
        "order_id": "o-1",
        "restaurant_id": restaurant_id,
        "items": [{"name": "Dal", "quantity": 2}],
        "callback_url": "http://front/orders/o-1",
        **changes,
    }


async def post(client: httpx.AsyncClient, key: str, body: dict[str, object]) -> httpx.Response:
    return await client.post("/tickets", json=body, headers={"Idempotency-Key": key})


async def tickets(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await client.get("/tickets")).json()
    return entries


async def test_a_ticket_is_printed_once(settings: Settings) -> None:
    """The first call answers 201, a repeat 200 with the same ticket, and one is printed."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        answers = await asyncio.gather(*(post(client, "k1", ticket()) for _ in range(10)))
        entries = await tickets(client)
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.content for answer in answers}) == 1
    document = answers[0].json()
    assert document.pop("id")
    assert document.pop("created_at").endswith("Z")
    assert document == {
        "order_id": "o-1",
        "restaurant_id": "r-1",
        "status": "accepted",
        "idempotency_key": "k1",
        "printed": 1,
    }
    assert [(entry["printed"], entry["calls"]) for entry in entries] == [(1, 10)]


async def test_a_key_with_other_content_is_refused(settings: Settings) -> None:
    """A key belongs to one content; the callback address is no part of it."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        await post(client, "k1", ticket())
        reused = await post(client, "k1", ticket(items=[{"name": "Dal", "quantity": 3}]))
        moved = await post(client, "k1", ticket(callback_url="http://other/orders/o-1"))
    assert_problem(reused, 422, "idempotency-key-reused")
    assert moved.status_code == 200


async def test_a_refusal_is_remembered(settings: Settings) -> None:
    """A refused ticket answers 409 with its reason also after the fault has ended."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        await client.put("/faults", json={"refuse_share": 1, "refuse_reason": "item_unavailable"})
        first = await post(client, "k1", ticket())
        await client.put("/faults", json={})
        second = await post(client, "k1", ticket())
        found = await client.get("/tickets", params={"idempotency_key": "k1"})
    assert_problem(first, 409, "ticket-refused")
    assert first.json()["reason"] == "item_unavailable"
    assert second.status_code == 409
    assert second.content == first.content
    assert (found.json()["status"], found.json()["printed"]) == ("refused", 0)


async def test_a_restaurant_that_refuses(settings: Settings) -> None:
    """A restaurant whose id starts with refuses- is closed."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        response = await post(client, "k1", ticket("refuses-r-1"))
    assert_problem(response, 409, "ticket-refused")
    assert response.json()["reason"] == "closed"


async def test_a_ticket_is_found_by_its_key(settings: Settings) -> None:
    """GET by key answers the ticket, or 404."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        made = await post(client, "k1", ticket())
        found = await client.get("/tickets", params={"idempotency_key": "k1"})
        missing = await client.get("/tickets", params={"idempotency_key": "k2"})
    assert (found.status_code, found.content) == (200, made.content)
    assert_problem(missing, 404, "not-found")


@pytest.mark.parametrize(
    "changes",
    [
        {"items": []},
        {"items": [{"name": "Dal", "quantity": 0}]},
        {"callback_url": "/relative"},
        {"callback_url": "ftp://front/"},
        {"callback_url": "http://front:port/"},
        {"order_id": ""},
    ],
)
async def test_bad_bodies_are_refused(settings: Settings, changes: dict[str, object]) -> None:
    """What is not a ticket is answered with problem details."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        response = await post(client, "k1", ticket() | changes)
        without_key = await client.post("/tickets", json=ticket())
    assert_problem(response, 422, "invalid-request")
    assert_problem(without_key, 400, "idempotency-key-required")


async def test_a_restart_forgets_nothing(settings: Settings) -> None:
    """A new process on the same directory knows its tickets and refusals."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        made = await post(client, "k1", ticket())
        refused = await post(client, "k2", ticket("refuses-r-1"))
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        again = await post(client, "k1", ticket())
        refused_again = await post(client, "k2", ticket("refuses-r-1"))
        entries = await tickets(client)
    assert (again.status_code, again.content) == (200, made.content)
    assert refused_again.content == refused.content
    assert [entry["calls"] for entry in entries] == [2, 2]


async def test_a_timeout_once_prints_and_then_hangs(settings: Settings) -> None:
    """The first call answers 504 although the ticket is printed; the second call tells so."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        await client.put("/faults", json={"timeout_seconds": 0.02})
        first = await post(client, "k1", ticket("timeout-once-r-1"))
        entries = await tickets(client)
        second = await post(client, "k1", ticket("timeout-once-r-1"))
    assert_problem(first, 504, "timeout")
    assert [entry["printed"] for entry in entries] == [1]
    assert second.status_code == 200


async def test_an_error_once_does_no_work(settings: Settings) -> None:
    """The first call answers 503 and prints nothing; the second call prints."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        first = await post(client, "k1", ticket("error-once-r-1"))
        before = await tickets(client)
        second = await post(client, "k1", ticket("error-once-r-1"))
    assert_problem(first, 503, "error")
    assert before == []
    assert second.status_code == 201


async def test_share_faults_and_down(settings: Settings) -> None:
    """Errors strike before the work, time-outs after it, and down answers nothing at all."""
    async with running(create_restaurant_pos(settings, Random(1))) as client:
        await client.put("/faults", json={"error_share": 1})
        failed = await post(client, "k1", ticket())
        await client.put("/faults", json={"timeout_share": 1, "timeout_seconds": 0.01})
        hung = await post(client, "k2", ticket())
        await client.put("/faults", json={"down": True})
        down = await post(client, "k3", ticket())
        unknown = await client.put("/faults", json={"refuse_reason": "tired"})
        await client.put("/faults", json={})
        keys = [entry["idempotency_key"] for entry in await tickets(client)]
    assert_problem(failed, 503, "error")
    assert_problem(hung, 504, "timeout")
    assert_problem(down, 503, "down")
    assert_problem(unknown, 422, "invalid-request")
    assert keys == ["k2"]
