"""Voids: a charge that is never to be made, or is given back."""

import asyncio
from random import Random

import httpx
import pytest

from services.sandbox.payment_provider import create_payment_provider
from services.sandbox.settings import Settings

from .asgi import assert_problem, running
from .test_payment_provider import charge, ledger, post, refund

pytestmark = pytest.mark.asyncio


async def void(client: httpx.AsyncClient, key: str = "v1", **changes: object) -> httpx.Response:
    body = {"charge_idempotency_key": "k1", "reason": "cancelled", **changes}
    return await post(client, key, body, "/voids")


async def test_a_void_forbids_a_later_charge(settings: Settings) -> None:
    """A charge that comes after its void is declined, also after a restart."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        made = await void(client)
    async with running(create_payment_provider(settings, Random(1))) as client:
        again = await void(client)
        charged = await post(client, "k1", charge())
        refunds = await ledger(client, "/refunds")
        voids = await ledger(client, "/voids")
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.content == again.content
    document = made.json()
    assert document.pop("id").startswith("vo_")
    assert document.pop("created_at").endswith("Z")
    assert document == {
        "status": "voided",
        "charge_idempotency_key": "k1",
        "charge_id": None,
        "refund_id": None,
        "reason": "cancelled",
        "idempotency_key": "v1",
    }
    assert charged.status_code == 402
    assert (charged.json()["status"], charged.json()["decline_reason"]) == ("declined", "voided")
    assert refunds == []
    assert voids == [{**made.json(), "calls": 2}]


async def test_a_void_gives_back_what_is_left(settings: Settings) -> None:
    """Of a charge that succeeded, the rest is refunded once, under the void's key."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        charged = await post(client, "k1", charge())
        await post(client, "r1", refund(1000), "/refunds")
        answers = await asyncio.gather(*(void(client) for _ in range(5)))
        refunds = await ledger(client, "/refunds")
        same_charge = await post(client, "k1", charge())
        more = await post(client, "r2", refund(1), "/refunds")
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    document = answers[0].json()
    assert (document["status"], document["charge_id"]) == ("refunded", charged.json()["id"])
    shown = [(each["idempotency_key"], each["amount_cents"], each["calls"]) for each in refunds]
    assert shown == [("r1", 1000, 1), ("v1", 250, 5)]
    assert refunds[1]["id"] == document["refund_id"]
    assert same_charge.json()["status"] == "succeeded"
    assert_problem(more, 422, "refund-exceeds-charge")


async def test_a_declined_charge_needs_no_refund(settings: Settings) -> None:
    """The void of a declined charge gives nothing back."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await post(client, "k1", charge("tok_declined"))
        made = await void(client)
    document = made.json()
    assert document["status"] == "voided"
    assert (document["charge_id"], document["refund_id"]) == (None, None)


async def test_a_charge_of_which_nothing_is_left_needs_no_refund(settings: Settings) -> None:
    """The void of a charge that was given back already names no refund."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        charged = await post(client, "k1", charge())
        await post(client, "r1", refund(1250), "/refunds")
        made = await void(client)
        refunds = await ledger(client, "/refunds")
    document = made.json()
    assert document["status"] == "voided"
    assert (document["charge_id"], document["refund_id"]) == (charged.json()["id"], None)
    assert len(refunds) == 1


async def test_a_void_is_found_by_its_key(settings: Settings) -> None:
    """GET by key answers the void, or 404; a key belongs to one content."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        made = await void(client)
        found = await client.get("/voids", params={"idempotency_key": "v1"})
        missing = await client.get("/voids", params={"idempotency_key": "v2"})
        reused = await void(client, charge_idempotency_key="k2")
    assert (found.status_code, found.content) == (200, made.content)
    assert_problem(missing, 404, "not-found")
    assert_problem(reused, 422, "idempotency-key-reused")


async def test_voids_meet_faults_as_charges_do(settings: Settings) -> None:
    """Errors strike before the work, time-outs after it."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await client.put("/faults", json={"error_share": 1})
        failed = await void(client)
        missing = await client.get("/voids", params={"idempotency_key": "v1"})
        await client.put("/faults", json={"timeout_share": 1, "timeout_seconds": 0.01})
        hung = await void(client)
        found = await client.get("/voids", params={"idempotency_key": "v1"})
    assert_problem(failed, 503, "error")
    assert missing.status_code == 404
    assert_problem(hung, 504, "timeout")
    assert found.status_code == 200
