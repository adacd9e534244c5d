"""Fronts and a log that need no network, with rows as the services' own views make them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from infra import tiffin
from infra.look.errors import LookError
from infra.look.fronts import Fronts
from infra.look.kinds import KINDS
from infra.look.log import Log, OpenLog
from infra.look.outcome import Sources
from services.common import ids
from services.common.codec import encode_event, encode_plain
from services.common.decider import Envelope, Row
from services.common.log import Record
from services.common.messages.driver import DriverStatus
from services.common.messages.order import OrderAdmitted, OrderDelivered
from services.common.settings import CommonSettings
from services.common.values import GeoPoint, Item
from services.common.values import Restaurant as Place
from services.delivery.api import delivery_view
from services.delivery.domain import Delivery, DeliveryStatus
from services.driver.domain import Driver
from services.driver.views import driver_view
from services.matcher.api import region_summary, region_view
from services.matcher.domain import Region
from services.order.domain import Order, OrderStatus
from services.order.restaurant.api import restaurant_view
from services.order.restaurant.state import Restaurant
from services.order.views import new_view, order_view
from tests.common.memory_log import EPOCH_MS, LogRecord

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(minutes=3)
CENTRE = GeoPoint(37.3305, -121.8905)
URLS = {name: f"http://{name}" for name in ("order", "delivery", "matcher", "driver")}

JsonRow = dict[str, Any]


def as_json(view: Any) -> JsonRow:
    """A view as a client gets it."""
    row: JsonRow = msgspec.json.decode(encode_plain(view))
    return row


def order(
    reference: str, status: OrderStatus = OrderStatus.DELIVERED, minute: int = 0, **changes: Any
) -> JsonRow:
    """An order of acme's as the order service's front shows it."""
    order_id = ids.order_id("acme", reference)
    at = NOON + timedelta(minutes=minute)
    state = Order(
        **{
            "order_id": order_id,
            "status": status,
            "partner": "acme",
            "reference": reference,
            "restaurant": Place("taqueria-1", "san-jose", CENTRE),
            "destination": GeoPoint(37.3412, -121.8743),
            "items": (Item("Taco", 3, 450),),
            "currency": "USD",
            "amount_cents": 1350,
            "payment_token": "tok_secret",
            "delay_seconds": 0,
            "created_at": at,
            "status_since": at,
            **changes,
        }
    )
    return as_json(order_view(order_id, Row(2, at, {}, (), state)))


def new_order(reference: str) -> JsonRow:
    """An order that is acknowledged and not decided yet."""
    return as_json(new_view(ids.order_id("acme", reference)))


def delivery(reference: str) -> JsonRow:
    """The delivery of an order of acme's."""
    order_id = ids.order_id("acme", reference)
    delivery_id = ids.delivery_id(order_id)
    state = Delivery(
        delivery_id=delivery_id,
        order_id=order_id,
        status=DeliveryStatus.PICKED_UP,
        region="san-jose",
        pickup=CENTRE,
        dropoff=CENTRE,
        started_at=NOON,
        status_since=NOON,
        driver_id="driver-1",
        eta_at=NOON,
        code="1234",
        flags=("late",),
    )
    return as_json(delivery_view(delivery_id, Row(2, NOON, {}, (), state)))


def driver(driver_id: str) -> JsonRow:
    """A driver that waits for work."""
    state = Driver(driver_id, DriverStatus.AVAILABLE, "san-jose", CENTRE, NOON, NOON)
    return as_json(driver_view(driver_id, Row(2, NOON, {}, (), state)))


def region(name: str, summary: bool = True) -> JsonRow:
    """A region where nobody waits."""
    row = Row(2, NOON, {}, (), Region(name, NOON))
    return as_json((region_summary if summary else region_view)(name, row))


def restaurant(restaurant_id: str) -> JsonRow:
    """A restaurant that has said nothing of itself."""
    row = Row(2, NOON, {}, (), Restaurant(restaurant_id, NOON))
    return as_json(restaurant_view(restaurant_id, row))


