"""The live stream: records to many viewers at once, each of whom can come back where it was."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from services.common.codec import encode_plain
from services.common.problem import ProblemError
from services.common.telemetry import log
from services.web.records import LogRecord

DEFAULT_KINDS = frozenset({"events", "rejections", "dead-letters"})
HEARTBEAT = b": alive\n\n"
RETRY = b"retry: 1000\n"
# Names no place of the ring: who comes back with it is told to read anew.
NO_PLACE = "0-0"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class LiveResponse(StreamingResponse):
    """A stream to one viewer, which ends where the viewer takes nothing for too long.

    What a viewer has not taken lies in its connection, which has room for little, and in its queue,
    which has a limit; but one that never reads would keep the place of another for ever.
    """

    def __init__(self, body: AsyncGenerator[bytes, None], send_seconds_max: float) -> None:
        super().__init__(body, media_type="text/event-stream", headers=HEADERS)
        self._body = body
        self._send_seconds_max = send_seconds_max

    async def stream_response(self, send: Send) -> None:
        """Sends the parts as they come."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._send_seconds_max):
                await send(message)

        async with contextlib.aclosing(self._body):
            try:
                await super().stream_response(send_in_time)
            except TimeoutError:
                # The server closes what was begun and is not ended.
                log.info("a viewer took nothing for %s s; cut off", self._send_seconds_max)


@dataclass(slots=True)
class Published:
    """A record as it went out; the id names its place in the ring."""

    id: str
    record: LogRecord
    order_id: str | None
    restaurant_id: str | None
    _event: bytes | None = field(default=None, repr=False)

    def event(self) -> bytes:
        """The server-sent event, which is written once for all viewers."""
        if self._event is None:
            view = {**self.record.view(), "order_id": self.order_id}
            self._event = sse(view, event_id=self.id)
        return self._event


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records a viewer wants; None is all."""

    kinds: frozenset[str] = DEFAULT_KINDS
    owner: str | None = None
    order_id: str | None = None
    restaurant_id: str | None = None
    driver_id: str | None = None

    def takes(self, published: Published) -> bool:
        """Whether the record is one of them."""
        record = published.record
        if record.topic_kind not in self.kinds or self.owner not in (None, record.owner):
            return False
        driver_id = record.named("driver_id")
        return (
            self.order_id in (None, published.order_id)
            and self.restaurant_id in (None, published.restaurant_id)
            and self.driver_id in (None, driver_id)
        )


@dataclass(slots=True, eq=False)
class Viewer:
    """One who looks on. `is_lost` once it was too slow; nothing is put into its queue then.

    queue: None stands for all that it has seen, which is to be read anew.
    """

    wants: Callable[[Published], bool]
    queue: asyncio.Queue[Published | None]
    is_lost: bool = field(default=False)

    def put(self, published: Published) -> None:
        """Gives it the record, where it wants it and has room for it."""
        if self.wants(published):
            self._put(published)

    def renew(self) -> None:
        """Tells it to read all anew."""
        self._put(None)

    def _put(self, told: Published | None) -> None:
        if self.is_lost:
            return
        try:
            self.queue.put_nowait(told)
        except asyncio.QueueFull:
            self.is_lost = True

    def rest(self) -> list[Published | None]:
        """What waits in its queue, which is empty then."""
        return [self.queue.get_nowait() for _ in range(self.queue.qsize())]


class Hub:
    """Where records go out to viewers; the newest ones are kept in a ring for those who return."""

    def __init__(self, ring_max: int, viewers_max: int, viewer_records_max: int) -> None:
        self._ring: deque[Published] = deque(maxlen=ring_max)
        self._viewers: set[Viewer] = set()
        self._viewers_max = viewers_max
        self._viewer_records_max = viewer_records_max
        self._count = 0

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._viewers)

    def publish(
        self, record: LogRecord, at: datetime, order_id: str | None, restaurant_id: str | None
    ) -> None:
        """Gives the record to all who want it; `at` is now."""
        self._count += 1
        place = f"{int(at.timestamp() * 1000)}-{self._count}"
        published = Published(place, record, order_id, restaurant_id)
        self._ring.append(published)
        for viewer in self._viewers:
            viewer.put(published)

    @property
    def place(self) -> str:
        """The id of what went out last; who comes back with it has missed only what came since."""
        return self._ring[-1].id if self._ring else NO_PLACE

    def renew(self) -> None:
        """Tells all to read anew: what they were shown was not all that is known now."""
        for viewer in self._viewers:
            viewer.renew()

    def since(self, last_id: str) -> list[Published] | None:
        """What went out after the one of that id; None where the ring does not hold it any more."""
        for place, published in enumerate(self._ring):
            if published.id == last_id:
                return list(self._ring)[place + 1 :]
        return None

    def check_room(self) -> None:
        """Raises ProblemError, 503, where there are too many viewers."""
        if len(self._viewers) >= self._viewers_max:
            raise ProblemError(503, f"{self._viewers_max} viewers look on; no more are taken")

    def enter(self, wants: Callable[[Published], bool]) -> Viewer:
        """One more viewer, from now on."""
        viewer = Viewer(wants, asyncio.Queue(self._viewer_records_max))
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """The viewer looks on no more."""
        self._viewers.discard(viewer)


def sse(data: Any, event: str | None = None, event_id: str | None = None) -> bytes:
    """One server-sent event (HTML Living Standard, section 9.2)."""
    head = "" if event_id is None else f"id: {event_id}\n"
    head += "" if event is None else f"event: {event}\n"
    return f"{head}data: ".encode() + encode_plain(data) + b"\n\n"


async def records(
    hub: Hub, wanted: Wanted, last_id: str | None, heartbeat_seconds: float
) -> AsyncGenerator[bytes, None]:
    """The stream of one viewer: what it has missed, then what comes.

    The event "reset" says that something was missed for good, and the page is to read all anew.
    """
    viewer = hub.enter(wanted.takes)
    try:
        missed = hub.since(last_id) if last_id else []
        # Also who has been sent no record yet has a place to come back to.
        place = last_id if missed else hub.place
        yield RETRY + f"id: {place}\n\n".encode()
        if missed is None:
            yield sse({"reason": "too old"}, "reset")
        for published in filter(wanted.takes, missed or ()):
            yield published.event()
        while True:
            if viewer.is_lost and viewer.queue.empty():
                yield sse({"reason": "too slow"}, "reset")
                return
            try:
                async with asyncio.timeout(heartbeat_seconds):
                    told = await viewer.queue.get()
            except TimeoutError:
                yield HEARTBEAT
            else:
                # All that has gathered at once: sending costs more than what is sent.
                yield b"".join(map(_event, [told, *viewer.rest()]))
    finally:
        hub.leave(viewer)


def _event(told: Published | None) -> bytes:
    return told.event() if told else sse({"reason": "caught up"}, "reset")
