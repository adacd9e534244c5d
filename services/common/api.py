"""Parts that every HTTP front is made of: problem details, health, forwarding to the key's owner.

Errors are problem details (RFC 9457). A request for a key goes to the worker that owns the key; a
list is gathered from all workers.
"""

import asyncio
import heapq
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from orjson import JSONEncodeError
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException

from services.common.admission import FloodError
from services.common.codec import encode_plain
from services.common.decider import Row
from services.common.durations import http_seconds
from services.common.front import (
    LIST_LIMIT_MAX,
    OWNER_SECONDS_MAX,
    BadCursorError,
    Front,
    UnavailableError,
    encode_cursor,
)
from services.common.http_transport import HttpTransport
from services.common.limited_body import LimitedBody
from services.common.open_requests import OpenRequests, RequestLimits
from services.common.problem import ProblemError, problem_response
from services.common.telemetry import TRACEPARENT, Headers
from services.common.timed_requests import TimedRequests

FORWARDED = "x-tiffin-forwarded"


class Ports(Protocol):
    """What a front needs of its worker."""

    @property
    def front(self) -> Front[Any]:
        """Commands in, answers out; UnavailableError until the worker is connected."""
        ...

    @property
    def peers(self) -> "Peers":
        """The other workers of the service."""
        ...

    @property
    def request_limits(self) -> RequestLimits:
        """The bounds of what the front has open at a time."""
        ...

    def live(self) -> Mapping[str, Any]:
        """Facts for a person; has `live`, a bool."""
        ...

    def ready(self) -> Mapping[str, Any]:
        """Facts for a person; has `ready`, a bool."""
        ...

    def metrics(self) -> bytes:
        """All that the worker tells, in Prometheus' text format."""
        ...


