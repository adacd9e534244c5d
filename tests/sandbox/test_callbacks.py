"""The POS's callbacks: when, how often and until when they are made."""

import asyncio
import time
from dataclasses import replace
from random import Random
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from services.sandbox.restaurant_pos import create_restaurant_pos
from services.sandbox.settings import Settings

from .asgi import eventually, running
from .test_restaurant_pos import post, ticket, tickets

pytestmark = pytest.mark.asyncio


class Receiver(httpx.AsyncBaseTransport):
    """An order front that answers with the given statuses in turn, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.urls: list[str] = []
        self.calls: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        self.calls.append(f"{request.method} {request.url.path.rsplit('/', 1)[1]}")
        self.bodies.append(orjson.loads(request.content))
        self.times.append(time.monotonic())
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == 0:
            raise httpx.ConnectError("unreachable")
        return httpx.Response(status)


def pos(settings: Settings, receiver: Receiver) -> FastAPI:
    return create_restaurant_pos(settings, Random(1), receiver)


async def settled(client: httpx.AsyncClient) -> None:
    async def holds() -> bool:
        return all(
            step["outcome"] for entry in await tickets(client) for step in entry["callbacks"]
        )

    await eventually(holds)


async def test_preparation_is_told_once_and_never_early(settings: Settings) -> None:
    """One callback comes after the preparation time."""
    receiver = Receiver(200)
    async with running(pos(replace(settings, preparation_seconds=0.1), receiver)) as client:
        started = time.monotonic()
        await post(client, "k1", ticket())
        await post(client, "k1", ticket())
        await settled(client)
        await asyncio.sleep(0.05)
    assert receiver.calls == ["POST preparation-finished"]
    assert receiver.urls == ["http://front/orders/o-1/preparation-finished"]
    assert receiver.times[0] - started >= 0.1


async def test_a_callback_is_repeated_until_acknowledged(settings: Settings) -> None:
    """Unreachable, 503, 404 and 409 are tried again; a 2xx ends it."""
    receiver = Receiver(0, 503, 404, 409, 202)
    async with running(pos(settings, receiver)) as client:
        await post(client, "k1", ticket())
        await settled(client)
        entries = await tickets(client)
    assert len(receiver.urls) == 5
    finished = {"name": "preparation-finished", "attempts": 5, "outcome": "acknowledged"}
    assert entries[0]["callbacks"] == [finished]


async def test_callbacks_end_at_the_limit(settings: Settings) -> None:
    """After callback_attempts_max failures the POS gives up."""
    receiver = Receiver(500)
    async with running(pos(replace(settings, callback_attempts_max=3), receiver)) as client:
        await post(client, "k1", ticket())

        async def gave_up() -> bool:
            return len(receiver.urls) == 3

        await eventually(gave_up)
        await asyncio.sleep(0.1)
    assert len(receiver.urls) == 3


async def test_a_restart_takes_up_what_is_owed(settings: Settings) -> None:
    """Callbacks that one run owed are made by the next, at their due time, and not again."""
    silent, receiver, late = Receiver(200), Receiver(200), Receiver(200)
    slow = replace(settings, preparation_seconds=0.2)
    async with running(pos(slow, silent)) as client:
        await post(client, "k1", ticket())
    async with running(pos(slow, receiver)) as client:
        await settled(client)
    async with running(pos(slow, late)) as client:
        await asyncio.sleep(0.05)
    assert (len(silent.urls), len(receiver.urls), len(late.urls)) == (0, 1, 0)


async def test_a_front_that_moved_is_told_at_its_new_address(settings: Settings) -> None:
    """The callback goes to the address of the latest call."""
    receiver = Receiver(200)
    async with running(pos(replace(settings, preparation_seconds=0.1), receiver)) as client:
        await post(client, "k1", ticket())
        await post(client, "k1", ticket(callback_url="http://other/orders/o-1"))
        await settled(client)
    assert receiver.urls == ["http://other/orders/o-1/preparation-finished"]


@pytest.mark.parametrize(
    ("restaurant_id", "faults", "copies"),
    [
        ("never-calls-back-r-1", {}, 0),
        ("calls-back-twice-r-1", {}, 2),
        ("refuses-r-1", {}, 0),
        ("r-1", {"callback_copies": 0}, 0),
        ("r-1", {"callback_copies": 3}, 3),
    ],
)
async def test_callbacks_never_or_often(
    settings: Settings, restaurant_id: str, faults: dict[str, object], copies: int
) -> None:
    """Restaurants and faults decide how many callbacks a ticket brings."""
    receiver = Receiver(200)
    async with running(pos(settings, receiver)) as client:
        await client.put("/faults", json=faults)
        await post(client, "k1", ticket(restaurant_id))
        await settled(client)
        await asyncio.sleep(0.1)
    assert len(receiver.urls) == copies


async def test_callbacks_come_late_on_demand(settings: Settings) -> None:
    """callback_delay_seconds comes on top of the preparation."""
    receiver = Receiver(200)
    async with running(pos(settings, receiver)) as client:
        await client.put("/faults", json={"callback_delay_seconds": 0.15})
        started = time.monotonic()
        await post(client, "k1", ticket())
        await settled(client)
    assert receiver.times[0] - started >= 0.15
