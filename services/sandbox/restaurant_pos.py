"""The restaurant POS: prints one ticket per idempotency key and calls back when it is prepared."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Annotated

import httpx
from fastapi import FastAPI, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.sandbox.callbacks import Callbacks
from services.sandbox.faults import PosFaults, ServerFaultSwitch
from services.sandbox.problem import ProblemError
from services.sandbox.settings import Settings
from services.sandbox.tickets import CallbackPlan, Ticket, TicketContent, TicketItem, Tickets
from services.sandbox.web import IdempotencyKey, create_web, json_answer, key_reused, not_found

RESTAURANT_REFUSES = "refuses-"
RESTAURANT_NEVER_CALLS_BACK = "never-calls-back-"
RESTAURANT_CALLS_BACK_TWICE = "calls-back-twice-"
RESTAURANT_TIMEOUT_ONCE = "timeout-once-"
RESTAURANT_ERROR_ONCE = "error-once-"


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
    _add_ticket_routes(app, tickets, callbacks, faults, settings.preparation_seconds)
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
    preparation_seconds: float,
) -> None:
    def take(key: str, body: TicketRequest) -> Ticket:
        reason = _refusal_reason(body.restaurant_id, faults)
        if reason:
            return tickets.refuse(key, body.content(), body.callback_url, reason)
        plan = CallbackPlan(
            url=body.callback_url,
            copies=_callback_copies(body.restaurant_id, faults.current),
            delay_seconds=preparation_seconds + faults.current.callback_delay_seconds,
        )
        ticket = tickets.print(key, body.content(), plan)
        callbacks.schedule(ticket.id)
        return ticket

    @app.post("/tickets", status_code=201)
    async def post_ticket(body: TicketRequest, key: IdempotencyKey) -> Response:
        await faults.admit()
        restaurant_id = body.restaurant_id
        is_first_call = tickets.count_call(key) == 1
        is_error = is_first_call and restaurant_id.startswith(RESTAURANT_ERROR_ONCE)
        is_timeout = is_first_call and restaurant_id.startswith(RESTAURANT_TIMEOUT_ONCE)
        faults.fail_before_work(once=is_error)
        ticket = tickets.find(key)
        is_new = ticket is None
        if ticket is None:
            ticket = take(key, body)
        elif ticket.content != body.content():
            raise key_reused(key)
        else:
            # The address is no part of the content: a front that moved is told at its new one.
            tickets.redirect(key, body.callback_url)
        await faults.hang_after_work(once=is_timeout)
        if ticket.refusal_reason:
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


def _refusal_reason(restaurant_id: str, faults: ServerFaultSwitch[PosFaults]) -> str | None:
    if restaurant_id.startswith(RESTAURANT_REFUSES):
        return "closed"
    return faults.current.refuse_reason if faults.strikes(faults.current.refuse_share) else None


def _callback_copies(restaurant_id: str, faults: PosFaults) -> int:
    if restaurant_id.startswith(RESTAURANT_NEVER_CALLS_BACK):
        return 0
    if restaurant_id.startswith(RESTAURANT_CALLS_BACK_TWICE):
        return 2
    return faults.callback_copies


def _refusal(ticket: Ticket) -> ProblemError:
    detail = f"The restaurant refused the order: {ticket.refusal_reason}."
    return ProblemError(409, "ticket-refused", detail, reason=ticket.refusal_reason)
