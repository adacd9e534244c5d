"""How the order service's front shows orders: nothing that could charge the customer."""

from datetime import datetime
from typing import Any

import msgspec
from fastapi import Response
from msgspec.structs import asdict

from services.common.api import json_response
from services.common.decider import Row
from services.common.values import zone_of
from services.order.domain import Order, OrderStatus

SECRETS = ("payment_token", "idempotency_key")


def order_view(order_id: str, row: Row[Order]) -> dict[str, Any]:
    """All that customers, partners and operators may know of an order.

    `ready_at_local` is when it is expected to be ready, by the clock on the restaurant's wall.
    """
    return {
        **_without_secrets(asdict(row.state)),
        "ready_at_local": _ready_at_local(row.state),
        "version": row.version,
        "changed_at": row.changed_at,
        "links": links(order_id),
    }


def new_view(order_id: str) -> dict[str, Any]:
    """An order that is acknowledged and not yet decided."""
    return {"order_id": order_id, "status": OrderStatus.NEW, "links": links(order_id)}


def event_view(event: bytes) -> dict[str, Any]:
    """An event of an order, as it lies in the log."""
    return _without_secrets(msgspec.json.decode(event, type=dict[str, Any]))


def accepted(order_id: str) -> Response:
    """202: what was asked for is in the log."""
    return json_response({"order_id": order_id, "links": links(order_id)}, 202)


def links(order_id: str) -> dict[str, str]:
    """Where an order can be followed."""
    return {"self": f"/orders/{order_id}", "events": f"/orders/{order_id}/events"}


def _ready_at_local(order: Order) -> str | None:
    ready_at: datetime | None = order.expected_ready_at or order.ready_at
    name = order.zone or order.restaurant.zone
    zone = None if name is None else zone_of(name)
    if ready_at is None or zone is None:
        return None
    return ready_at.astimezone(zone).isoformat()


def _without_secrets(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in SECRETS}
