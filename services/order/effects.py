"""The order service's calls to the payment provider and to the restaurant's point of sale.

An outcome that is not known is asked for by its idempotency key before the call is made again.
"""

from typing import Any, assert_never

import httpx

from services.common.effects import UnansweredError
from services.common.messages.order import (
    ConfirmPayment,
    ConfirmPreparation,
    ConfirmRefund,
    DeclinePayment,
    OrderCommand,
    RefusePreparation,
    ReportPaymentDelay,
    ReportPreparationDelay,
)
from services.order.domain import ChargePayment, RefundPayment, RequestPreparation

TEXT_CHARS_MAX = 200

OrderCall = ChargePayment | RefundPayment | RequestPreparation


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
        self._client = httpx.AsyncClient(
            transport=transport, timeout=timeout_seconds, trust_env=False
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    def target(self, call: OrderCall) -> str:
        """The payment provider, or one restaurant's point of sale."""
        match call:
            case ChargePayment() | RefundPayment():
                return "payment provider"
            case RequestPreparation(restaurant_id=restaurant_id):
                return f"point of sale of {restaurant_id}"
            case _:
                assert_never(call)

    def user(self, call: OrderCall) -> str:
        """The partner whose order is paid; a point of sale takes its tickets in their order."""
        match call:
            case ChargePayment() | RefundPayment():
                return call.partner
            case RequestPreparation(restaurant_id=restaurant_id):
                return restaurant_id
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
            case RefundPayment():
                return await self._refund(order_id, call, attempt)
            case RequestPreparation():
                return await self._request(order_id, call, attempt)
            case _:
                assert_never(call)

    def flag(
        self, order_id: str, call: OrderCall, attempts: int, error: str
    ) -> OrderCommand | None:
        """The command that reports that the outcome has stayed unknown for long."""
        error = error[:TEXT_CHARS_MAX]
        match call:
            case ChargePayment():
                return ReportPaymentDelay(order_id, attempts, error)
            case RequestPreparation():
                return ReportPreparationDelay(order_id, attempts, error)
            case RefundPayment():
                return None
            case _:
                assert_never(call)

    async def _charge(self, order_id: str, call: ChargePayment, attempt: int) -> OrderCommand:
        answer = await self._once(
            f"{self._payment_url}/charges",
            call.idempotency_key,
            {
                "amount_cents": call.amount_cents,
                "currency": call.currency,
                "payment_token": call.payment_token,
                "description": f"order {order_id}",
            },
            attempt,
        )
        charge = _content(answer)
        match charge.get("status"):
            case "succeeded":
                return ConfirmPayment(order_id, _text(charge, "id"))
            case "declined":
                return DeclinePayment(order_id, _text(charge, "decline_reason"))
            case _:
                raise UnansweredError(f"{answer.request.url} answered {answer.status_code}")

    async def _refund(self, order_id: str, call: RefundPayment, attempt: int) -> OrderCommand:
        answer = await self._once(
            f"{self._payment_url}/refunds",
            call.idempotency_key,
            {
                "charge_idempotency_key": call.charge_idempotency_key,
                "amount_cents": call.amount_cents,
                "reason": call.reason,
            },
            attempt,
        )
        if answer.status_code not in (200, 201):
            raise UnansweredError(f"{answer.request.url} answered {answer.status_code}")
        return ConfirmRefund(order_id, _text(_content(answer), "id"))

    async def _request(self, order_id: str, call: RequestPreparation, attempt: int) -> OrderCommand:
        answer = await self._once(
            f"{self._pos_url}/tickets",
            call.idempotency_key,
            {
                "order_id": order_id,
                "restaurant_id": call.restaurant_id,
                "items": [{"name": item.name, "quantity": item.quantity} for item in call.items],
                "callback_url": f"{self._callback_url}/orders/{order_id}/preparation-finished",
            },
            attempt,
        )
        content = _content(answer)
        # A ticket that is asked for by its key is found, though it was refused.
        if answer.status_code == 409 or content.get("status") == "refused":
            return RefusePreparation(order_id, _text(content, "reason"))
        if answer.status_code in (200, 201):
            return ConfirmPreparation(order_id, _text(content, "id"))
        raise UnansweredError(f"{answer.request.url} answered {answer.status_code}")

    async def _once(
        self, url: str, idempotency_key: str, content: dict[str, Any], attempt: int
    ) -> httpx.Response:
        """The answer to a call that may have been made before: asked first, made if unknown."""
        try:
            if attempt > 1:
                params = {"idempotency_key": idempotency_key}
                known = await self._client.get(url, params=params)
                if known.status_code == 200:
                    return known
                if known.status_code != 404:
                    raise UnansweredError(f"{url} answered {known.status_code}")
            return await self._client.post(
                url, json=content, headers={"Idempotency-Key": idempotency_key}
            )
        except httpx.HTTPError as error:
            raise UnansweredError(f"{url}: {type(error).__name__} {error}".rstrip()) from error


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError as error:
        raise UnansweredError(f"{answer.request.url} answered no JSON") from error
    if not isinstance(content, dict):
        raise UnansweredError(f"{answer.request.url} answered no JSON object")
    return content


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise UnansweredError(f"the answer has no {name}")
    return value[:TEXT_CHARS_MAX]
