"""Runs an app in this process, with its lifespan and a client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, while the app's lifespan lasts."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client,
    ):
        yield client


async def eventually(holds: Callable[[], Awaitable[bool]], seconds_max: float = 5.0) -> None:
    """Waits until something holds, and fails when it does not in time."""
    try:
        async with asyncio.timeout(seconds_max):
            while not await holds():
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"did not come to hold within {seconds_max} seconds")


def assert_problem(response: httpx.Response, status: int, kind: str) -> None:
    """The response is problem details of this status and kind."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["type"] == f"urn:sandbox:problem:{kind}"
    assert document["title"]
    assert document["detail"]
