"""The outside world of the order service: the calls that it gets, its answers, their meaning."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from services.common.messages.order import (
    ConfirmPayment,
    ConfirmPreparation,
    ConfirmRefund,
    ConfirmTicket,
    ConfirmTicketCancellation,
    ConfirmVoid,
    DeclinePayment,
    OrderCommand,
    RefusalReason,
    RefusePreparation,
    RefuseRefund,
)
from services.common.values import Item
from services.order.domain import (
    CancelTicket,
    ChargePayment,
    RefundPayment,
    RequestPreparation,
    VoidPayment,
)
from services.order.effects import OrderCall, OrderOutside

PAYMENT = "http://payment"
POS = "http://pos"
FRONT = "http://front"
CHARGE = ChargePayment("eat", "charge-key", 2_500, "EUR", "tok")
VOID = VoidPayment("eat", "void-key", "charge-key", "changed my mind")
REFUND = RefundPayment("eat", "refund-key", "charge-key", 500, "cold soup", "soup")
TICKET = RequestPreparation("ticket-key", "r-1", (Item("soup", 2, 1_250),))
CANCELLATION = CancelTicket("r-1", "ticket-key", "no longer hungry")
CALLS: list[OrderCall] = [CHARGE, VOID, REFUND, TICKET, CANCELLATION]
Answer = httpx.Response | type[httpx.HTTPError]


@dataclass(slots=True)
class World:
    """An outside world that answers as the test says, by method and path."""

    answers: dict[str, Answer]
    asked: list[str] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request."""
        name = f"{request.method} {request.url.path}"
        self.asked.append(name)
        self.requests.append(request)
        answer = self.answers[name]
        if isinstance(answer, httpx.Response):
            return answer
        raise answer("broken")

    async def perform(self, call: OrderCall, attempt: int = 1) -> OrderCommand:
        """What a call leads to."""
        outside = OrderOutside(PAYMENT, POS, FRONT, 1.0, httpx.MockTransport(self.handle))
        try:
            return await outside.perform("o-1", call, attempt)
        finally:
            await outside.close()


def says(code: int, /, **content: Any) -> httpx.Response:
    """A JSON answer."""
    return httpx.Response(code, json=content)


def ticket(code: int, status: str, **more: Any) -> httpx.Response:
    """A ticket as a point of sale shows it."""
    return says(code, id="t-1", status=status, **more)


CHARGE_ANSWERS = [
    (says(201, id="ch-1", status="succeeded"), ConfirmPayment("o-1", "ch-1")),
    (says(200, id="ch-1", status="succeeded"), ConfirmPayment("o-1", "ch-1")),
    (
        says(402, id="ch-1", status="declined", decline_reason="card_declined"),
        DeclinePayment("o-1", "card_declined"),
    ),
    (
        says(402, id="ch-1", status="declined", decline_reason="voided"),
        DeclinePayment("o-1", "voided"),
    ),
]
VOID_ANSWERS = [
    (
        says(201, id="v-1", status="voided", charge_id=None, refund_id=None),
        ConfirmVoid("o-1", None, None),
    ),
    (
        says(200, id="v-1", status="voided", charge_id="ch-1", refund_id=None),
        ConfirmVoid("o-1", "ch-1", None),
    ),
    (
        says(201, id="v-1", status="refunded", charge_id="ch-1", refund_id="re-1"),
        ConfirmVoid("o-1", "ch-1", "re-1"),
    ),
]
REFUND_ANSWERS = [
    (says(201, id="re-1", status="succeeded"), ConfirmRefund("o-1", "soup", "re-1")),
    (says(200, id="re-1", status="succeeded"), ConfirmRefund("o-1", "soup", "re-1")),
    (
        says(422, title="refund-refused", reason="card_closed"),
        RefuseRefund("o-1", "soup", "card_closed"),
    ),
]
TICKET_ANSWERS = [
    (ticket(201, "accepted"), ConfirmPreparation("o-1", "t-1", None)),
    (ticket(200, "accepted", preparation_seconds=600), ConfirmPreparation("o-1", "t-1", 600)),
    (ticket(201, "accepted", preparation_seconds=0), ConfirmPreparation("o-1", "t-1", 0)),
    (ticket(201, "accepted", preparation_seconds=None), ConfirmPreparation("o-1", "t-1", None)),
    (ticket(201, "received"), ConfirmTicket("o-1", "t-1")),
    (
        says(409, reason="closed", detail="We close at ten."),
        RefusePreparation("o-1", RefusalReason.CLOSED, "We close at ten."),
    ),
    (says(409, reason="other"), RefusePreparation("o-1", RefusalReason.OTHER, "")),
    (
        says(409, reason="kitchen on fire"),
        RefusePreparation("o-1", RefusalReason.OTHER, "kitchen on fire"),
    ),
    (
        says(409, reason="no_gas", detail="Come back tomorrow."),
        RefusePreparation("o-1", RefusalReason.OTHER, "no_gas: Come back tomorrow."),
    ),
]
CANCELLATION_ANSWERS = [
    (ticket(201, "cancelled"), ConfirmTicketCancellation("o-1")),
    (ticket(200, "cancelled"), ConfirmTicketCancellation("o-1")),
]
