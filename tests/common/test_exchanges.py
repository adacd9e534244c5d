"""What is noted of HTTP exchanges, and how it is written down."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import aclosing

import httpx
import pytest

from services.common.exchanges import (
    EXCHANGES_MAX,
    TEXT_CHARS_MAX,
    NotedClient,
    begin_notes,
    written,
)
from services.common.messages.shared import HttpExchange

Handle = Callable[[httpx.Request], httpx.Response]


def client(handle: Handle) -> NotedClient:
    """A client of somebody who answers so."""
    return NotedClient(transport=httpx.MockTransport(handle))


async def exchange(handle: Handle, **content: object) -> HttpExchange:
    """The one exchange that a POST of this content is."""
    notes = begin_notes()
    async with aclosing(client(handle)) as http:
        with contextlib.suppress(httpx.HTTPError):
            await http.post("http://there/charges", json=content)
    (note,) = notes
    return written(note)[0]


async def test_request_and_response_are_written_down() -> None:
    """With the status and how long it took; the token is masked, also where it is repeated."""

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(402, json={"status": "declined", "why": "tok_1 is no card"})

    told = await exchange(handle, payment_token="tok_1", amount_cents=5)
    assert (told.method, told.url, told.status) == ("POST", "http://there/charges", 402)
    assert told.request == '{"payment_token":"hidden","amount_cents":5}'
    assert told.response == '{"status":"declined","why":"hidden is no card"}'
    assert (told.error, told.is_request_cut, told.is_response_cut) == (None, False, False)
    assert 0 <= told.duration_ms < 5_000


async def test_a_long_text_is_cut_and_says_so() -> None:
    """Whatever its characters; a secret that is cut through is masked all the same."""
    token = "tok_" + "x" * 40
    filler = "ü" * (TEXT_CHARS_MAX - 30)

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=f'{filler}{{"payment_token": "{token}"}}{filler}')

    told = await exchange(handle, note=filler, payment_token=token, more=filler)
    assert told.response is not None
    assert told.request is not None
    assert (told.is_request_cut, told.is_response_cut) == (True, True)
    assert len(told.response) == len(told.request) == TEXT_CHARS_MAX
    assert "xxx" not in told.response + told.request


async def test_the_middle_of_a_token_at_the_end_of_what_is_read_is_masked() -> None:
    """No more of a long content is looked at than may be shown; it may end inside a value."""
    token = "tok_" + "x" * 60_000

    told = await exchange(lambda request: httpx.Response(200, content=request.content), code=token)
    assert "xxx" not in (told.response or "") + (told.request or "")


async def test_bytes_that_are_no_text_are_shown_as_far_as_they_are() -> None:
    """They are no reason to fail."""
    told = await exchange(lambda request: httpx.Response(500, content=b"\xff\xfe\x00ok"))
    assert told.response is not None
    assert told.response.endswith("ok")


async def test_what_broke_the_exchange_is_told() -> None:
    """There is no status then."""

    def handle(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("tok_1 took too long", request=request)

    told = await exchange(handle, payment_token="tok_1")
    assert (told.status, told.response) == (None, None)
    assert told.error == "ReadTimeout hidden took too long"


async def test_an_exchange_that_is_given_up_is_told_as_that() -> None:
    """The caller has waited long enough."""
    notes = begin_notes()

    async def handle(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    async with aclosing(NotedClient(transport=httpx.MockTransport(handle))) as http:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(http.get("http://there/"), 0.01)
    told, _ = written(notes[0])
    assert (told.status, told.error) == (None, "no answer while it was waited for")
    assert told.request is None


async def test_the_address_tells_neither_who_asks_nor_a_key() -> None:
    """Credentials may stand in the URL of a setting."""
    notes = begin_notes()

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, text=f"nothing at {request.url}")

    async with aclosing(client(handle)) as http:
        url = "http://user:secret@there/charges"
        await http.get(url, params={"idempotency_key": "k-1", "page": "2"})
    told, _ = written(notes[0])
    assert told.url == "http://there/charges?idempotency_key=hidden&page=2"
    assert told.response is not None
    assert "k-1" not in told.response
    assert "secret" not in told.response


async def test_only_so_many_are_noted_and_none_where_nobody_wants_them() -> None:
    """A list has an end."""
    async with aclosing(client(lambda request: httpx.Response(200))) as http:
        assert (await http.get("http://there/")).status_code == 200
        notes = begin_notes()
        for _ in range(EXCHANGES_MAX + 3):
            assert (await http.get("http://there/")).status_code == 200
    assert len(notes) == EXCHANGES_MAX


async def test_calls_side_by_side_have_notes_of_their_own() -> None:
    """Each task has a context."""
    async with aclosing(client(lambda request: httpx.Response(200))) as http:

        async def call(name: str) -> list[str]:
            notes = begin_notes()
            for _ in range(3):
                await http.get(f"http://{name}/")
                await asyncio.sleep(0)
            return [note.request.url.host for note in notes]

        a, b = await asyncio.gather(call("a"), call("b"))
    assert (a, b) == (["a"] * 3, ["b"] * 3)
