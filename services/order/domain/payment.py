"""The charge of an order: decisions, and the calls to the payment provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from services.common import ids
from services.common.decider import Rejected
from services.common.messages.order import (
    ConfirmPayment,
    ConfirmVoid,
    DeclinePayment,
    OrderEvent,
    OrderRejected,
    OrderScheduled,
    PaymentDelayed,
    PaymentVoided,
    ReportPaymentDelay,
)
from services.order.domain.order import Order, OrderStatus, PaymentStatus, impossible
from services.order.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class ChargePayment:
    """A call to the payment provider: charge the order, once however often it is called."""

    partner: str
    idempotency_key: str
    amount_cents: int
    currency: str
    payment_token: str


@dataclass(frozen=True, slots=True)
class VoidPayment:
    """A call to the payment provider: never charge the order, or give its charge back."""

    partner: str
    idempotency_key: str
    charge_idempotency_key: str
    reason: str


def decide_payment(
    command: ConfirmPayment | DeclinePayment | ReportPaymentDelay | ConfirmVoid,
    order: Order,
    at: datetime,
    policy: Policy,
) -> OrderEvent | Rejected | None:
    """What becomes of the order when its payment is told of."""
    is_charging = order.status is OrderStatus.CREATED and order.is_admitted
    is_voided = order.payment in (PaymentStatus.VOIDING, PaymentStatus.VOIDED)
    match command:
        case ConfirmPayment(charge_id=charge_id):
            if order.charge_id == charge_id and not is_voided:
                return None
            if not is_charging:
                return impossible(command, order)
            return OrderScheduled(order.order_id, charge_id, _prepare_at(order, at, policy))
        case DeclinePayment(reason=reason):
            if order.payment is PaymentStatus.DECLINED:
                return None
            if not is_charging:
                return impossible(command, order)
            return OrderRejected(order.order_id, "payment_declined", reason)
        case ReportPaymentDelay(attempts=attempts, error=error):
            if is_charging and order.payment is PaymentStatus.PENDING:
                return PaymentDelayed(order.order_id, attempts, error)
            return impossible(command, order) if order.is_final else None
        case ConfirmVoid(charge_id=charge_id, refund_id=refund_id):
            if order.payment is PaymentStatus.VOIDED:
                return None
            if order.payment is not PaymentStatus.VOIDING:
                return impossible(command, order)
            return PaymentVoided(order.order_id, charge_id, refund_id)
        case _:
            assert_never(command)


def charge_key(order_id: str) -> str:
    """The idempotency key of the one charge of an order, whatever the attempt."""
    return ids.derive(order_id, "charge")


def void_key(order_id: str) -> str:
    """The idempotency key of the one void of an order's charge."""
    return ids.derive(order_id, "void")


def _prepare_at(order: Order, at: datetime, policy: Policy) -> datetime:
    """When the preparation starts; in the past where the order is late already."""
    if order.ready_at is None:
        return at + timedelta(seconds=order.delay_seconds)
    return order.ready_at - timedelta(seconds=cooking_seconds(order, policy))


def cooking_seconds(order: Order, policy: Policy) -> int:
    """How long the order's restaurant cooks, as far as is known."""
    seconds = order.preparation_seconds
    return policy.preparation_seconds if seconds is None else seconds
