"""The money that is given back: decisions, and the call to the payment provider."""

from dataclasses import dataclass
from typing import assert_never

from services.common import ids
from services.common.decider import Rejected
from services.common.messages.order import (
    ConfirmRefund,
    OrderEvent,
    PaymentRefunded,
    RefundDelayed,
    RefundItem,
    RefundRefused,
    RefundRequested,
    RefundRetried,
    RefuseRefund,
    ReportRefundDelay,
    RequestRefund,
    RetryRefund,
)
from services.order.domain.money import CANCELLATION
from services.order.domain.order import Order, OrderStatus, Refund, RefundStatus, impossible

REFUNDS_MAX = 50


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """A call to the payment provider: give this much of the charge back, once."""

    partner: str
    idempotency_key: str
    charge_idempotency_key: str
    amount_cents: int
    reason: str
    refund: str


def decide_refund(
    command: RequestRefund | ConfirmRefund | RefuseRefund | ReportRefundDelay | RetryRefund,
    order: Order,
) -> OrderEvent | Rejected | None:
    """What becomes of the order's money when a refund is asked for or told of."""
    refund = next((each for each in order.refunds if each.name == command.refund), None)
    if isinstance(command, RequestRefund):
        return _requested(command, order, refund)
    if refund is None:
        return Rejected(
            "unknown_refund", f"the order {order.order_id} has no refund {command.refund}"
        )
    match command:
        case ConfirmRefund(refund_id=refund_id):
            if refund.status is RefundStatus.REFUNDED and refund.refund_id == refund_id:
                return None
            if not refund.is_open:
                return _settled(refund)
            return PaymentRefunded(order.order_id, refund.name, refund_id, refund.amount_cents)
        case RefuseRefund(reason=reason):
            if refund.status is RefundStatus.REFUSED:
                return None
            if not refund.is_open:
                return _settled(refund)
            return RefundRefused(order.order_id, refund.name, reason)
        case ReportRefundDelay(attempts=attempts, error=error):
            if refund.status is not RefundStatus.OPEN:
                return None
            return RefundDelayed(order.order_id, refund.name, attempts, error)
        case RetryRefund():
            if refund.is_open:
                return None
            if refund.status is not RefundStatus.REFUSED:
                return _settled(refund)
            # Others may have been given back what was refused here.
            if (refusal := _beyond(order, refund.items, refund.amount_cents)) is not None:
                return refusal
            return RefundRetried(order.order_id, refund.name, refund.attempt + 1)
        case _:
            assert_never(command)


def refund_key(order_id: str, refund: Refund) -> str:
    """The idempotency key of one attempt of a refund, however often it is called."""
    return ids.derive(order_id, f"refund/{refund.name}/{refund.attempt}")


def _requested(
    command: RequestRefund, order: Order, known: Refund | None
) -> OrderEvent | Rejected | None:
    if command.refund == CANCELLATION:
        return Rejected("reserved_name", f"{CANCELLATION} is the refund of a cancelled order")
    if known is not None:
        items = () if known.is_rest else known.items
        if (items, known.reason) == (command.items, command.reason):
            return None
        return Rejected("refund_taken", f"another refund is called {command.refund} already")
    if order.charge_id is None and not order.is_final:
        return Rejected("not_paid", f"the order {order.order_id} is not paid yet")
    if order.status in (OrderStatus.CANCELLED, OrderStatus.REJECTED):
        return impossible(command, order)
    if len(order.refunds) >= REFUNDS_MAX:
        return Rejected("too_many_refunds", f"an order has at most {REFUNDS_MAX} refunds")
    amount_cents = order.left_cents
    if command.items:
        if any(each.line >= len(order.items) for each in command.items):
            return Rejected("unknown_item", f"the order has {len(order.items)} lines, from 0 on")
        amount_cents = sum(
            order.items[each.line].price_cents * each.quantity for each in command.items
        )
    refusal = _beyond(order, command.items, amount_cents)
    if refusal is not None:
        return refusal
    return RefundRequested(
        order.order_id, command.refund, amount_cents, command.reason, command.items
    )


def _beyond(order: Order, items: tuple[RefundItem, ...], amount_cents: int) -> Rejected | None:
    """The refusal of a refund of more items or more money than there is to give back."""
    if not order.left_cents:
        return Rejected("nothing_left", "all that was paid is given back, or about to be")
    if (line := order.beyond(items)) is not None:
        name = order.items[line].name
        return Rejected("already_refunded", f"no more than was ordered of {name} is refunded")
    if items and not amount_cents:
        return Rejected("nothing_to_refund", "these items cost nothing")
    if amount_cents > order.left_cents:
        return Rejected(
            "more_than_left", f"{amount_cents} cents are asked, {order.left_cents} are left"
        )
    return None


def _settled(refund: Refund) -> Rejected:
    return Rejected("impossible_now", f"the refund {refund.name} is {refund.status.value} already")