def json_response(
    content: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer of dataclasses, dictionaries, lists and instants."""
    return Response(encode_plain(content), status, headers, "application/json")


def incoming_trace(request: Request) -> Headers:
    """The trace context that the client sent, as record headers."""
    sent = request.headers.get(TRACEPARENT)
    return [] if sent is None else [(TRACEPARENT, sent.encode("ascii", "replace"))]


def refuse_now(ports: Ports, command: Any, command_id: str) -> None:
    """Answers at once what would be refused, as far as the table tells; the log decides.

    Raises:
        ProblemError: 409, with the reason.
        UnavailableError: this worker does not own the key any more.
    """
    refusal = ports.front.refusal(command, command_id)
    if refusal is not None:
        raise ProblemError(409, f"{refusal.reason}: {refusal.detail}")


class Peers:
    """The other workers of the service, over HTTP."""

    def __init__(self, front: Callable[[], Front[Any]], seconds_max: float) -> None:
        self._front = front
        self._client = httpx.AsyncClient(transport=HttpTransport(), timeout=seconds_max)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def owner_answers(
        self, request: Request, key: str, wait_seconds_max: float = OWNER_SECONDS_MAX
    ) -> Response | None:
        """The answer of the worker that owns the key, or None when this worker is to answer.

        Raises:
            UnavailableError: no worker that owns the key is ready.
        """
        owner = await self._front().elsewhere(key, wait_seconds_max)
        if owner is None:
            return None
        if FORWARDED in request.headers:
            raise UnavailableError("the key is on its way to another worker")
        answer = await self._call(
            request.method, owner + _path(request), request, await request.body()
        )
        kept = ("content-type", "location", "retry-after")
        headers = {name: answer.headers[name] for name in kept if name in answer.headers}
        return Response(answer.content, answer.status_code, headers)

    async def gather(
        self, request: Request, path: str, wait_seconds_max: float | None = None
    ) -> list[list[dict[str, Any]]]:
        """A list request answered by each other worker from its own rows.

        Raises:
            UnavailableError: a worker did not answer, so the list would not be whole.
        """
        if FORWARDED in request.headers:
            return []
        others = await self._front().others(wait_seconds_max)
        answers = await asyncio.gather(
            *(self._call("GET", url + path, request, b"") for url in others)
        )
        for answer in answers:
            if answer.status_code != 200:
                raise UnavailableError(f"{answer.url} answered {answer.status_code}")
        return [msgspec.json.decode(answer.content)["rows"] for answer in answers]

    async def _call(self, method: str, url: str, request: Request, body: bytes) -> httpx.Response:
        headers = {FORWARDED: self._front().url, "content-type": "application/json"}
        for name in ("idempotency-key", TRACEPARENT):
            if name in request.headers:
                headers[name] = request.headers[name]
        if self._client.is_closed:
            raise UnavailableError("the worker stops")
        try:
            return await self._client.request(method, url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise UnavailableError(f"{url} does not answer: {error!r}") from error


async def list_rows(
    request: Request,
    ports: Ports,
    labels: Mapping[str, str | None],
    limit: int,
    cursor: str | None,
    view: Callable[[str, Row[Any]], Any],
) -> Response:
    """One page of rows with these labels from all workers, newest first.

    Raises:
        ProblemError: limit or cursor is not usable.
        UnavailableError: a worker did not answer.
    """
    if not 1 <= limit <= LIST_LIMIT_MAX:
        raise ProblemError(422, f"limit is from 1 to {LIST_LIMIT_MAX}, not {limit}")
    front = ports.front
    wanted = {name: value for name, value in labels.items() if value is not None}
    try:
        own = [
            {"sort": each.sort, "key": each.key, "view": view(each.key, each.row)}
            for each in front.listed(wanted, limit, cursor)
        ]
    except BadCursorError as error:
        raise ProblemError(422, str(error)) from error
    if FORWARDED in request.headers:
        if not front.is_ready:
            raise UnavailableError("the table is not folded yet")
        return json_response({"rows": own})
    parts = await ports.peers.gather(request, _path(request))
    merged = list(heapq.merge(own, *parts, key=lambda row: (row["sort"], row["key"])))
    page = merged[:limit]
    following = (
        encode_cursor(page[-1]["sort"], page[-1]["key"]) if len(page) == limit and page else None
    )
    return json_response({"items": [row["view"] for row in page], "cursor": following})


def create_base_api(title: str, description: str, ports: Ports) -> FastAPI:
    """A front with health, docs and problem details, to add a service's own routes to."""

    # Spans and metrics are our own; FastAPI's would be looked for at each request.
    nothing = TelemetryConfig(tracing=False, metrics=False, logs=False)
    api = FastAPI(title=title, description=description, version="0.1.0", telemetry=nothing)

    api.add_middleware(LimitedBody)
    api.add_middleware(OpenRequests, limits=ports.request_limits)
    api.state.http_seconds = http_seconds()
    api.add_middleware(TimedRequests, seconds=api.state.http_seconds)

    @api.exception_handler(ProblemError)
    async def on_problem(_: Request, error: ProblemError) -> Response:
        return problem_response(error.status, error.detail, error.errors)

    @api.exception_handler(FloodError)
    async def on_flood(_: Request, error: FloodError) -> Response:
        again = {"Retry-After": str(error.retry_after_seconds)}
        return problem_response(429, str(error), headers=again)

    @api.exception_handler(UnavailableError)
    async def on_unavailable(_: Request, error: UnavailableError) -> Response:
        return problem_response(503, str(error))

    @api.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> Response:
        return problem_response(error.status_code, str(error.detail), headers=error.headers)

    @api.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> Response:
        errors = [
            {
                "at": "/".join(str(part) for part in each["loc"]),
                "problem": each["msg"].removeprefix("Value error, "),
            }
            for each in error.errors()
        ]
        first = errors[0]
        return problem_response(422, f"{first['at']}: {first['problem']}", errors)

    @api.exception_handler(UnicodeEncodeError)
    @api.exception_handler(JSONEncodeError)
    async def on_no_text(_: Request, error: ValueError | TypeError) -> Response:
        if "surrogates" not in str(error):
            raise error
        return problem_response(422, "body: a text has half a surrogate pair: that is no character")

    @api.exception_handler(Exception)
    async def on_failure(_: Request, error: Exception) -> Response:
        return problem_response(500, f"the service failed: {type(error).__name__}")

    @api.get("/health/live", tags=["health"])
    async def live() -> Response:
        """Whether the worker makes progress; 503 when it should be restarted."""
        facts = ports.live()
        return json_response(facts, 200 if facts["live"] else 503)

    @api.get("/health/ready", tags=["health"])
    async def ready() -> Response:
        """Whether the worker has its partitions and their tables are folded; 503 until then."""
        facts = ports.ready()
        return json_response(facts, 200 if facts["ready"] else 503)

    @api.get("/metrics", tags=["health"])
    async def metrics() -> Response:
        """What this worker counts, times, holds and waits for, for Prometheus."""
        return Response(ports.metrics(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return api


def _path(request: Request) -> str:
    return quote(request.scope["path"]) + (f"?{request.url.query}" if request.url.query else "")
