"""Calls of unknown outcome: nothing is made up, and no call is made twice blindly."""

from collections.abc import Callable

import httpx
import pytest

from services.common.effects import UnansweredError
from services.common.messages.order import (
    ConfirmPreparation,
    ConfirmTicket,
    OrderCommand,
    RefusalReason,
    RefusePreparation,
    RefuseRefund,
    ReportPaymentDelay,
    ReportPreparationDelay,
    ReportRefundDelay,
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
    Answer,
    World,
    says,
    ticket,
)

BROKEN: list[Callable[[], Answer]] = [
    lambda: httpx.ReadTimeout,
    lambda: httpx.ConnectError,
    lambda: says(503, title="down"),
    lambda: says(500),
    lambda: says(429),
    lambda: says(400, title="bad request"),
    lambda: says(409, title="conflict"),
    lambda: says(422, title="idempotency-key-reused"),
    lambda: httpx.Response(200, text="<html>welcome"),
    lambda: httpx.Response(200, content=b'["list"]'),
    lambda: httpx.Response(204),
    lambda: says(200),
    lambda: says(201, id=7, status="accepted", reason=7),
    lambda: says(201, id="x", status="pending"),
    lambda: says(200, id="", status="succeeded"),
    lambda: says(402, status="declined", decline_reason=""),
    lambda: says(201, id="v-1", status="refunded", charge_id="ch-1", refund_id=None),
]


@pytest.mark.parametrize("call", [CHARGE, VOID, TICKET, CANCELLATION], ids=type)
@pytest.mark.parametrize("broken", BROKEN)
async def test_an_answer_that_does_not_tell_the_outcome_is_none(
    call: OrderCall, broken: Callable[[], Answer]
) -> None:
    """The outcome stays unknown: no word of money or food is made up."""
    world = World(dict.fromkeys(WAYS, broken()))
    with pytest.raises(UnansweredError):
        await world.perform(call)
    assert len(world.asked) == 1


@pytest.mark.parametrize("number", range(len(BROKEN) - 5))
async def test_a_refund_of_unknown_outcome_is_not_confirmed(number: int) -> None:
    """A 422 without a reason neither: it is about the request."""
    with pytest.raises(UnansweredError):
        await World({"POST /refunds": BROKEN[number]()}).perform(REFUND)


WAYS = (
    "POST /charges",
    "POST /voids",
    "POST /refunds",
    "POST /tickets",
    "POST /ticket-cancellations",
    "GET /charges",
    "GET /voids",
    "GET /refunds",
    "GET /tickets",
    "GET /ticket-cancellations",
)
KNOWN = [
    (CHARGE, "/charges", *CHARGE_ANSWERS[1]),
    (
        CHARGE,
        "/charges",
        says(200, id="ch-1", status="declined", decline_reason="card_declined"),
        CHARGE_ANSWERS[2][1],
    ),
    (VOID, "/voids", *VOID_ANSWERS[1]),
    (REFUND, "/refunds", *REFUND_ANSWERS[1]),
    (
        REFUND,
        "/refunds",
        says(200, status="refused", reason="card_closed"),
        RefuseRefund("o-1", "soup", "card_closed"),
    ),
    (TICKET, "/tickets", ticket(200, "accepted"), ConfirmPreparation("o-1", "t-1")),
    (TICKET, "/tickets", ticket(200, "received"), ConfirmTicket("o-1", "t-1")),
    (
        TICKET,
        "/tickets",
        ticket(200, "refused", reason="too_busy"),
        RefusePreparation("o-1", RefusalReason.TOO_BUSY),
    ),
    (
        TICKET,
        "/tickets",
        ticket(200, "cancelled"),
        RefusePreparation("o-1", RefusalReason.OTHER, "cancelled"),
    ),
    (CANCELLATION, "/ticket-cancellations", *CANCELLATION_ANSWERS[1]),
]


@pytest.mark.parametrize(("call", "path", "answer", "command"), KNOWN)
async def test_a_call_that_may_have_been_made_is_asked_for_by_its_key(
    call: OrderCall, path: str, answer: httpx.Response, command: OrderCommand
) -> None:
    """And is not made again where it was."""
    world = World({f"GET {path}": answer})
    assert await world.perform(call, attempt=2) == command
    (request,) = world.requests
    assert request.url.params["idempotency_key"] == call.idempotency_key


@pytest.mark.parametrize(
    ("call", "asked", "made", "answer", "command"),
    [
        (CHARGE, "GET /charges", "POST /charges", *CHARGE_ANSWERS[0]),
        (VOID, "GET /voids", "POST /voids", *VOID_ANSWERS[0]),
        (REFUND, "GET /refunds", "POST /refunds", *REFUND_ANSWERS[0]),
        (TICKET, "GET /tickets", "POST /tickets", *TICKET_ANSWERS[0]),
        (
            CANCELLATION,
            "GET /ticket-cancellations",
            "POST /ticket-cancellations",
            *CANCELLATION_ANSWERS[0],
        ),
    ],
)
async def test_a_call_that_nobody_knows_of_is_made(
    call: OrderCall, asked: str, made: str, answer: httpx.Response, command: OrderCommand
) -> None:
    """Nothing is known of its key: it never arrived."""
    world = World({asked: says(404), made: answer})
    assert await world.perform(call, attempt=2) == command
    assert world.asked == [asked, made]


@pytest.mark.parametrize("call", CALLS, ids=type)
@pytest.mark.parametrize("broken", [httpx.ReadTimeout, says(503), says(429)])
async def test_nothing_is_made_again_while_nobody_can_say_whether_it_was_made(
    call: OrderCall, broken: Answer
) -> None:
    """A second charge would be the worse mistake."""
    world = World(dict.fromkeys(WAYS, broken))
    with pytest.raises(UnansweredError):
        await world.perform(call, attempt=2)
    assert [name.split()[0] for name in world.asked] == ["GET"]


def test_what_stays_unknown_for_long_is_told() -> None:
    """A void and a ticket's cancellation are flagged by the order itself."""
    outside = OrderOutside(PAYMENT, POS, FRONT, 1.0)
    error = "e" * 999
    told = [outside.flag("o-1", call, 5, error) for call in CALLS]
    cut = error[:TEXT_CHARS_MAX]
    assert told == [
        ReportPaymentDelay("o-1", 5, cut),
        None,
        ReportRefundDelay("o-1", "soup", 5, cut),
        ReportPreparationDelay("o-1", 5, cut),
        None,
    ]
