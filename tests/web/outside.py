"""The web front over HTTP, with the services' fronts played by the test."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.web.app import create_app
from services.web.board import LetterTools
from services.web.records import LogRecord
from services.web.settings import Settings
from services.web.stream import Hub
from services.web.tracking import Tracking
from tests.common.memory_log import LogRecord as RawRecord

SETTINGS = Settings(
    order_url="http://order",
    delivery_url="http://delivery",
    matcher_url="http://matcher",
    driver_url="http://driver",
    web_names="web",
    track_secret="a secret of the tests",
    heartbeat_seconds_max=0.05,
)

Answer = Callable[[httpx.Request], httpx.Response]


@dataclass(slots=True)
class Calls:
    """What was asked of the fronts, and what they answer: 404 where the test says nothing."""

    answers: dict[str, Answer | tuple[int, Any]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The answer of a front."""
        self.asked.append(request)
        answer = self.answers.get(f"{request.method} {request.url.host}{request.url.path}")
        if answer is None:
            return httpx.Response(404, json={"detail": "unknown"})
        if isinstance(answer, tuple):
            return httpx.Response(answer[0], json=answer[1])
        return answer(request)

    def body(self) -> Any:
        """What the last call carried."""
        return json.loads(self.asked[-1].content)


@dataclass(slots=True)
class Web:
    """The web front of one test."""

    http: httpx.AsyncClient
    calls: Calls
    take: Callable[[LogRecord], None]
    hub: Hub
    tracking: Tracking


@asynccontextmanager
async def web(
    settings: Settings = SETTINGS, tools: LetterTools | None = None
) -> AsyncIterator[Web]:
    """A web front that reads no log but what the test gives it."""
    calls = Calls()
    app = create_app(settings, tools, httpx.MockTransport(calls), reads_log=False)
    transport = httpx.ASGITransport(app)

    def take(record: LogRecord) -> None:
        at_ms = int(record.at.timestamp() * 1000)
        place = (record.topic, record.partition, record.offset)
        app.state.feed.take(RawRecord(*place, at_ms, record.key.encode(), record.value))

    async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
        yield Web(client, calls, take, app.state.hub, app.state.tracking)
