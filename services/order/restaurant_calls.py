"""What restaurants and their points of sale say of an order, at the ticket's callback URL."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import FastAPI, Request, Response

from services.common.api import Ports
from services.common.messages.order import (
    AcceptOrder,
    FinishPreparation,
    RefusalReason,
    RefuseOrder,
    UndoRefusal,
    UpdatePreparation,
)
from services.order.changes import by_restaurant, change, each_time, made


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How long the restaurant cooks, where it says."""

    preparation_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the restaurant does not cook the order."""

    reason: RefusalReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReadyTime:
    """When the restaurant has the order ready."""

    ready_at: datetime


def add_restaurant_calls(api: FastAPI, ports: Ports) -> None:
    """Adds what a point of sale calls to the front."""

    @api.post("/orders/{order_id}/accept", status_code=202, tags=["restaurants"])
    async def accept(
        request: Request, order_id: str, acceptance: Acceptance | None = None
    ) -> Response:
        """The restaurant cooks the order, for so long where it says."""
        seconds = None if acceptance is None else acceptance.preparation_seconds
        command = made(AcceptOrder, order_id, seconds)
        return await change(ports, request, command, by_restaurant)

    @api.post("/orders/{order_id}/refuse", status_code=202, tags=["restaurants"])
    async def refuse(request: Request, order_id: str, refusal: Refusal) -> Response:
        """The restaurant does not cook the order; that is final after a short while."""
        command = made(RefuseOrder, order_id, refusal.reason, refusal.detail)
        return await change(ports, request, command, by_restaurant, each_time)

    @api.post("/orders/{order_id}/undo-refusal", status_code=202, tags=["restaurants"])
    async def undo_refusal(request: Request, order_id: str) -> Response:
        """The restaurant takes its refusal back, before that is final."""
        return await change(ports, request, UndoRefusal(order_id), by_restaurant, each_time)

    @api.put("/orders/{order_id}/ready-time", status_code=202, tags=["restaurants"])
    async def set_ready_time(request: Request, order_id: str, time: ReadyTime) -> Response:
        """The order is ready at another time than the restaurant had said."""
        command = made(UpdatePreparation, order_id, time.ready_at)
        return await change(ports, request, command, by_restaurant, each_time)

    @api.post("/orders/{order_id}/preparation-finished", status_code=202, tags=["restaurants"])
    async def finish_preparation(request: Request, order_id: str) -> Response:
        """The order is ready to be picked up."""
        return await change(ports, request, FinishPreparation(order_id), by_restaurant)
