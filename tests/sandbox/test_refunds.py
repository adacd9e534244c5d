"""Refunds by the payment provider: never more than was charged, made once, or refused for good."""

from random import Random

import pytest

from services.sandbox.payment_provider import create_payment_provider
from services.sandbox.settings import Settings

from .asgi import assert_problem, running
from .test_payment_provider import charge, ledger, post, refund

pytestmark = pytest.mark.asyncio


async def test_refunds_never_exceed_the_charge(settings: Settings) -> None:
    """Refunds add up to the charge at most, each once per key."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await post(client, "k1", charge())
        first = await post(client, "r1", refund(1000), "/refunds")
        repeat = await post(client, "r1", refund(1000), "/refunds")
        too_much = await post(client, "r2", refund(251), "/refunds")
        rest = await post(client, "r3", refund(250), "/refunds")
        entries = await ledger(client, "/refunds")
        found = await client.get("/refunds", params={"idempotency_key": "r1"})
        missing = await client.get("/refunds", params={"idempotency_key": "r2"})
    assert (first.status_code, repeat.status_code, rest.status_code) == (201, 200, 201)
    assert first.content == repeat.content == found.content
    assert first.json()["id"].startswith("re_")
    assert_problem(too_much, 422, "refund-exceeds-charge")
    assert_problem(missing, 404, "not-found")
    assert [(entry["amount_cents"], entry["calls"]) for entry in entries] == [(1000, 2), (250, 1)]


async def test_refunds_want_a_charge(settings: Settings) -> None:
    """No refund is made of an unknown or declined charge, or with another refund's key."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await post(client, "k1", charge())
        await post(client, "k2", charge("tok_declined"))
        await post(client, "r1", refund(10), "/refunds")
        unknown = await post(client, "r2", refund(10, "k9"), "/refunds")
        declined = await post(client, "r3", refund(10, "k2"), "/refunds")
        reused = await post(client, "r1", refund(11), "/refunds")
    assert_problem(unknown, 404, "not-found")
    assert_problem(declined, 422, "charge-declined")
    assert_problem(reused, 422, "idempotency-key-reused")


async def test_a_refusal_is_for_good(settings: Settings) -> None:
    """A refused refund answers 422 with its reason, also after the fault has ended."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await post(client, "k1", charge())
        await client.put("/faults", json={"refund_refuse_share": 1})
        first = await post(client, "r1", refund(1250), "/refunds")
        await client.put("/faults", json={})
        second = await post(client, "r1", refund(1250), "/refunds")
        found = await client.get("/refunds", params={"idempotency_key": "r1"})
        refused = (await client.get("/refunds", params={"status": "refused"})).json()
        made = await ledger(client, "/refunds")
        other_key = await post(client, "r2", refund(1250), "/refunds")
    assert_problem(first, 422, "refund-refused")
    assert first.json()["reason"] == "card_closed"
    assert second.content == first.content
    assert (found.json()["status"], found.json()["reason"]) == ("refused", "card_closed")
    assert [(entry["idempotency_key"], entry["calls"]) for entry in refused] == [("r1", 2)]
    assert made == []
    assert other_key.status_code == 201


async def test_a_token_whose_refunds_are_refused_once(settings: Settings) -> None:
    """The first key of each refund is refused, another key for the same refund is not."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await post(client, "k1", charge("tok_refund_refused"))
        statuses = [
            (await post(client, key, refund(cents), "/refunds")).status_code
            for key, cents in [("a1", 250), ("a1", 250), ("b1", 1000), ("a2", 250), ("b2", 1000)]
        ]
        entries = await ledger(client, "/refunds")
    assert statuses == [422, 422, 422, 201, 201]
    assert [entry["idempotency_key"] for entry in entries] == ["a2", "b2"]
