"""The payment provider's HTTP interface, its memory and its faults."""

import asyncio
from random import Random
from typing import Any

import httpx
import pytest

from services.sandbox import payment_provider
from services.sandbox.payment_provider import create_payment_provider
from services.sandbox.settings import Settings

from .asgi import assert_problem, running

pytestmark = pytest.mark.asyncio


def charge(token: str = "tok_1", **changes: object) -> dict[str, object]:
    return {
        "amount_cents": 1250,
        "currency": "USD",
        "payment_token": token,
        "description": "order 1",
        **changes,
    }


def refund(amount_cents: int, charge_key: str = "k1") -> dict[str, object]:
    return {
        "charge_idempotency_key": charge_key,
        "amount_cents": amount_cents,
        "reason": "cancelled",
    }


async def post(
    client: httpx.AsyncClient, key: str, body: dict[str, object], path: str = "/charges"
) -> httpx.Response:
    return await client.post(path, json=body, headers={"Idempotency-Key": key})


async def ledger(client: httpx.AsyncClient, path: str = "/charges") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await client.get(path)).json()
    return entries


async def test_a_charge_is_made(settings: Settings) -> None:
    """A first call answers 201 with the charge."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        response = await post(client, "k1", charge())
    assert response.status_code == 201
    document = response.json()
    assert document.pop("id").startswith("ch_")
    assert document.pop("created_at").endswith("Z")
    assert document == {
        "status": "succeeded",
        "amount_cents": 1250,
        "currency": "USD",
        "payment_token": "tok_1",
        "idempotency_key": "k1",
    }


async def test_a_repeated_key_charges_once(settings: Settings) -> None:
    """The same key answers 200 with the same body; the ledger has one charge and two calls."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        first = await post(client, "k1", charge())
        second = await post(client, "k1", charge())
        entries = await ledger(client)
    assert second.status_code == 200
    assert second.content == first.content
    assert entries == [{**first.json(), "calls": 2}]


async def test_simultaneous_calls_charge_once(settings: Settings) -> None:
    """Twenty calls with one key at the same time make one charge."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        answers = await asyncio.gather(*(post(client, "k1", charge()) for _ in range(20)))
        entries = await ledger(client)
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert [entry["calls"] for entry in entries] == [20]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_cents": 1},
        {"currency": "EUR"},
        {"payment_token": "tok_2"},
        {"description": "order 2"},
    ],
)
async def test_a_key_with_other_content_is_refused(
    settings: Settings, changes: dict[str, object]
) -> None:
    """A key belongs to one content."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await post(client, "k1", charge())
        response = await post(client, "k1", charge() | changes)
    assert_problem(response, 422, "idempotency-key-reused")


async def test_a_decline_is_remembered(settings: Settings) -> None:
    """A declined charge answers 402 with its reason, and again 402 with the same body."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        first = await post(client, "k1", charge("tok_declined"))
        second = await post(client, "k1", charge("tok_declined"))
    assert (first.status_code, second.status_code) == (402, 402)
    assert first.content == second.content
    assert first.json()["status"] == "declined"
    assert first.json()["decline_reason"] == "card_declined"


async def test_a_charge_is_found_by_its_key(settings: Settings) -> None:
    """GET by key answers the charge, or 404."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        made = await post(client, "k1", charge())
        found = await client.get("/charges", params={"idempotency_key": "k1"})
        missing = await client.get("/charges", params={"idempotency_key": "k2"})
    assert (found.status_code, found.content) == (200, made.content)
    assert_problem(missing, 404, "not-found")


async def test_a_key_is_required(settings: Settings) -> None:
    """A charge without a key is refused and not made."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        response = await client.post("/charges", json=charge())
        assert await ledger(client) == []
    assert_problem(response, 400, "idempotency-key-required")


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_cents": -1},
        {"amount_cents": "5"},
        {"amount_cents": 10**30},
        {"currency": "DOLLAR"},
        {"description": None},
    ],
)
async def test_bad_bodies_are_refused(settings: Settings, changes: dict[str, object]) -> None:
    """What is not a charge is answered with problem details."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        response = await post(client, "k1", charge() | changes)
    assert_problem(response, 422, "invalid-request")


