"""A body that is not taken is answered all the same, on a real connection."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from infra.ports import HOST
from services.common.limited_body import BODY_BYTES_MAX, DROPPED_BYTES_MAX, LimitedBody

PART = b"x" * 100_000


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Of a server that tells how long a body is, where it takes it."""

    async def measure(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    app = Starlette(routes=[Route("/", measure, methods=["POST"])])
    app.add_middleware(LimitedBody)
    listening = socket.socket()
    listening.bind((HOST, 0))
    server = uvicorn.Server(uvicorn.Config(app, http="h11", log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    await serving


def ask(port: int, headers: str, body_bytes: int) -> bytes:
    """What a client is answered that sends all of its request before it reads."""
    with socket.create_connection((HOST, port), timeout=20) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nhost: there\r\n{headers}\r\n\r\n".encode())
        for sent in range(0, body_bytes, len(PART)):
            connection.sendall(PART[: body_bytes - sent])
        return connection.recv(65_536)


@pytest.mark.parametrize("body_bytes", [BODY_BYTES_MAX + 1, 2_000_000, DROPPED_BYTES_MAX])
async def test_who_sends_too_much_is_told_so(port: int, body_bytes: int) -> None:
    """However busily it sends: the answer is not lost with the connection."""
    for _ in range(5):
        answer = await asyncio.to_thread(ask, port, f"content-length: {body_bytes}", body_bytes)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer.lower()


async def test_who_asks_whether_to_send_is_told_not_to(port: int) -> None:
    """At once, by RFC 9110, section 10.1.1: nothing of the body is waited for."""
    asked = "content-length: 2000000\r\nexpect: 100-continue"
    answer = await asyncio.wait_for(asyncio.to_thread(ask, port, asked, 0), 10)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_who_sends_without_end_is_cut_off(port: int) -> None:
    """No more than a bound is read of what is not taken."""

    def flood() -> int:
        sent = 0
        with socket.create_connection((HOST, port), timeout=20) as connection:
            connection.sendall(
                b"POST / HTTP/1.1\r\nhost: there\r\ncontent-length: 9000000000\r\n\r\n"
            )
            try:
                while sent < 20 * DROPPED_BYTES_MAX:
                    connection.sendall(PART)
                    sent += len(PART)
            except OSError:
                pass  # as it should be
        return sent

    assert DROPPED_BYTES_MAX <= await asyncio.to_thread(flood) < 20 * DROPPED_BYTES_MAX


async def test_what_is_taken_is_whole(port: int) -> None:
    """Up to the bound."""
    for body_bytes in (0, 1, BODY_BYTES_MAX):
        answer = await asyncio.to_thread(ask, port, f"content-length: {body_bytes}", body_bytes)
        assert answer.startswith(b"HTTP/1.1 200 ")
