"""What operators see: counts, ages, lag, the map, search, stories, refusals, letters."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.common import clock
from services.common.problem import ProblemError
from services.web.fronts import Fronts, json_response
from services.web.log_feed import LogFeed
from services.web.records import KINDS, LogRecord, shown
from services.web.road import ENDED
from services.web.settings import Settings
from services.web.stream import DEFAULT_KINDS, Hub, LiveResponse, Wanted, records
from services.web.tracking import token_of
from services.web.views import FINAL, OrderView
from services.web.world import World, percentile_50

FOUND_MAX = 50
NOTE_CHARS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class LetterTools:
    """What can be done with a dead letter, by service and id; ProblemError where it can't be done.

    replay: puts the record back where it came from, and returns what was appended.
    discard: has it count as seen to; takes a note that says why.
    """

    replay: Callable[[str, str], Awaitable[list[str]]]
    discard: Callable[[str, str, str], Awaitable[None]]


class Note(BaseModel):
    """Why a letter is discarded."""

    note: str = Field(min_length=1, max_length=NOTE_CHARS_MAX)


class Board:
    """Figures from what was folded, and from what the services say of themselves."""

    def __init__(self, settings: Settings, world: World, feed: LogFeed, fronts: Fronts) -> None:
        self._settings = settings
        self._world = world
        self._feed = feed
        self._fronts = fronts
        self._machinery: dict[str, Any] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def summary(self) -> dict[str, Any]:
        """Counts, ages, throughput, lag and readiness, as they are now."""
        machinery = await self._state_of_services()
        feed = {"is_live": self._feed.is_live, "read_share": self._feed.read_share}
        return {**figures(self._world, clock.now()), **machinery, **feed}

    def map(self) -> dict[str, Any]:
        """Where drivers and goods are."""
        drivers = [
            {
                "driver_id": each.driver_id,
                "status": each.status,
                "location": each.location,
                "delivery_id": each.delivery_id,
                "recorded_at": each.recorded_at,
            }
            for each in self._world.drivers.values()
        ]
        deliveries = [
            {
                "delivery_id": each.delivery_id,
                "order_id": each.order_id,
                "status": each.status,
                "pickup": each.pickup,
                "dropoff": each.dropoff,
                "driver_id": each.driver_id,
            }
            for each in self._world.deliveries()
            if each.status not in ENDED
        ]
        return {"drivers": drivers, "deliveries": deliveries}

    async def search(self, text: str) -> list[dict[str, Any]]:
        """Orders by id, reference, restaurant or customer, the newest first."""
        wanted = text.strip()
        if not wanted:
            return []
        found = [_row(order) for order in self._world.search(wanted, FOUND_MAX)]
        if found and all(row["customer"] != wanted for row in found):
            return found
        return _joined(found, await self._older(wanted))

    async def _older(self, wanted: str) -> list[dict[str, Any]]:
        """Orders by id or customer, of which some may be too old to be kept here."""
        if not _is_id(wanted):
            asked = urlencode({"customer": wanted})
            rows = await self._fronts.rows("order", f"/orders?{asked}")
            return [_found(row) for row in rows or ()]
        try:
            return [_found(await self._fronts.order(wanted))]
        except ProblemError:
            return []

    def story(self, order_id: str) -> dict[str, Any]:
        """All records of an order.

        Raises:
            ProblemError: 404, none is known.
        """
        kept = self._world.kept(order_id)
        if kept is None:
            raise ProblemError(404, f"nothing is kept of an order {order_id}")
        return {
            "order_id": order_id,
            "track_token": token_of(order_id, self._settings.track_secret),
            "order": None if kept.order is None else kept.order.public(),
            "delivery": None if kept.delivery is None else kept.delivery.public(),
            "forgotten": kept.story.forgotten,
            "records": [step.view() for step in kept.story.in_order()],
        }

    def letters(self) -> list[dict[str, Any]]:
        """What was put aside, the newest first."""
        told = [self._letter(place, each) for place, each in self._world.letters.items()]
        return sorted(told, key=lambda letter: letter["put_aside_at"], reverse=True)

    def rejections(self) -> list[dict[str, Any]]:
        """What was refused lately, the newest first."""
        newest = sorted(self._world.rejections, key=lambda record: record.at, reverse=True)
        return [{"service": each.owner, **each.view()} for each in newest]

    async def stuck(self) -> dict[str, Any]:
        """Orders and deliveries that operators are to look at, and who can't say."""
        orders, deliveries = await asyncio.gather(
            self._fronts.rows("order", "/orders?flagged=true"),
            self._fronts.rows("delivery", "/deliveries?flagged=true"),
        )
        unknown = [
            name for name, rows in (("order", orders), ("delivery", deliveries)) if rows is None
        ]
        return {
            "orders": shown(orders or []),
            "deliveries": shown(deliveries or []),
            "unknown": unknown,
        }

    def _letter(self, place: tuple[str, str], record: LogRecord) -> dict[str, Any]:
        content = record.shown_content()
        resolved = [each.content for each in self._world.resolved.get(place, ())]
        return {
            "service": place[0],
            "id": place[1],
            "put_aside_at": record.at,
            "reason": content.get("reason"),
            "source_topic": content.get("source_topic"),
            "source_partition": content.get("source_partition"),
            "source_offset": content.get("source_offset"),
            "key": content.get("key"),
            "value": content.get("value"),
            "is_open": not resolved,
            "resolutions": [
                {name: each.get(name) for name in ("action", "by", "note", "occurred_at")}
                for each in resolved
            ],
        }

    async def _state_of_services(self) -> dict[str, Any]:
        """Asked at most once in a while, however many look."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now - self._asked_at >= self._settings.summary_seconds:
                self._machinery = await self._fronts.machinery()
                self._asked_at = asyncio.get_running_loop().time()
        return self._machinery


def figures(world: World, now: datetime) -> dict[str, Any]:
    """The counts of what is kept."""
    orders = list(world.orders())
    since: dict[str, list[float]] = defaultdict(list)
    for order in orders:
        if order.status not in FINAL:
            since[order.status].append(max(0.0, (now - order.status_since).total_seconds()))
    return {
        "orders_by_status": Counter(order.status for order in orders),
        "payments_by_status": Counter(order.payment for order in orders),
        "deliveries_by_status": Counter(each.status for each in world.deliveries()),
        "drivers_by_status": Counter(each.status for each in world.drivers.values()),
        "throughput": world.throughput(now),
        "ages": [
            {
                "status": status,
                "count": len(ages),
                "p50_seconds": percentile_50(ages),
                "max_seconds": max(ages),
            }
            for status, ages in sorted(since.items())
        ],
    }


def board_routes(board: Board, tools: LetterTools | None) -> APIRouter:
    """What the operations board asks for."""
    routes = APIRouter(prefix="/api/board", tags=["board"])

    @routes.get("/summary")
    async def summary() -> Response:
        """Counts, ages, throughput, lag."""
        return json_response(await board.summary())

    @routes.get("/map")
    async def where() -> Response:
        """Drivers and deliveries."""
        return json_response(board.map())

    @routes.get("/search")
    async def search(q: str = "") -> Response:
        """Orders by id, reference, restaurant, customer."""
        return json_response(await board.search(q[:100]))

    @routes.get("/orders/{order_id}/story")
    async def story(order_id: str) -> Response:
        """All records of one order."""
        return json_response(board.story(order_id))

    @routes.get("/dead-letters")
    async def letters() -> Response:
        """What was put aside."""
        return json_response(board.letters())

    @routes.post("/dead-letters/{service}/{letter_id}/replay")
    async def replay_letter(service: str, letter_id: str) -> Response:
        """Puts a record back where it came from; 409 where it would be put aside again."""
        return json_response({"appended": await _present(tools).replay(service, letter_id)})

    @routes.post("/dead-letters/{service}/{letter_id}/discard")
    async def discard_letter(service: str, letter_id: str, body: Note) -> Response:
        """Has it count as seen to; 409 where it was before."""
        await _present(tools).discard(service, letter_id, body.note)
        return json_response({"discarded": letter_id})

    @routes.get("/rejections")
    async def rejections() -> Response:
        """The latest refusals."""
        return json_response(board.rejections())

    @routes.get("/stuck")
    async def stuck() -> Response:
        """What is flagged."""
        return json_response(await board.stuck())

    return routes


def _present(tools: LetterTools | None) -> LetterTools:
    if tools is None:
        raise ProblemError(501, "this web front can't do that; `tiffin dead-letters` can")
    return tools


def stream_routes(settings: Settings, hub: Hub) -> APIRouter:
    """The live stream of records."""
    routes = APIRouter(prefix="/api", tags=["stream"])

    @routes.get("/stream")
    async def stream(
        request: Request,
        kinds: str = ",".join(sorted(DEFAULT_KINDS)),
        owner: str | None = None,
        order_id: str | None = None,
        restaurant_id: str | None = None,
        driver_id: str | None = None,
        last_event_id: str | None = Query(None, description="as the header of that name"),
    ) -> Response:
        """Records as they come; with Last-Event-ID, also what came since that one."""
        chosen = frozenset(kinds.split(","))
        if unknown := chosen - KINDS.keys():
            raise ProblemError(422, f"query/kinds: {sorted(unknown)[0]!r} is none of {list(KINDS)}")
        wanted = Wanted(
            chosen, owner or None, order_id or None, restaurant_id or None, driver_id or None
        )
        hub.check_room()
        last_id = request.headers.get("last-event-id") or last_event_id
        body = records(hub, wanted, last_id, settings.heartbeat_seconds_max)
        return LiveResponse(body, settings.viewer_send_seconds_max)

    return routes


def _row(order: OrderView) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "partner": order.partner,
        "reference": order.reference,
        "customer": order.customer,
        "restaurant_id": order.restaurant.restaurant_id,
        "status": order.status,
        "created_at": order.created_at,
    }


def _found(order: dict[str, Any]) -> dict[str, Any]:
    restaurant = order.get("restaurant") or {}
    names = ("order_id", "partner", "reference", "customer", "status", "created_at")
    row = {name: order.get(name) for name in names}
    return {**row, "restaurant_id": restaurant.get("restaurant_id")}


def _joined(kept: list[dict[str, Any]], older: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both, each order once, the newest first; what is kept is at least as new."""
    by_id = {row["order_id"]: row for row in (*older, *kept)}
    newest = sorted(by_id.values(), key=lambda row: _instant(row["created_at"]), reverse=True)
    return newest[:FOUND_MAX]


def _instant(at: datetime | str) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)


def _is_id(text: str) -> bool:
    return len(text) == 36 and all(each in "0123456789abcdef-" for each in text)