async def test_a_restart_forgets_nothing(settings: Settings) -> None:
    """A new process on the same directory knows all charges, refunds and counts."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        made = await post(client, "k1", charge())
        await post(client, "r1", refund(1250), "/refunds")
    async with running(create_payment_provider(settings, Random(1))) as client:
        again = await post(client, "k1", charge())
        too_much = await post(client, "r2", refund(1), "/refunds")
        entries = await ledger(client)
    assert (again.status_code, again.content) == (200, made.content)
    assert_problem(too_much, 422, "refund-exceeds-charge")
    assert [entry["calls"] for entry in entries] == [2]


async def test_a_timeout_once_charges_and_then_hangs(settings: Settings) -> None:
    """The first call answers 504 although the money is taken; the second call tells so."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await client.put("/faults", json={"timeout_seconds": 0.02})
        first = await post(client, "k1", charge("tok_timeout_once"))
        entries = await ledger(client)
        second = await post(client, "k1", charge("tok_timeout_once"))
    assert_problem(first, 504, "timeout")
    assert [entry["status"] for entry in entries] == ["succeeded"]
    assert second.status_code == 200


async def test_an_error_once_does_no_work(settings: Settings) -> None:
    """The first call answers 503 and charges nothing; the second call charges."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        first = await post(client, "k1", charge("tok_error_once"))
        before = await ledger(client)
        second = await post(client, "k1", charge("tok_error_once"))
    assert_problem(first, 503, "error")
    assert before == []
    assert second.status_code == 201


async def test_a_slow_token_delays(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call with the slow token is answered late."""
    monkeypatch.setattr(payment_provider, "SLOW_SECONDS", 0.1)
    async with running(create_payment_provider(settings, Random(1))) as client:
        started = asyncio.get_running_loop().time()
        response = await post(client, "k1", charge("tok_slow"))
        assert asyncio.get_running_loop().time() - started >= 0.1
    assert response.status_code == 201


async def test_down_answers_nothing(settings: Settings) -> None:
    """While down, every call but health and faults answers 503, and none is counted."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await client.put("/faults", json={"down": True})
        posted = await post(client, "k1", charge())
        listed = await client.get("/charges")
        live = await client.get("/health/live")
        await client.put("/faults", json={})
        await post(client, "k1", charge())
        entries = await ledger(client)
    assert_problem(posted, 503, "down")
    assert_problem(listed, 503, "down")
    assert live.status_code == 200
    assert [entry["calls"] for entry in entries] == [1]


async def test_share_faults(settings: Settings) -> None:
    """A share of one strikes every call: declines, errors before and time-outs after the work."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await client.put("/faults", json={"decline_share": 1})
        declined = await post(client, "k1", charge())
        await client.put("/faults", json={"error_share": 1})
        failed = await post(client, "k2", charge())
        await client.put("/faults", json={"timeout_share": 1, "timeout_seconds": 0.01})
        hung = await post(client, "k3", charge())
        keys = [entry["idempotency_key"] for entry in await ledger(client)]
    assert declined.status_code == 402
    assert_problem(failed, 503, "error")
    assert_problem(hung, 504, "timeout")
    assert keys == ["k1", "k3"]


async def test_the_seed_decides_which_calls_fail(settings: Settings) -> None:
    """Two providers with one seed decline the same calls, and not all of them."""

    async def statuses(directory: str) -> list[int]:
        own = Settings(
            data_directory=settings.data_directory / directory,
            payments_faults='{"decline_share": 0.5}',
        )
        async with running(create_payment_provider(own, Random(7))) as client:
            return [(await post(client, f"k{n}", charge())).status_code for n in range(20)]

    first = await statuses("first")
    assert first == await statuses("second")
    assert set(first) == {201, 402}


async def test_a_delay_holds_every_answer(settings: Settings) -> None:
    """delay_seconds comes before the answer."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        await client.put("/faults", json={"delay_seconds": 0.05})
        started = asyncio.get_running_loop().time()
        await client.get("/charges")
        assert asyncio.get_running_loop().time() - started >= 0.05


async def test_faults_are_checked(settings: Settings) -> None:
    """Unknown faults and impossible shares are refused; GET shows what is on."""
    async with running(create_payment_provider(settings, Random(1))) as client:
        unknown = await client.put("/faults", json={"dwon": True})
        impossible = await client.put("/faults", json={"error_share": 2})
        shown = await client.get("/faults")
    assert_problem(unknown, 422, "invalid-request")
    assert_problem(impossible, 422, "invalid-request")
    assert shown.json() == {
        "down": False,
        "delay_seconds": 0,
        "error_share": 0,
        "timeout_share": 0,
        "timeout_seconds": 30,
        "decline_share": 0,
        "refund_refuse_share": 0,
    }
