"""What one customer sees of one order, by a link that nobody can guess."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from services.common.problem import ProblemError
from services.web.fronts import Fronts, json_response
from services.web.log_feed import LOCATIONS
from services.web.settings import Settings
from services.web.stories import Story
from services.web.stream import HEARTBEAT, RETRY, Hub, LiveResponse, Published, sse
from services.web.world import Kept, World

TOKEN_CHARS = 22
# The order's own events that a customer is told of, by type.
TOLD = {
    "OrderCreated": "CREATED",
    "OrderScheduled": "SCHEDULED",
    "OrderRejected": "REJECTED",
    "PaymentDelayed": "CREATED",
    "OrderRefused": "SCHEDULED",
    "RefusalUndone": "SCHEDULED",
    "PreparationStarted": "IN_PREPARATION",
    "PreparationFinished": "SCHEDULING_DELIVERY",
    "DriverFound": "WAITING_FOR_DRIVER",
    "DriverLost": "WAITING_FOR_DRIVER",
    "OrderPickedUp": "IN_DELIVERY",
    "OrderDelivered": "DELIVERED",
    "OrderCancelled": "CANCELLED",
}
# Money after the end; the status stays what it was.
MONEY = frozenset({"PaymentVoided", "RefundRequested", "PaymentRefunded", "RefundRefused"})
CANCELLABLE = frozenset(
    {"NEW", "CREATED", "SCHEDULED", "IN_PREPARATION", "SCHEDULING_DELIVERY", "WAITING_FOR_DRIVER"}
)


class Grounds(BaseModel):
    """Why the customer ends the order."""

    reason: str = "changed_mind"


def token_of(order_id: str, secret: str) -> str:
    """The link's token: the order and what only who knows the secret can add (RFC 2104)."""
    digest = hmac.new(secret.encode(), order_id.encode(), hashlib.sha256).digest()
    return f"{order_id}.{base64.urlsafe_b64encode(digest).decode()[:TOKEN_CHARS]}"


def order_of(token: str, secret: str) -> str:
    """The order of a token.

    Raises:
        ProblemError: 404, the token is not one of ours.
    """
    order_id = token.rpartition(".")[0]
    if not hmac.compare_digest(token.encode(), token_of(order_id, secret).encode()):
        raise ProblemError(404, "there is no such order")
    return order_id


class Tracking:
    """Answers for one order from what was folded; from the order front where that is not there."""

    def __init__(self, world: World, fronts: Fronts, names: dict[str, str]) -> None:
        self._world = world
        self._fronts = fronts
        self._names = names

    async def body(self, order_id: str) -> dict[str, Any]:
        """All that the tracking page shows.

        Raises:
            ProblemError: 404, nobody knows the order.
        """
        kept = self._world.kept(order_id)
        if kept is None or kept.order is None:
            order = await self._fronts.order(order_id)
            return _body(order, [], None, self._names)
        order = {**kept.order.public(), "code": kept.order.code}
        return _body(order, timeline(kept.story), self._driver(kept), self._names)

    def concerns(self, order_id: str, published: Published) -> bool:
        """Whether a record changes what the page shows."""
        record = published.record
        if record.topic == LOCATIONS or record.type == "DriverLocated":
            kept = self._world.kept(order_id)
            drives = kept is not None and kept.delivery is not None and kept.delivery.driver_id
            return bool(drives) and drives == record.named("driver_id")
        return record.topic_kind == "events" and published.order_id == order_id

    def _driver(self, kept: Kept) -> dict[str, Any] | None:
        """Where the order's driver is, while it has to do with the order."""
        delivery = kept.delivery
        if delivery is None or delivery.driver_id is None:
            return None
        driver = self._world.drivers.get(delivery.driver_id)
        if driver is None or driver.order_id not in (None, kept.order_id):
            return None
        if kept.order is not None and kept.order.status == "DELIVERED":
            return None
        return {"location": driver.location, "recorded_at": driver.recorded_at}


def timeline(story: Story) -> list[dict[str, Any]]:
    """What has happened, in order; each with the status that it led to."""
    told = []
    status = "CREATED"
    on_the_road = False
    for record in story.events("order"):
        if record.type not in TOLD and record.type not in MONEY:
            continue
        on_the_road = on_the_road or record.type == "OrderPickedUp"
        if record.type in TOLD and not (on_the_road and record.type == "DriverFound"):
            status = TOLD[record.type]
        told.append({"type": record.type, "status": status, "at": record.at})
    return told


def _body(
    order: dict[str, Any],
    told: list[dict[str, Any]],
    driver: dict[str, Any] | None,
    names: dict[str, str],
) -> dict[str, Any]:
    restaurant = order.get("restaurant") or {}
    restaurant_id = restaurant.get("restaurant_id")
    return {
        # Who has the link knows no more of the customer than the order itself says.
        "order": {name: value for name, value in order.items() if name != "customer"},
        "timeline": told,
        "driver": driver,
        "restaurant": {
            "restaurant_id": restaurant_id,
            "name": names.get(str(restaurant_id), restaurant_id),
            "location": restaurant.get("location"),
        },
        "destination": order.get("destination"),
        "can_cancel": order.get("status") in CANCELLABLE,
    }


def tracking_routes(settings: Settings, tracking: Tracking, hub: Hub, fronts: Fronts) -> APIRouter:
    """What the tracking page asks for."""
    routes = APIRouter(prefix="/api/track", tags=["tracking"])

    @routes.get("/{token}")
    async def track(token: str) -> Response:
        """The order as it is now."""
        return json_response(await tracking.body(order_of(token, settings.track_secret)))

    @routes.post("/{token}/cancel")
    async def cancel(token: str, grounds: Grounds) -> Response:
        """The customer ends the order; 409 where it is too late."""
        order_id = order_of(token, settings.track_secret)
        content = {"by": "customer", "reason": grounds.reason}
        return await fronts.post("order", f"/orders/{order_id}/cancel", content)

    @routes.get("/{token}/stream")
    async def follow(token: str, request: Request) -> Response:
        """The order as it is, and anew whenever it changes."""
        order_id = order_of(token, settings.track_secret)
        await tracking.body(order_id)
        hub.check_room()
        stream = follow_order(tracking, hub, order_id, settings.heartbeat_seconds_max)
        return LiveResponse(stream, settings.viewer_send_seconds_max)

    return routes


async def follow_order(
    tracking: Tracking, hub: Hub, order_id: str, heartbeat_seconds: float
) -> AsyncGenerator[bytes, None]:
    """The stream of one order; each change tells it whole, so none that is missed matters."""
    viewer = hub.enter(lambda published: tracking.concerns(order_id, published))
    try:
        yield RETRY + b"\n"
        yield sse(await tracking.body(order_id), "change")
        while True:
            try:
                async with asyncio.timeout(heartbeat_seconds):
                    await viewer.queue.get()
            except TimeoutError:
                yield HEARTBEAT
                continue
            while not viewer.queue.empty():
                viewer.queue.get_nowait()
            viewer.is_lost = False
            yield sse(await tracking.body(order_id), "change")
    finally:
        hub.leave(viewer)
