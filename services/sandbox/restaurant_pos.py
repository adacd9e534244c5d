"""The restaurant POS: prints one ticket per idempotency key and tells what becomes of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Annotated

import httpx
from fastapi import FastAPI, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.sandbox.callbacks import Callbacks
from services.sandbox.faults import PosFaults, ServerFaultSwitch
from services.sandbox.kitchen import ERROR_ONCE, TIMEOUT_ONCE, Kitchen
from services.sandbox.problem import ProblemError
from services.sandbox.settings import Settings
from services.sandbox.tickets import (
    CANCELLED_DETAIL,
    CANCELLED_REASON,
    Ticket,
    TicketContent,
    TicketItem,
    Tickets,
)
from services.sandbox.web import IdempotencyKey, create_web, json_answer, key_reused, not_found


def _http_url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("not an absolute http or https URL")
    return text


Identifier = Annotated[str, Field(min_length=1, max_length=255)]
HttpUrl = Annotated[str, Field(max_length=2000), AfterValidator(_http_url)]


class ItemRequest(BaseModel):
    """One item in the body of POST /tickets."""

    model_config = ConfigDict(strict=True)

    name: Annotated[str, Field(min_length=1, max_length=1000)]
    quantity: Annotated[int, Field(ge=1, le=10_000)]


class TicketRequest(BaseModel):
    """The body of POST /tickets."""

    model_config = ConfigDict(strict=True)

    order_id: Identifier
    restaurant_id: Identifier
    items: Annotated[list[ItemRequest], Field(min_length=1, max_length=1000)]
    callback_url: HttpUrl

    def content(self) -> TicketContent:
        """What the kitchen is asked to prepare."""
        items = tuple(TicketItem(item.name, item.quantity) for item in self.items)
        return TicketContent(self.order_id, self.restaurant_id, items)


class CancellationRequest(BaseModel):
    """The body of POST /ticket-cancellations."""

    model_config = ConfigDict(strict=True)

    order_id: Identifier
    reason: Annotated[str, Field(max_length=1000)]


def create_restaurant_pos(
    settings: Settings, random: Random, transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """The POS's app; its lifespan makes the callbacks.

    Args:
        random: decides which calls the share faults strike.
        transport: carries the callbacks; the network when None.

    Raises:
        ValueError: the faults in the settings are not valid.
        OSError, sqlite3.OperationalError: the tickets cannot be opened.
    """
    faults = ServerFaultSwitch(PosFaults.model_validate_json(settings.pos_faults), random)
    tickets = Tickets(settings.data_directory)
    callbacks = Callbacks(tickets, settings, transport)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        callbacks.resume()
        yield
        await callbacks.close()
        tickets.close()

    app = create_web("Sandbox restaurant POS", lifespan)
    _add_fault_routes(app, faults)
    kitchen = Kitchen(faults, settings.preparation_seconds)
    _add_ticket_routes(app, tickets, callbacks, faults, kitchen)
    _add_cancellation_routes(app, tickets, faults)
    return app


def _add_fault_routes(app: FastAPI, faults: ServerFaultSwitch[PosFaults]) -> None:
    @app.get("/faults")
    async def get_faults() -> PosFaults:
        return faults.current

    @app.put("/faults")
    async def put_faults(body: PosFaults) -> PosFaults:
        faults.current = body
        return body


def _add_ticket_routes(
    app: FastAPI,
    tickets: Tickets,
    callbacks: Callbacks,
    faults: ServerFaultSwitch[PosFaults],
    kitchen: Kitchen,
) -> None:
    def take(key: str, body: TicketRequest) -> Ticket:
        content, url = body.content(), body.callback_url
        if tickets.cancellations.find(key):
            return tickets.refuse(key, content, url, CANCELLED_REASON, CANCELLED_DETAIL)
        if reason := kitchen.refusal_reason(body.restaurant_id):
            return tickets.refuse(key, content, url, reason, None)
        plan = kitchen.plan(body.restaurant_id)
        ticket = tickets.print(key, content, url, plan.status, plan.steps)
        callbacks.schedule(ticket.id)
        return ticket

    @app.post("/tickets", status_code=201)
    async def post_ticket(body: TicketRequest, key: IdempotencyKey) -> Response:
        await faults.admit()
        restaurant_id = body.restaurant_id
        is_first_call = tickets.count_call("ticket", key) == 1
        faults.fail_before_work(once=is_first_call and restaurant_id.startswith(ERROR_ONCE))
        ticket = tickets.find(key)
        is_new = ticket is None
        if ticket is None:
            ticket = take(key, body)
        elif ticket.content != body.content():
            raise key_reused(key)
        else:
            # The address is no part of the content: a front that moved is told at its new one.
            tickets.redirect(key, body.callback_url)
        await faults.hang_after_work(once=is_first_call and restaurant_id.startswith(TIMEOUT_ONCE))
        if not ticket.is_cooked:
            raise _refusal(ticket)
        return json_answer(ticket.document(), 201 if is_new else 200)

    @app.get("/tickets")
    async def get_tickets(idempotency_key: str | None = None) -> Response:
        await faults.admit()
        if idempotency_key is None:
            return json_answer(tickets.list_all())
        ticket = tickets.find(idempotency_key)
        if ticket is None:
            raise not_found("ticket", idempotency_key)
        return json_answer(ticket.document())


def _add_cancellation_routes(
    app: FastAPI, tickets: Tickets, faults: ServerFaultSwitch[PosFaults]
) -> None:
    @app.post("/ticket-cancellations", status_code=201)
    async def post_cancellation(body: CancellationRequest, key: IdempotencyKey) -> Response:
        await faults.admit()
        tickets.count_call("cancellation", key)
        faults.fail_before_work(once=False)
        ticket, cancellation = tickets.find(key), tickets.cancellations.find(key)
        is_new = cancellation is None
        # The reason is no part of the content: a cancellation is the same for any reason.
        if ticket and ticket.content.order_id != body.order_id:
            raise key_reused(key)
        if cancellation and cancellation.order_id != body.order_id:
            raise key_reused(key)
        if cancellation is None:
            cancellation = tickets.cancel(key, body.order_id, body.reason)
        await faults.hang_after_work(once=False)
        return json_answer(cancellation.document(), 201 if is_new else 200)

    @app.get("/ticket-cancellations")
    async def get_cancellations(idempotency_key: str | None = None) -> Response:
        await faults.admit()
        if idempotency_key is None:
            return json_answer(tickets.cancellations.list_all())
        cancellation = tickets.cancellations.find(idempotency_key)
        if cancellation is None:
            raise not_found("ticket cancellation", idempotency_key)
        return json_answer(cancellation.document())


def _refusal(ticket: Ticket) -> ProblemError:
    detail = ticket.detail or f"The restaurant refused the order: {ticket.reason}."
    return ProblemError(409, "ticket-refused", detail, reason=ticket.reason)
