"""How events change the money of an order."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from services.common.messages.order import (
    OrderCancelled,
    PaymentRefunded,
    RefundDelayed,
    RefundRefused,
    RefundRequested,
    RefundRetried,
)
from services.order.domain.order import (
    Order,
    OrderStatus,
    PaymentStatus,
    Refund,
    RefundStatus,
)

# The name of the refund of all that is left when an order is cancelled.
CANCELLATION = "cancellation"
REFUND_REFUSED = "refund_refused"


def cancelled(order: Order, event: OrderCancelled, at: datetime) -> Order:
    """Ends the order: what was not charged is voided, what was is in one refund of all the rest."""
    ended = replace(
        order,
        status=OrderStatus.CANCELLED,
        refusal=None,
        is_ticket_cancellation_due=order.is_preparation_due,
        cancelled_by=event.by,
        reason=event.reason,
        detail=event.detail,
    )
    if order.charge_id is None:
        voided = PaymentStatus.VOIDING if order.is_admitted else PaymentStatus.VOIDED
        return replace(ended, payment=voided)
    refunds = tuple(
        replace(each, status=RefundStatus.SUPERSEDED)
        if each.status is RefundStatus.REFUSED
        else each
        for each in order.refunds
    )
    if event.refund_cents:
        refunds += (Refund(CANCELLATION, event.refund_cents, (), event.reason, at),)
    return with_refunds(ended, refunds)


def requested(order: Order, event: RefundRequested, at: datetime) -> Order:
    """The order with one more refund; one without items is for all items that are left."""
    refund = Refund(
        event.refund,
        event.amount_cents,
        event.items or order.left_items,
        event.reason,
        at,
        is_rest=not event.items,
    )
    return with_refunds(order, (*order.refunds, refund))


def refunds_changed(
    order: Order,
    event: PaymentRefunded | RefundRefused | RefundDelayed | RefundRetried,
    at: datetime,
) -> Order:
    """The order after something was heard of a refund."""
    refunds = tuple(
        _refund_changed(each, event, at) if each.name == event.refund else each
        for each in order.refunds
    )
    if isinstance(event, PaymentRefunded):
        order = replace(order, refund_id=event.refund_id)
    return with_refunds(order, refunds)


def _refund_changed(
    refund: Refund,
    event: PaymentRefunded | RefundRefused | RefundDelayed | RefundRetried,
    at: datetime,
) -> Refund:
    match event:
        case PaymentRefunded(refund_id=refund_id):
            return replace(refund, status=RefundStatus.REFUNDED, refund_id=refund_id)
        case RefundRefused(reason=reason):
            return replace(refund, status=RefundStatus.REFUSED, refusal=reason)
        case RefundDelayed():
            return replace(refund, status=RefundStatus.DELAYED)
        case RefundRetried(attempt=attempt):
            status = RefundStatus.OPEN
            return replace(refund, status=status, attempt=attempt, requested_at=at)
        case _:
            assert_never(event)


def with_refunds(order: Order, refunds: tuple[Refund, ...]) -> Order:
    """The order with these refunds, and where its money is because of them."""
    after = replace(order, refunds=refunds)
    payment = PaymentStatus.CHARGED
    if any(each.is_open for each in refunds):
        payment = PaymentStatus.REFUNDING
    elif after.refunded_cents == order.amount_cents and (
        order.amount_cents or order.status is OrderStatus.CANCELLED
    ):
        payment = PaymentStatus.REFUNDED
    elif after.refunded_cents:
        payment = PaymentStatus.PARTLY_REFUNDED
    return replace(after, payment=payment)
