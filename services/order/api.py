"""The order service's front: orders in, orders out, and what ends them or gives money back."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request, Response

from services.common.api import Ports, create_base_api, json_response, list_rows
from services.common.decider import Row
from services.common.messages.order import (
    CancelledBy,
    CancelOrder,
    RefundItem,
    RequestRefund,
    RetryRefund,
)
from services.common.problem import ProblemError
from services.order.changes import by_operator, by_partner, by_restaurant, change, made
from services.order.domain import Order, OrderStatus
from services.order.restaurant_calls import add_restaurant_calls
from services.order.submissions import add_submissions
from services.order.views import event_view, new_view, order_view


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Who ends an order, and why."""

    by: CancelledBy
    reason: str


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money to give back, for these items, or all that is left where there are none.

    `refund` is the asker's name for it: the same name is the same refund.
    """

    refund: str
    reason: str
    items: list[RefundItem] = field(default_factory=list)


def create_api(ports: Ports) -> FastAPI:
    """The front of one worker of the order service."""
    api = create_base_api(
        "Tiffin orders",
        "Submit, follow and cancel orders, give money back, and say how far the restaurant is.",
        ports,
    )
    add_submissions(api, ports)
    _add_answers(api, ports)
    _add_changes(api, ports)
    add_restaurant_calls(api, ports)
    return api


def _add_answers(api: FastAPI, ports: Ports) -> None:
    @api.get("/orders", tags=["orders"])
    async def list_orders(
        request: Request,
        status: OrderStatus | None = None,
        partner: str | None = None,
        customer: Annotated[
            str | None, Query(description="the partner's opaque id of who orders")
        ] = None,
        restaurant: Annotated[str | None, Query(description="a restaurant_id")] = None,
        idempotency_key: str | None = None,
        flagged: Annotated[
            Literal["true"] | None, Query(description="only those that an operator is to look at")
        ] = None,
        limit: Annotated[int, Query(description="1 to 500")] = 50,
        cursor: str | None = None,
    ) -> Response:
        """Orders of all workers, newest first; `cursor` of one page begins the next."""
        labels = {
            "flagged": flagged,
            "idempotency_key": idempotency_key,
            "customer": customer,
            "restaurant": restaurant,
            "partner": partner,
            "status": None if status is None else status.value,
        }
        return await list_rows(request, ports, labels, limit, cursor, order_view)

    @api.get("/orders/{order_id}", tags=["orders"])
    async def get_order(request: Request, order_id: str) -> Response:
        """One order: status, times, money, restaurant, driver, code, and what is late."""
        if answer := await ports.peers.owner_answers(request, order_id):
            if answer.status_code == 404 and ports.front.was_acknowledged(order_id):
                return json_response(new_view(order_id))
            return answer
        row = ports.front.row(order_id)
        if row is not None:
            return json_response(order_view(order_id, row))
        if ports.front.was_acknowledged(order_id):
            return json_response(new_view(order_id))
        raise ProblemError(404, f"there is no order {order_id}")

    @api.get("/orders/{order_id}/events", tags=["orders"])
    async def get_history(request: Request, order_id: str) -> Response:
        """The order's events from the log, first to last."""
        if answer := await ports.peers.owner_answers(request, order_id):
            return answer
        events = [event_view(event) for event in ports.front.history(order_id)]
        if not events and ports.front.row(order_id) is None:
            raise ProblemError(404, f"there is no order {order_id}")
        return json_response({"items": events})


def _add_changes(api: FastAPI, ports: Ports) -> None:
    @api.post("/orders/{order_id}/cancel", status_code=202, tags=["orders"])
    async def cancel(request: Request, order_id: str, cancellation: Cancellation) -> Response:
        """Ends an order; how far it may be depends on who asks. What was paid is given back."""
        by = cancellation.by
        command = made(CancelOrder, order_id, by, cancellation.reason)
        sender = {CancelledBy.RESTAURANT: by_restaurant, CancelledBy.OPERATOR: by_operator}
        return await change(ports, request, command, sender.get(by, by_partner))

    @api.post("/orders/{order_id}/refunds", status_code=202, tags=["orders"])
    async def request_refund(request: Request, order_id: str, refund: RefundRequest) -> Response:
        """Gives money back for items that were wrong or missing, or all that is left."""
        command = made(RequestRefund, order_id, refund.refund, refund.reason, tuple(refund.items))
        return await change(ports, request, command, by_partner)

    @api.post("/orders/{order_id}/refunds/{refund}/retry", status_code=202, tags=["operators"])
    async def retry_refund(request: Request, order_id: str, refund: str) -> Response:
        """Has a refund tried again that the payment provider has refused."""
        command = made(RetryRefund, order_id, refund)
        return await change(ports, request, command, by_operator, lambda row: _attempt(row, refund))


def _attempt(row: Row[Order], refund: str) -> str:
    """The attempt that was refused: each is tried again once."""
    return next((str(each.attempt) for each in row.state.refunds if each.name == refund), "")