@dataclass(slots=True)
class World:
    """What the fake fronts and the fake log hold, and what was asked of the fronts.

    rows: by path of a list, in the order of the front.
    busy: so many requests are answered 503 first.
    between: is called before every read of the log, and after the last one.
    """

    rows: dict[str, list[JsonRow]] = field(default_factory=dict)
    events: dict[str, list[JsonRow]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    page_rows: int = 2
    busy: int = 0
    asked: list[str] = field(default_factory=list)
    opened: list[tuple[str, ...]] = field(default_factory=list)
    log_error: LookError | None = None
    ongoing: dict[str, list[JsonRow]] | None = field(default_factory=dict)
    ongoing_total: int | None = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer of a front."""
        self.asked.append(str(request.url))
        if self.busy:
            self.busy -= 1
            return httpx.Response(503, json={"detail": "not every partition has a worker"})
        path = request.url.path
        if path == "/ongoing" and self.ongoing is not None:
            return httpx.Response(200, json=self._ongoing(request))
        if path in self.rows:
            return httpx.Response(200, json=self._page(path, request.url.params))
        parent, _, key = path.removesuffix("/events").rpartition("/")
        if path.endswith("/events"):
            return httpx.Response(200, json={"items": self.events.get(key, [])})
        for row in self.rows.get(parent, []):
            if key in (row.get("order_id"), *list(row.values())[:1]):
                return httpx.Response(200, json=row)
        return httpx.Response(404, json={"detail": "there is none"})

    def _ongoing(self, request: httpx.Request) -> JsonRow:
        rows = (self.ongoing or {}).get(_service(request), [])
        key, limit = request.url.params.get("key"), int(request.url.params["limit"])
        items = [row for row in rows if key in (None, row["key"])]
        total = len(items) if self.ongoing_total is None else self.ongoing_total
        total = total if _service(request) == "order" else 0
        return {"items": items[:limit], "total": total, "is_whole": True}

    def _page(self, path: str, params: httpx.QueryParams) -> JsonRow:
        labels = {name: params[name] for name in params if name not in ("limit", "cursor")}
        if labels.pop("flagged", None):
            rows = [row for row in self.rows[path] if row["flags"]]
        else:
            rows = self.rows[path]
        rows = [row for row in rows if all(_label(row, name) == labels[name] for name in labels)]
        start = int(params.get("cursor", 0))
        end = start + min(self.page_rows, int(params["limit"]))
        return {"items": rows[start:end], "cursor": str(end) if end < len(rows) else None}

    @property
    def sources(self) -> Sources:
        """The world for the commands, three minutes after noon."""

        def fronts(urls: Mapping[str, str]) -> Fronts:
            return Fronts(urls, httpx.MockTransport(self.answer), again_seconds=0)

        return Sources(fronts, self._open_log, lambda: NOW)

    @property
    def _open_log(self) -> OpenLog:
        @contextlib.asynccontextmanager
        async def opened(
            settings: CommonSettings,
            topics: Sequence[str],
            from_beginning: bool,
            since: datetime | None = None,
        ) -> AsyncIterator[Log]:
            if self.log_error is not None:
                raise self.log_error
            self.opened.append(tuple(topics))
            wanted = [
                record
                for record in self.records
                if record.topic in topics
                and (since is None or record.timestamp >= since.timestamp() * 1000)
            ]
            yield FakeLog(wanted, wanted if from_beginning else [], lambda: self.records, topics)

        return opened


def _service(request: httpx.Request) -> str:
    """Which service is asked; those of `make run` are told apart by port."""
    names = {8001 + number: name for number, name in enumerate(URLS)}
    return names.get(request.url.port or 0, request.url.host)


def _label(row: JsonRow, name: str) -> Any:
    """What a row is listed by under this name."""
    value = row.get(name)
    return value["restaurant_id"] if name == "restaurant" and isinstance(value, dict) else value


class FakeLog:
    """Two records at a time of what it was opened with; then what has come since.

    A log that has nothing new is interrupted, as by Ctrl-C.
    """

    def __init__(
        self,
        known: Sequence[Record],
        unread: Sequence[Record],
        all_records: Callable[[], Sequence[Record]],
        topics: Sequence[str],
    ) -> None:
        self._known = len(known)
        self._unread = list(unread)
        self._all_records = all_records
        self._topics = topics

    @property
    def is_at_end(self) -> bool:
        """True once all is read that the log was opened with."""
        return not self._unread

    async def more(self) -> Sequence[Record]:
        """The next records."""
        if self._unread:
            read, self._unread = self._unread[:2], self._unread[2:]
            return read
        there = [record for record in self._all_records() if record.topic in self._topics]
        new, self._known = there[self._known :], len(there)
        if not new:
            raise KeyboardInterrupt
        return new


def event(reference: str, second: int, message: Any, partition: int = 0, **changes: Any) -> Record:
    """An event of an order of acme's, so many seconds after the epoch of the log."""
    order_id = ids.order_id("acme", reference)
    at = datetime.fromtimestamp(EPOCH_MS / 1000 + second, UTC)
    kind = type(message).__name__
    name = ids.derive(order_id, kind)
    envelope = Envelope(name, kind, at, name, order_id, version=second + 1)
    return record("order.events", encode_event(envelope, message), order_id, second, partition)


def record(
    topic: str, value: Any, key: str | None = None, second: int = 0, partition: int = 0
) -> Record:
    """A record: bytes, or what is put into JSON; `second` is its offset and its instant."""
    content = value if isinstance(value, bytes) else msgspec.json.encode(value)
    encoded = None if key is None else key.encode()
    return LogRecord(topic, partition, second, EPOCH_MS + 1000 * second, encoded, content)


def admitted(reference: str, second: int = 0, partition: int = 0) -> Record:
    """The restaurant takes the order."""
    message = OrderAdmitted(ids.order_id("acme", reference), None, 300, 690)
    return event(reference, second, message, partition)


def delivered(reference: str, second: int = 1, partition: int = 0) -> Record:
    """The customer has the order."""
    return event(reference, second, OrderDelivered(ids.order_id("acme", reference)), partition)


def run(world: World, *words: str) -> int:
    """Runs a command line in the world, and returns its exit code."""
    return tiffin.main(words, world.sources)


def full_world() -> World:
    """Three orders, newest first, and one of all else."""
    return World(
        rows={
            "/orders": [
                order(
                    "3",
                    OrderStatus.IN_DELIVERY,
                    2,
                    driver_id="driver-1",
                    eta_at=NOW,
                    customer="cust-42",
                ),
                order("2", OrderStatus.CREATED, 1, flags=("payment_late",), customer="cust-42"),
                order("1", OrderStatus.DELIVERED, 0),
            ],
            "/deliveries": [delivery("3")],
            "/drivers": [driver("driver-1"), driver("driver-2")],
            "/regions": [region("san-jose")],
            "/restaurants": [restaurant("taqueria-1")],
        },
        records=[admitted("1"), delivered("1"), admitted("2", 2)],
    )


PATHS = {name: kind.path for name, kind in KINDS.items()}
