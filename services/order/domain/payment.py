"""The money of an order: decisions, and the calls to the payment provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from services.common import ids
from services.common.decider import Rejected
from services.common.messages.order import (
    ConfirmPayment,
    ConfirmRefund,
    DeclinePayment,
    OrderEvent,
    OrderRejected,
    OrderScheduled,
    PaymentDelayed,
    PaymentRefunded,
    ReportPaymentDelay,
)
from services.order.domain.order import Order, OrderStatus, PaymentStatus, impossible


@dataclass(frozen=True, slots=True)
class ChargePayment:
    """A call to the payment provider: charge the order, once however often it is called."""

    partner: str
    idempotency_key: str
    amount_cents: int
    currency: str
    payment_token: str


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """A call to the payment provider: give the whole charge back, once."""

    partner: str
    idempotency_key: str
    charge_idempotency_key: str
    amount_cents: int
    reason: str


def decide_payment(
    command: ConfirmPayment | DeclinePayment | ReportPaymentDelay | ConfirmRefund,
    order: Order,
    at: datetime,
    preparation_seconds: int,
) -> OrderEvent | Rejected | None:
    """What becomes of the order when its payment is told of."""
    match command:
        case ConfirmPayment(charge_id=charge_id):
            if order.charge_id == charge_id:
                return None
            if order.status is not OrderStatus.CREATED:
                return impossible(command, order)
            prepare_at = at + timedelta(seconds=order.delay_seconds)
            if order.ready_at is not None:
                prepare_at = max(at, order.ready_at - timedelta(seconds=preparation_seconds))
            return OrderScheduled(order.order_id, charge_id, prepare_at)
        case DeclinePayment(reason=reason):
            if order.payment is PaymentStatus.DECLINED:
                return None
            if order.status is not OrderStatus.CREATED:
                return impossible(command, order)
            return OrderRejected(order.order_id, f"payment declined: {reason}")
        case ReportPaymentDelay(attempts=attempts, error=error):
            if order.payment is not PaymentStatus.PENDING:
                return None
            return PaymentDelayed(order.order_id, attempts, error)
        case ConfirmRefund(refund_id=refund_id):
            if order.refund_id == refund_id:
                return None
            if order.payment is not PaymentStatus.REFUNDING:
                return impossible(command, order)
            return PaymentRefunded(order.order_id, refund_id)
        case _:
            assert_never(command)


def charge_key(order_id: str) -> str:
    """The idempotency key of the one charge of an order, whatever the attempt."""
    return ids.derive(order_id, "charge")
