"""The front's HTTP server: a head has an end, and what is not HTTP is answered so."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from infra.ports import HOST, free_ports
from services.common.bounded_http import HEAD_BYTES_MAX, BoundedHttp


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """What the request was."""
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    body = (await receive()).get("body", b"")
    await PlainTextResponse(f"{scope['path']} {size} {len(body)}")(scope, receive, send)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where the server listens."""
    (found,) = free_ports(1)
    config = uvicorn.Config(answer, HOST, found, http=BoundedHttp, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield found
    server.should_exit = True
    await serving


async def exchange(port: int, *parts: bytes) -> bytes:
    """All that the server answers to these parts, until it closes or is silent."""
    reader, writer = await asyncio.open_connection(HOST, port)
    got: list[bytes] = []

    async def read() -> None:
        while data := await reader.read(65_536):
            got.append(data)

    reading: asyncio.Task[Any] = asyncio.create_task(read())
    for part in parts:
        if writer.is_closing():
            break
        writer.write(part)
        await asyncio.sleep(0)
    await asyncio.wait([reading], timeout=0.5)
    reading.cancel()
    writer.close()
    return b"".join(got)


async def test_requests_are_answered_one_after_the_other_on_one_connection(port: int) -> None:
    """Also with heads of some length, and bodies longer than a head may be."""
    long = b"x-long: " + b"a" * 30_000 + b"\r\n"
    body = b"b" * (HEAD_BYTES_MAX + 1)
    head = b"POST /two HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % len(body)
    got = await exchange(
        port, b"GET /one HTTP/1.1\r\nhost: h\r\n" + long + b"\r\n", head, body, head + body
    )
    assert got.count(b"HTTP/1.1 200") == 3
    assert b"/one 30011 0" in got
    assert got.count(b"/two") == 2


@pytest.mark.parametrize(
    "endless", [b"a" * 4096, b"x-a: b\r\n" * 512], ids=["one header", "many headers"]
)
async def test_a_head_without_end_is_refused(port: int, endless: bytes) -> None:
    """With 400, and the connection is closed; so is a second one on the same connection."""
    begin = b"GET / HTTP/1.1\r\nhost: h\r\nx-long: "
    got = await exchange(port, begin, *[endless] * 40)
    assert got.startswith(b"HTTP/1.1 400")
    whole = b"GET /one HTTP/1.1\r\nhost: h\r\n\r\n"
    got = await exchange(port, whole, begin, *[endless] * 40)
    assert got.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 400" in got


async def test_what_is_not_http_is_refused(port: int) -> None:
    """With 400."""
    assert (await exchange(port, b"\x16\x03\x01\x02\x00\r\n\r\n")).startswith(b"HTTP/1.1 400")
