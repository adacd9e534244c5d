"""The live stream: records to many viewers at once, each of whom can come back where it was."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.common.codec import encode_plain
from services.common.problem import ProblemError
from services.web.records import LogRecord

DEFAULT_KINDS = frozenset({"events", "rejections", "dead-letters"})
HEARTBEAT = b": alive\n\n"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Published:
    """A record as it went out; the id names its place in the ring."""

    id: str
    record: LogRecord
    order_id: str | None
    restaurant_id: str | None


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
        yield b"retry: 1000\n\n"
        if missed is None:
            yield sse({"reason": "too old"}, "reset")
        for published in filter(wanted.takes, missed or ()):
            yield _told(published)
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
                yield _told(told) if told else sse({"reason": "caught up"}, "reset")
    finally:
        hub.leave(viewer)


def _told(published: Published) -> bytes:
    view = {**published.record.view(), "order_id": published.order_id}
    return sse(view, event_id=published.id)
