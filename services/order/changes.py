"""How the front takes what is asked of one order: by its owner, judged first, durable at last."""

import hashlib
from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from fastapi import Request, Response

from services.common import ids
from services.common.api import Ports, incoming_trace, refuse_now
from services.common.codec import encode_plain
from services.common.decider import Row
from services.common.front import UnavailableError
from services.common.messages.order import OrderCommand
from services.common.problem import ProblemError
from services.common.values import check_text
from services.order.domain import Order
from services.order.views import accepted

Message = TypeVar("Message", bound=OrderCommand)


async def change(
    ports: Ports,
    request: Request,
    command: OrderCommand,
    sender: Callable[[Order], str],
    purpose: Callable[[Row[Order]], str] = lambda row: "",
) -> Response:
    """202 once the command is in the log.

    Args:
        sender: whose share of the front the request takes.
        purpose: what tells the command from others of the same content; an Idempotency-Key of the
            client stands in its place. A client that tries again asks for the same.

    Raises:
        ProblemError: 404 for an unknown order, 409 where the order as it is would refuse.
        UnavailableError: the order is acknowledged and not yet decided.
    """
    order_id = command.order_id
    told = _told(request)
    if answer := await ports.peers.owner_answers(request, order_id):
        if answer.status_code == 404:
            _check_known(ports, order_id)
        return answer
    row: Row[Order] | None = ports.front.row(order_id)
    if row is None:
        _check_known(ports, order_id)
        raise ProblemError(404, f"there is no order {order_id}")
    digest = hashlib.sha256(encode_plain(command)).hexdigest()
    command_id = ids.derive(
        order_id, f"{type(command).__name__}/{digest}/{purpose(row) if told is None else told}"
    )
    with ports.front.admitted(sender(row.state)):
        refuse_now(ports, command, command_id)
        await ports.front.send(command, command_id, incoming_trace(request))
    return accepted(order_id)


def each_time(_: Row[Order]) -> str:
    """Each request is a wish of its own; the order itself knows one that is fulfilled.

    What may be said and taken back can't be told apart by the table, which is a little behind.
    """
    return str(uuid4())


def made(make: Callable[..., Message], *content: object) -> Message:
    """The command of a body.

    Raises:
        ProblemError: 422, for an impossible content.
    """
    try:
        return make(*content)
    except ValueError as error:
        raise ProblemError(422, f"body: {error}") from error


def by_partner(order: Order) -> str:
    """The partner as a sender."""
    return f"partner {order.partner}"


def by_restaurant(order: Order) -> str:
    """The restaurant as a sender."""
    return f"restaurant {order.restaurant.restaurant_id}"


def by_operator(_: Order) -> str:
    """All operators are one sender."""
    return "operator"


def _check_known(ports: Ports, order_id: str) -> None:
    if ports.front.was_acknowledged(order_id):
        raise UnavailableError(f"order {order_id} is not decided yet")


def _told(request: Request) -> str | None:
    """What the client itself calls what it asks for."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    try:
        check_text("Idempotency-Key", key)
    except ValueError as error:
        raise ProblemError(422, f"header: {error}") from error
    return f"key/{key}"
