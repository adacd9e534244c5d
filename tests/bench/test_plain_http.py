"""The small HTTP of the benchmarks agrees with real clients and servers, however bytes arrive."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from infra.bench.plain_http import Answer, Client, HttpFormError, header, request, serve
from infra.ports import HOST, free_ports

Serving = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def echo(method: bytes, path: bytes, head: bytes, body: bytes) -> tuple[int, bytes]:
    """Says what was asked."""
    return 201, b"|".join((method, path, header(head, b"idempotency-key:"), body))


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[int]:
    """A server's port while it answers."""
    port = free_ports(1)[0]
    async with await serve(HOST, port, answer):
        yield port


@asynccontextmanager
async def raw(serving: Serving) -> AsyncIterator[int]:
    """The port of a server that writes what it likes."""
    port = free_ports(1)[0]
    async with await asyncio.start_server(serving, HOST, port):
        yield port


async def test_a_real_client_is_answered() -> None:
    """httpx is what the services call with."""
    async with served(echo) as port, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://{HOST}:{port}/charges?a=b"
        for content in ("", "x" * 100_000):
            answer = await client.post(url, content=content, headers={"Idempotency-Key": "k-1"})
            assert (answer.status_code, answer.text) == (201, f"POST|/charges?a=b|k-1|{content}")


async def test_requests_are_answered_whole_and_in_order_however_they_are_cut() -> None:
    """Two requests in one packet, and one in many."""
    async with served(echo) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        two = request("POST", "/one", b'{"a":1}') + request("GET", "/two")
        for cut in (two, *(two[number : number + 1] for number in range(len(two)))):
            writer.write(cut)
            await writer.drain()
        told = b""
        while told.count(b"HTTP/1.1 201") < 4 or not told.endswith(b"GET|/two||"):
            told += await asyncio.wait_for(reader.read(10_000), 5)
        writer.close()
        assert [part.rpartition(b"\r\n\r\n")[2] for part in told.split(b"HTTP/1.1 ")[1:]] == [
            b'POST|/one||{"a":1}',
            b"GET|/two||",
        ] * 2


async def test_connections_are_kept_and_requests_wait_for_one() -> None:
    """More requests than connections are all answered."""
    async with served(echo) as port:
        client = Client(HOST, port, 2)
        answers = await asyncio.gather(
            *(client.ask(request("POST", f"/{number}", b"{}")) for number in range(20))
        )
        client.close()
    assert answers == [(201, b"POST|/%d||{}" % number) for number in range(20)]


async def test_a_connection_that_the_server_has_closed_is_replaced() -> None:
    """Servers close what was quiet for long, or say that they will."""
    connections = 0

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        closes = b"connection: close\r\n" if connections == 2 else b""
        writer.write(b"HTTP/1.1 200 OK\r\n" + closes + b"Content-Length: 2\r\n\r\nok")
        writer.close()

    async with raw(answer_once) as port:
        client = Client(HOST, port, 1)
        for _ in range(4):
            assert await client.ask(request("GET", "/")) == (200, b"ok")
        client.close()
    assert connections == 4


async def test_who_never_answers_is_an_error() -> None:
    """A server that closes every connection is asked a few times, not for ever."""
    connections = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with raw(hang_up) as port:
        with pytest.raises(ConnectionError):
            await Client(HOST, port, 1).ask(request("GET", "/"))
    assert 1 < connections < 10


async def test_an_answer_of_another_form_is_an_error_and_not_a_hang() -> None:
    """Chunks are not understood here."""

    async def chunked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    async with raw(chunked) as port, asyncio.timeout(5):
        with pytest.raises(HttpFormError):
            await Client(HOST, port, 1).ask(request("GET", "/"))
