"""What is passed on, and to whom."""

from dataclasses import replace

import httpx
import pytest

from tests.web.outside import SETTINGS, web

SANDBOX = replace(SETTINGS, payments_url="http://payments")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_calls_are_passed_on_with_their_body_and_query(method: str) -> None:
    """And the answer comes back as it is."""
    async with web() as front:
        front.calls.answers[f"{method} order/restaurants/a b/x"] = (409, {"detail": "no"})
        answer = await front.http.request(
            method,
            "/api/order/restaurants/a%20b/x?limit=5",
            content=b"{}",
            headers={"Idempotency-Key": "k", "Cookie": "c=1", "content-type": "application/json"},
        )
        (asked,) = front.calls.asked
    assert (answer.status_code, answer.json()) == (409, {"detail": "no"})
    assert str(asked.url) == "http://order/restaurants/a%20b/x?limit=5"
    assert (asked.content, asked.headers["idempotency-key"]) == (b"{}", "k")
    assert "cookie" not in asked.headers


@pytest.mark.parametrize(
    "path",
    [
        "/api/kafka/topics",
        "/api/sandbox/payments/charges",
        "/api/http:/evil.example/x",
        "/api/order/%2e%2e/metrics",
    ],
)
async def test_nobody_else_is_called(path: str) -> None:
    """Neither a host of the caller's choice nor a sandbox that does not run."""
    async with web() as front:
        answer = await front.http.get(path)
        assert front.calls.asked == []
    assert answer.status_code in (400, 404)


async def test_the_sandbox_is_reached_where_it_runs() -> None:
    """And the pages can ask whether."""
    async with web(SANDBOX) as front:
        front.calls.answers["GET payments/charges"] = (200, [])
        charges = await front.http.get("/api/sandbox/payments/charges")
        phones = await front.http.get("/api/sandbox/phones/phones")
        available = await front.http.get("/api/sandbox")
    assert (charges.status_code, charges.json()) == (200, [])
    assert phones.status_code == 404
    assert available.json()["available"]
    async with web() as front:
        assert not (await front.http.get("/api/sandbox")).json()["available"]


async def test_a_front_that_is_away_is_told_as_such() -> None:
    """502, with the service's name."""

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    async with web() as front:
        front.calls.answers["GET driver/drivers"] = away
        answer = await front.http.get("/api/driver/drivers")
    assert answer.status_code == 502
    assert "driver" in answer.json()["detail"]


async def test_pages_of_other_sites_change_nothing() -> None:
    """A browser says where a call comes from."""
    async with web() as front:
        answer = await front.http.post(
            "/api/order/orders", headers={"Sec-Fetch-Site": "cross-site"}, content=b"{}"
        )
        assert front.calls.asked == []
    assert answer.status_code == 403


async def test_the_load_is_for_sandboxes_only_and_has_a_limit() -> None:
    """It places orders of real dishes until it is stopped."""
    async with web() as front:
        refused = await front.http.post("/api/sandbox/load", json={"orders_per_minute": 5})
    assert refused.status_code == 404
    async with web(SANDBOX) as front:
        too_many = await front.http.post("/api/sandbox/load", json={"orders_per_minute": 9e9})
        started = await front.http.post("/api/sandbox/load", json={"orders_per_minute": 5})
        stopped = await front.http.post("/api/sandbox/load", json={"orders_per_minute": 0})
    assert too_many.status_code == 422
    assert started.json()["orders_per_minute"] == 5
    assert stopped.json()["orders_per_minute"] == 0
