"""HTTP of the services over aiohttp: whatever goes wrong has one of httpx's names."""

import asyncio
import contextlib
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import aiohttp
import httpx
import pytest

from infra.ports import HOST, free_ports
from services.common import http_transport
from services.common.exchanges import NotedClient
from services.common.http_transport import HttpTransport

WHOLE = b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"is": "well"}'


@asynccontextmanager
async def server(
    *answers: bytes | None, is_held: bool = False
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers each request with the next of these bytes, None closes; what it was asked."""
    asked: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError), contextlib.closing(writer):
            while left:
                head = await reader.readuntil(b"\r\n\r\n")
                (length,) = re.findall(rb"content-length: (\d+)", head.lower()) or [b"0"]
                asked.append(head + await reader.readexactly(int(length)))
                if (answer := left.pop(0)) is None:
                    return
                writer.write(answer)
                await writer.drain()
            if is_held:
                await reader.read()

    made = await asyncio.start_server(serve, HOST, 0)
    async with made:
        yield f"http://{HOST}:{made.sockets[0].getsockname()[1]}", asked


def client(seconds_max: float = 5.0) -> httpx.AsyncClient:
    """As the services make theirs."""
    return httpx.AsyncClient(transport=HttpTransport(), timeout=seconds_max)


async def test_a_request_is_sent_as_it_is_and_its_answer_is_whole() -> None:
    """One after the other on one connection."""
    async with server(WHOLE, WHOLE) as (url, asked), client() as http:
        for number in (1, 2):
            answer = await http.post(
                f"{url}/charges?a=b%20c", json={"n": number}, headers={"Idempotency-Key": "k"}
            )
            assert (answer.status_code, answer.json()) == (200, {"is": "well"})
    for number, request in enumerate(asked, 1):
        assert request.startswith(b"POST /charges?a=b%20c HTTP/1.1\r\n")
        assert b"idempotency-key: k\r\n" in request.lower()
        assert request.endswith(b'{"n":%d}' % number)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, httpx.RemoteProtocolError),
        (b"what do you want?\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf of it", httpx.ReadError),
    ],
)
async def test_no_answer_and_half_of_one_are_errors_of_transport(
    answer: bytes | None, error: type[httpx.TransportError]
) -> None:
    """The caller knows one family of errors."""
    async with server(answer) as (url, _), client() as http:
        with pytest.raises(httpx.TransportError) as caught:
            await http.post(url, json={})
    assert type(caught.value) is error
    assert str(caught.value)


async def test_who_is_not_there_or_says_nothing_is_an_error_of_transport() -> None:
    """Refused at once, or after the client's own time."""
    async with client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://{HOST}:{free_ports(1)[0]}/")
    silent = (b"", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf of it")
    for begin in silent:
        async with server(begin, is_held=True) as (url, _), client(0.05) as http:
            with pytest.raises(httpx.ReadTimeout):
                await http.get(url)


@pytest.mark.parametrize("is_cancelled", [True, False], ids=["cancelled", "late"])
async def test_who_gives_up_in_the_middle_of_an_answer_holds_no_connection(
    is_cancelled: bool,
) -> None:
    """A point of sale that stops in the middle would take one after the other, for good."""
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf of it"
    async with (
        server(half, is_held=True) as (url, _),
        client(5.0 if is_cancelled else 0.05) as http,
    ):
        with pytest.raises((TimeoutError, httpx.ReadTimeout)):
            async with asyncio.timeout(0.1 if is_cancelled else 5.0):
                await http.post(url, json={})
        transport = http._transport
        assert isinstance(transport, HttpTransport)
        session = transport.client
        assert isinstance(session, aiohttp.ClientSession)
        assert session.connector is not None
        assert not session.connector._acquired


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n" + b"a" * 65, "more than 64"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nzzzz",
            "not asked for",
        ),
    ],
)
async def test_an_answer_that_may_fill_the_memory_is_not_taken(
    answer: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long ones, and packed ones, which tell their length too late."""
    monkeypatch.setattr(http_transport, "ANSWER_BYTES_MAX", 64)
    async with server(answer) as (url, asked), client() as http:
        with pytest.raises(httpx.TransportError, match=reason):
            await http.get(url)
    assert b"accept-encoding: identity\r\n" in asked[0].lower()


async def test_an_error_does_not_name_what_was_asked() -> None:
    """An idempotency key is a secret, and errors are logged."""
    async with server(b"what?\r\n\r\n") as (url, _), client() as http:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await http.get(f"{url}/charges?idempotency_key=secret")
    assert "secret" not in str(caught.value)


async def test_a_closed_client_sends_nothing() -> None:
    """And closes its connections."""
    async with server(WHOLE, WHOLE) as (url, asked):
        http = client()
        await http.get(url)
        await http.aclose()
        with pytest.raises(RuntimeError):
            await http.get(url)
    assert len(asked) == 1


async def test_credentials_in_a_url_are_sent_as_basic_authentication() -> None:
    """A setting may have them; they are no part of what is asked for (RFC 7617)."""
    async with server(WHOLE) as (url, asked), aclosing(NotedClient(HttpTransport())) as http:
        there = url.replace("//", "//partner:s%3Acret@")
        answer = await http.post(f"{there}/charges", json={}, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 200
    (request,) = asked
    assert request.startswith(b"POST /charges HTTP/1.1\r\n")
    assert b"authorization: basic " + b64encode(b"partner:s:cret").lower() in request.lower()
