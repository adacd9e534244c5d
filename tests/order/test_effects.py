"""Calls of the order service: what each carries, and what each answer means."""

import json
from typing import Any

import httpx
import pytest

from services.common.effects import UnansweredError
from services.common.messages.order import (
    PREPARATION_SECONDS_MAX,
    ConfirmPreparation,
    DeclinePayment,
    OrderCommand,
    RefusalReason,
    RefusePreparation,
)
from services.order.answers import TEXT_CHARS_MAX
from services.order.effects import OrderCall, OrderOutside
from tests.order.outside import (
    CALLS,
    CANCELLATION,
    CANCELLATION_ANSWERS,
    CHARGE,
    CHARGE_ANSWERS,
    FRONT,
    PAYMENT,
    POS,
    REFUND,
    REFUND_ANSWERS,
    TICKET,
    TICKET_ANSWERS,
    VOID,
    VOID_ANSWERS,
    World,
    says,
    ticket,
)


@pytest.mark.parametrize(("answer", "command"), CHARGE_ANSWERS)
async def test_a_charge_succeeds_or_is_declined(
    answer: httpx.Response, command: OrderCommand
) -> None:
    """Also where the order was cancelled, and its charge voided, before."""
    assert await World({"POST /charges": answer}).perform(CHARGE) == command


@pytest.mark.parametrize(("answer", "command"), VOID_ANSWERS)
async def test_a_void_prevents_a_charge_or_gives_it_back(
    answer: httpx.Response, command: OrderCommand
) -> None:
    """The answer tells which."""
    assert await World({"POST /voids": answer}).perform(VOID) == command


@pytest.mark.parametrize(("answer", "command"), REFUND_ANSWERS)
async def test_a_refund_is_made_or_refused_for_good(
    answer: httpx.Response, command: OrderCommand
) -> None:
    """With its name within the order."""
    assert await World({"POST /refunds": answer}).perform(REFUND) == command


@pytest.mark.parametrize(("answer", "command"), TICKET_ANSWERS)
async def test_a_ticket_is_accepted_received_or_refused(
    answer: httpx.Response, command: OrderCommand
) -> None:
    """A reason that is none of ours is `other`, and stands in the detail."""
    assert await World({"POST /tickets": answer}).perform(TICKET) == command


@pytest.mark.parametrize(("answer", "command"), CANCELLATION_ANSWERS)
async def test_a_ticket_is_cancelled(answer: httpx.Response, command: OrderCommand) -> None:
    """By the key of the ticket."""
    world = World({"POST /ticket-cancellations": answer})
    assert await world.perform(CANCELLATION) == command
    assert world.requests[0].headers["idempotency-key"] == TICKET.idempotency_key


@pytest.mark.parametrize("seconds", [-1, PREPARATION_SECONDS_MAX + 1, "600", True, 1.5, [600]])
async def test_a_time_that_nobody_cooks_for_is_left_out(seconds: object) -> None:
    """The ticket is accepted all the same."""
    world = World({"POST /tickets": ticket(201, "accepted", preparation_seconds=seconds)})
    assert await world.perform(TICKET) == ConfirmPreparation("o-1", "t-1", None)


@pytest.mark.parametrize(
    ("call", "url", "key", "content"),
    [
        (
            CHARGE,
            f"{PAYMENT}/charges",
            "charge-key",
            {
                "amount_cents": 2_500,
                "currency": "EUR",
                "payment_token": "tok",
                "description": "order o-1",
            },
        ),
        (
            VOID,
            f"{PAYMENT}/voids",
            "void-key",
            {"charge_idempotency_key": "charge-key", "reason": "changed my mind"},
        ),
        (
            REFUND,
            f"{PAYMENT}/refunds",
            "refund-key",
            {"charge_idempotency_key": "charge-key", "amount_cents": 500, "reason": "cold soup"},
        ),
        (
            TICKET,
            f"{POS}/tickets",
            "ticket-key",
            {
                "order_id": "o-1",
                "restaurant_id": "r-1",
                "items": [{"name": "soup", "quantity": 2}],
                "callback_url": f"{FRONT}/orders/o-1",
            },
        ),
        (
            CANCELLATION,
            f"{POS}/ticket-cancellations",
            "ticket-key",
            {"order_id": "o-1", "reason": "no longer hungry"},
        ),
    ],
)
async def test_a_call_carries_its_key_and_what_is_needed(
    call: OrderCall, url: str, key: str, content: dict[str, Any]
) -> None:
    """The point of sale is told the order's own URL, and nothing of the customer or the money."""
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return says(503)

    outside = OrderOutside(PAYMENT, POS, FRONT, 1.0, httpx.MockTransport(handle))
    with pytest.raises(UnansweredError):
        await outside.perform("o-1", call, 1)
    await outside.close()
    (request,) = requests
    assert (request.method, str(request.url)) == ("POST", url)
    assert request.headers["idempotency-key"] == key
    assert json.loads(request.content) == content


async def test_texts_from_outside_are_cut_and_made_writable() -> None:
    """Half a character of JSON would be refused by the log for ever."""
    for written, read in (("x" * 999, "x" * TEXT_CHARS_MAX), ("no \\ud83c", "no ?")):
        body = f'{{"status":"declined","decline_reason":"{written}"}}'
        world = World({"POST /charges": httpx.Response(402, content=body)})
        assert await world.perform(CHARGE) == DeclinePayment("o-1", read)
    reason = "y" * TEXT_CHARS_MAX
    refused = await World({"POST /tickets": says(409, reason=reason, detail="z")}).perform(TICKET)
    assert refused == RefusePreparation("o-1", RefusalReason.OTHER, reason)


def test_calls_share_targets_and_take_turns_by_user() -> None:
    """Partners at the payment provider; every restaurant's point of sale is a target of its own."""
    outside = OrderOutside(PAYMENT, POS, FRONT, 1.0)
    turns = [(outside.target(call), outside.user(call)) for call in CALLS]
    assert turns == [("payment provider", "eat")] * 3 + [("point of sale of r-1", "r-1")] * 2
