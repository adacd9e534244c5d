"""How partners submit orders."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import FastAPI, Header, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive, Scope, Send

from services.common import ids
from services.common.api import FORWARDED, Ports, incoming_trace, json_response
from services.common.codec import encode_plain
from services.common.decider import Row
from services.common.front import UnavailableError
from services.common.messages.order import DELAY_SECONDS_MAX, SubmitOrder
from services.common.problem import ProblemError
from services.common.values import GeoPoint, Item, Restaurant
from services.order.domain import Order, content
from services.order.views import new_view


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as a partner asks for it; `reference` may be left to the Idempotency-Key header.

    `customer` is the partner's opaque id of who orders: no name, address or phone number.
    """

    partner: str
    restaurant: Restaurant
    destination: GeoPoint
    items: list[Item]
    currency: str
    payment_token: str
    reference: str | None = None
    delay_seconds: int = 0
    ready_at: datetime | None = None
    requires_code: bool = False
    customer: str | None = None


_decoder = msgspec.json.Decoder(OrderRequest)


class _SubmissionRoute(APIRoute):
    """Reads orders by msgspec where they are as documented, and any others by FastAPI.

    FastAPI says all that is wrong with an order, and takes some that are not quite right; its way
    costs a tenth of all that an order costs until it is decided.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        request = Request(scope, receive, send)
        if scope["method"] != "POST" or _media_type(request) != "application/json":
            await super().handle(scope, receive, send)
            return
        body = await request.body()
        try:
            order = _decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            await super().handle(scope, _once_more(body, receive), send)
            return
        response = await self.endpoint(request, order, request.headers.get("idempotency-key"))
        await response(scope, receive, send)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].rstrip()


def _once_more(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read already, and then what comes after it."""
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return given.pop() if given else await receive()

    return receive_again


def add_submissions(api: FastAPI, ports: Ports) -> None:
    """Adds to the front what takes orders."""

    async def submit(
        request: Request,
        order: OrderRequest,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Takes an order durably and says where it can be followed.

        The same partner and reference are the same order, however often it is submitted.
        """
        command = _command(order, idempotency_key)
        with ports.front.admitted(f"partner {command.partner}"):
            return await _take(ports, request, command)

    routes = api.router.routes
    api.router.add_api_route(
        "/orders",
        submit,
        methods=["POST"],
        status_code=202,
        tags=["orders"],
        route_class_override=_SubmissionRoute,
    )
    # Routes are tried one after the other, and no other is asked for as often.
    routes.insert(0, routes.pop())


async def _take(ports: Ports, request: Request, command: SubmitOrder) -> Response:
    """The answer to an order: 202 once it is in the log."""
    order_id = command.order_id
    await _check_idempotency_key(ports, request, command)
    if answer := await _owner_takes(ports, request, order_id):
        return answer
    if ports.front.owns(order_id):
        _check_content(command, ports.front.row(order_id))
    digest = hashlib.sha256(encode_plain(command)).hexdigest()
    command_id = ids.derive(order_id, f"SubmitOrder/{digest}")
    await ports.front.send(command, command_id, incoming_trace(request))
    ports.front.remember(order_id)
    return json_response(new_view(order_id), 202, {"Location": f"/orders/{order_id}"})


async def _check_idempotency_key(ports: Ports, request: Request, command: SubmitOrder) -> None:
    """Refuses a key that the partner has used for another order, as far as the tables tell.

    Two requests within the same moment are not told apart; they are two orders, or one where the
    reference is the same.
    """
    if command.idempotency_key is None or FORWARDED in request.headers:
        return
    labels = {"idempotency_key": command.idempotency_key, "partner": command.partner}
    try:
        rows = [listed.key for listed in ports.front.listed(labels, 1, None)]
        for part in await ports.peers.gather(
            request, f"/orders?{urlencode(labels)}", wait_seconds_max=0.0
        ):
            rows += [row["key"] for row in part]
    except UnavailableError:
        return
    for order_id in rows:
        if order_id != command.order_id:
            raise ProblemError(
                422, f"the Idempotency-Key {command.idempotency_key!r} is of order {order_id}"
            )


async def _owner_takes(ports: Ports, request: Request, order_id: str) -> Response | None:
    """The answer of the worker that owns the order, or None when this worker takes it itself."""
    try:
        return await ports.peers.owner_answers(request, order_id, wait_seconds_max=0.0)
    except UnavailableError:
        return None  # any worker may append; the owner decides when it is back


def _check_content(command: SubmitOrder, row: Row[Order] | None) -> None:
    if row is not None and content(row.state) != content(command):
        raise ProblemError(
            409,
            f"{command.partner} has already ordered other things as {command.reference}: "
            f"/orders/{command.order_id}",
        )


def _command(order: OrderRequest, idempotency_key: str | None) -> SubmitOrder:
    reference = order.reference if order.reference is not None else idempotency_key
    if reference is None:
        raise ProblemError(
            422, "body/reference: an order needs a reference, or an Idempotency-Key header"
        )
    ready_at = order.ready_at
    if ready_at is not None and ready_at.tzinfo is not None:
        ahead_seconds = (ready_at - datetime.now(UTC)).total_seconds()
        if not 0 < ahead_seconds <= DELAY_SECONDS_MAX:
            raise ProblemError(
                422,
                f"body/ready_at: {ready_at.isoformat()} is in the past, "
                f"or more than {DELAY_SECONDS_MAX} seconds ahead",
            )
    try:
        return SubmitOrder(
            partner=order.partner,
            reference=reference,
            restaurant=order.restaurant,
            destination=order.destination,
            items=tuple(order.items),
            currency=order.currency,
            payment_token=order.payment_token,
            delay_seconds=order.delay_seconds,
            ready_at=ready_at,
            idempotency_key=idempotency_key,
            requires_code=order.requires_code,
            customer=order.customer,
        )
    except ValueError as error:
        raise ProblemError(422, f"body: {error}") from error
