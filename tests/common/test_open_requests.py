"""A request ends in time, whatever its client does."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from services.common.open_requests import OpenRequests, RequestLimits

SCOPE: dict[str, Any] = {"type": "http", "path": "/orders", "headers": []}
LIMITS = RequestLimits(open_max=1, seconds_max=0.02)


class Client:
    """Sends the parts of a body, then nothing; takes `takes` messages of the answer, no more."""

    def __init__(self, *parts: MutableMapping[str, Any], takes: int = 99) -> None:
        self._parts = list(parts)
        self._takes = takes
        self.got: list[MutableMapping[str, Any]] = []

    async def receive(self) -> MutableMapping[str, Any]:
        """The next part."""
        if not self._parts:
            await asyncio.sleep(60)
        return self._parts.pop(0)

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Takes a message, or leaves the server waiting."""
        if len(self.got) == self._takes:
            await asyncio.sleep(60)
        self.got.append(message)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body before it answers."""
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})


async def hang(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads, and never answers."""
    await receive()
    await asyncio.sleep(60)


def part(more: bool) -> MutableMapping[str, Any]:
    """A part of a body."""
    return {"type": "http.request", "body": b"x", "more_body": more}


async def test_a_body_that_does_not_come_is_waited_for_so_long() -> None:
    """408, and the place is free again."""
    requests = OpenRequests(echo, LIMITS)
    slow = Client(part(more=True))
    await requests(SCOPE, slow.receive, slow.send)
    assert slow.got[0]["status"] == 408
    assert (b"connection", b"close") in slow.got[0]["headers"]
    quick = Client(part(more=True), part(more=False))
    await requests(SCOPE, quick.receive, quick.send)
    assert quick.got[0]["status"] == 200


async def test_an_answer_that_does_not_come_is_waited_for_so_long() -> None:
    """503 with Retry-After: it was not the client's fault."""
    client = Client(part(more=False))
    await OpenRequests(hang, LIMITS)(SCOPE, client.receive, client.send)
    assert client.got[0]["status"] == 503
    assert (b"retry-after", b"1") in client.got[0]["headers"]


async def test_an_answer_that_is_not_read_is_given_up() -> None:
    """The server is told, so that it closes the connection; the place is free again."""
    requests = OpenRequests(echo, LIMITS)
    client = Client(part(more=False), takes=1)
    with pytest.raises(TimeoutError):
        await requests(SCOPE, client.receive, client.send)
    quick = Client(part(more=False))
    await requests(SCOPE, quick.receive, quick.send)
    assert quick.got[0]["status"] == 200


async def test_health_takes_no_place() -> None:
    """A supervisor and an operator are answered while the front is full."""
    requests = OpenRequests(echo, RequestLimits(open_max=0))
    for path, status in (("/health/live", 200), ("/metrics", 200), ("/orders", 503)):
        client = Client(part(more=False))
        await requests({**SCOPE, "path": path}, client.receive, client.send)
        assert client.got[0]["status"] == status
