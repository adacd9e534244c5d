"""HTTP exchanges with the outside world, noted as they are made, and written down afterwards.

Whoever makes a call begins a list of notes in its own context; a NotedClient adds what it sends and
what comes back. Nothing is decoded, masked or cut before somebody asks, so that a call pays next to
nothing for being noted.
"""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from services.common import clock
from services.common.masking import MASK, SECRET_FIELDS, masked_text, secrets_in
from services.common.messages.shared import HttpExchange

# Of one attempt of a call; it makes two at most.
EXCHANGES_MAX = 8
# What is kept of a request or a response; four bytes are the longest character.
TEXT_CHARS_MAX = 4_000
BYTES_PER_CHAR_MAX = 4
IDEMPOTENCY_KEY = "idempotency-key"


@dataclass(slots=True)
class Note:
    """A request, and the response or what went wrong, as the client had them in its hands.

    error: in one line, with all that is not to be shown.
    """

    request: httpx.Request
    response: httpx.Response | None = None
    error: str | None = None
    began_at: datetime = field(default_factory=lambda: clock.now())
    began: float = field(default_factory=lambda: clock.monotonic())
    ended: float | None = None


_notes: ContextVar[list[Note] | None] = ContextVar("notes", default=None)


def begin_notes() -> list[Note]:
    """The list that this context's exchanges are noted in from now on."""
    notes: list[Note] = []
    _notes.set(notes)
    return notes


class NotedClient:
    """A client whose exchanges are noted where its caller has begun to.

    It sends what it is told, once: of httpx's own client it has no cookies, redirects or defaults,
    which cost more than all else of a request. Credentials in a URL are the transport's business.

    Args:
        transport: is closed with the client.
        timeout_seconds: for a connection, and for each part of an answer.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout_seconds: float = 5.0) -> None:
        self._transport = transport
        self._extensions = {"timeout": httpx.Timeout(timeout_seconds).as_dict()}

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._transport.aclose()

    async def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to a GET.

        Raises:
            httpx.TransportError: there is none.
        """
        return await self._send(
            httpx.Request("GET", url, params=params, headers=headers, extensions=self._extensions)
        )

    async def post(
        self, url: str, json: Any, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer to a POST of a JSON document.

        Raises:
            httpx.TransportError: there is none.
        """
        return await self._send(
            httpx.Request("POST", url, json=json, headers=headers, extensions=self._extensions)
        )

    async def _send(self, request: httpx.Request) -> httpx.Response:
        notes = _notes.get()
        if notes is None or len(notes) >= EXCHANGES_MAX:
            return await self._answer(request)
        note = Note(request)
        notes.append(note)
        try:
            note.response = await self._answer(request)
            return note.response
        except BaseException as error:
            note.error = _in_one_line(error)
            raise
        finally:
            note.ended = clock.monotonic()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        response.request = request
        await response.aread()
        return response


def written(note: Note) -> tuple[HttpExchange, list[str]]:
    """The exchange as it may be shown, and the secrets that it carried."""
    request, response = note.request, note.response
    sent, is_all_sent = _start_of(_content(request))
    secrets = _secrets(request)
    got, is_all_got = (None, True) if response is None else _start_of(_content(response))
    request_text, is_request_cut = _shown(sent, is_all_sent, secrets)
    response_text, is_response_cut = _shown(got, is_all_got, secrets)
    ended = clock.monotonic() if note.ended is None else note.ended
    exchange = HttpExchange(
        began_at=note.began_at,
        duration_ms=round(1000 * (ended - note.began)),
        method=request.method,
        url=masked_text(_shown_url(request.url), secrets),
        request=request_text,
        is_request_cut=is_request_cut,
        status=None if response is None else response.status_code,
        response=response_text,
        is_response_cut=is_response_cut,
        error=None if note.error is None else cut(masked_text(note.error, secrets))[0],
    )
    return exchange, secrets


def cut(text: str) -> tuple[str, bool]:
    """The text up to TEXT_CHARS_MAX, and whether there was more."""
    return text[:TEXT_CHARS_MAX], len(text) > TEXT_CHARS_MAX


def _in_one_line(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "no answer while it was waited for"
    return f"{type(error).__name__} {error}".rstrip()


def _secrets(request: httpx.Request) -> list[str]:
    """What the request carries that its response, too, must not tell."""
    params = request.url.params if request.url.query else {}
    named = [params[name] for name in params if name in SECRET_FIELDS]
    carried = [request.headers.get(IDEMPOTENCY_KEY), request.url.password, *named]
    return [*secrets_in(_decoded(_content(request))), *(each for each in carried if each)]


def _content(message: httpx.Request | httpx.Response) -> bytes:
    try:
        return message.content
    except (httpx.RequestNotRead, httpx.ResponseNotRead):
        return b""  # a stream that nobody has read


def _start_of(content: bytes) -> tuple[str | None, bool]:
    """The beginning of a content as text, None for none, and whether it is all of it."""
    if not content:
        return None, True
    bytes_max = TEXT_CHARS_MAX * BYTES_PER_CHAR_MAX
    return _decoded(content[:bytes_max]), len(content) <= bytes_max


def _decoded(content: bytes) -> str:
    return content.decode(errors="replace")


def _shown(text: str | None, is_all: bool, secrets: list[str]) -> tuple[str | None, bool]:
    if text is None:
        return None, False
    shown, is_cut = cut(masked_text(text, secrets))
    return shown, is_cut or not is_all


def _shown_url(url: httpx.URL) -> str:
    """Without who asks, nor the values of secret parameters."""
    if url.userinfo:
        url = url.copy_with(userinfo=b"")
    if not url.query:
        return str(url)
    for name in SECRET_FIELDS.intersection(url.params.keys()):
        url = url.copy_set_param(name, MASK)
    return str(url)
