"""The order service's calls to the payment provider and to the restaurant's point of sale.

An outcome that is not known is asked for by its idempotency key before the call is made again.
"""

from typing import Any, assert_never

import httpx

from services.common.effects import UnansweredError
from services.common.exchanges import NotedClient
from services.common.http_transport import HttpTransport
from services.common.messages.order import (
    OrderCommand,
    ReportPaymentDelay,
    ReportPreparationDelay,
    ReportRefundDelay,
)
from services.common.tracing import outgoing_trace
from services.order.answers import (
    cancellation_outcome,
    charge_outcome,
    refund_outcome,
    ticket_outcome,
    unanswered,
    void_outcome,
)
from services.order.domain import (
    CancelTicket,
    ChargePayment,
    RefundPayment,
    RequestPreparation,
    VoidPayment,
)

TEXT_CHARS_MAX = 200

OrderCall = ChargePayment | VoidPayment | RefundPayment | RequestPreparation | CancelTicket


class OrderOutside:
    """Speaks HTTP with the payment provider and the points of sale.

    Args:
        callback_url: the public base of this service, where a point of sale reports.
        transport: carries the calls; the network when None.
    """

    def __init__(
        self,
        payment_url: str,
        pos_url: str,
        callback_url: str,
        timeout_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._payment_url = payment_url
        self._pos_url = pos_url
        self._callback_url = callback_url
        self._client = NotedClient(transport or HttpTransport(), timeout_seconds)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    def target(self, call: OrderCall) -> str:
        """The payment provider, or one restaurant's point of sale."""
        match call:
            case ChargePayment() | VoidPayment() | RefundPayment():
                return "payment provider"
            case RequestPreparation() | CancelTicket():
                return f"point of sale of {call.restaurant_id}"
            case _:
                assert_never(call)

    def user(self, call: OrderCall) -> str:
        """The partner whose order is paid; a point of sale takes its tickets in their order."""
        match call:
            case ChargePayment() | VoidPayment() | RefundPayment():
                return call.partner
            case RequestPreparation() | CancelTicket():
                return call.restaurant_id
            case _:
                assert_never(call)

    async def perform(self, order_id: str, call: OrderCall, attempt: int) -> OrderCommand:
        """The command that reports the outcome.

        Raises:
            UnansweredError: no answer, or one that does not tell the outcome.
        """
        match call:
            case ChargePayment():
                return await self._charge(order_id, call, attempt)
            case VoidPayment():
                return await self._void(order_id, call, attempt)
            case RefundPayment():
                return await self._refund(order_id, call, attempt)
            case RequestPreparation():
                return await self._request(order_id, call, attempt)
            case CancelTicket():
                return await self._cancel(order_id, call, attempt)
            case _:
                assert_never(call)

    def flag(
        self, order_id: str, call: OrderCall, attempts: int, error: str
    ) -> OrderCommand | None:
        """The command that reports that the outcome has stayed unknown for long.

        The order itself flags a void and a ticket's cancellation that take too long.
        """
        error = error[:TEXT_CHARS_MAX]
        match call:
            case ChargePayment():
                return ReportPaymentDelay(order_id, attempts, error)
            case RefundPayment(refund=refund):
                return ReportRefundDelay(order_id, refund, attempts, error)
            case RequestPreparation():
                return ReportPreparationDelay(order_id, attempts, error)
            case VoidPayment() | CancelTicket():
                return None
            case _:
                assert_never(call)

    async def _charge(self, order_id: str, call: ChargePayment, attempt: int) -> OrderCommand:
        content = {
            "amount_cents": call.amount_cents,
            "currency": call.currency,
            "payment_token": call.payment_token,
            "description": f"order {order_id}",
        }
        url = f"{self._payment_url}/charges"
        answer = await self._once(url, call.idempotency_key, content, attempt)
        return charge_outcome(order_id, answer)

    async def _void(self, order_id: str, call: VoidPayment, attempt: int) -> OrderCommand:
        content = {"charge_idempotency_key": call.charge_idempotency_key, "reason": call.reason}
        url = f"{self._payment_url}/voids"
        answer = await self._once(url, call.idempotency_key, content, attempt)
        return void_outcome(order_id, answer)

    async def _refund(self, order_id: str, call: RefundPayment, attempt: int) -> OrderCommand:
        content = {
            "charge_idempotency_key": call.charge_idempotency_key,
            "amount_cents": call.amount_cents,
            "reason": call.reason,
        }
        url = f"{self._payment_url}/refunds"
        answer = await self._once(url, call.idempotency_key, content, attempt)
        return refund_outcome(order_id, call.refund, answer)

    async def _request(self, order_id: str, call: RequestPreparation, attempt: int) -> OrderCommand:
        content = {
            "order_id": order_id,
            "restaurant_id": call.restaurant_id,
            "items": [{"name": item.name, "quantity": item.quantity} for item in call.items],
            "callback_url": f"{self._callback_url}/orders/{order_id}",
        }
        url = f"{self._pos_url}/tickets"
        answer = await self._once(url, call.idempotency_key, content, attempt)
        return ticket_outcome(order_id, answer)

    async def _cancel(self, order_id: str, call: CancelTicket, attempt: int) -> OrderCommand:
        """Cancels by the key of the ticket, which is then never printed where it was not yet."""
        content = {"order_id": order_id, "reason": call.reason}
        url = f"{self._pos_url}/ticket-cancellations"
        answer = await self._once(url, call.idempotency_key, content, attempt)
        return cancellation_outcome(order_id, answer)

    async def _once(
        self, url: str, idempotency_key: str, content: dict[str, Any], attempt: int
    ) -> httpx.Response:
        """The answer to a call that may have been made before: asked first, made if unknown."""
        trace = outgoing_trace()
        try:
            if attempt > 1:
                params = {"idempotency_key": idempotency_key}
                known = await self._client.get(url, params=params, headers=trace)
                if known.status_code == 200:
                    return known
                if known.status_code != 404:
                    raise unanswered(known)
            return await self._client.post(
                url, json=content, headers={"Idempotency-Key": idempotency_key, **trace}
            )
        except httpx.HTTPError as error:
            raise UnansweredError(f"{url}: {type(error).__name__} {error}".rstrip()) from error
