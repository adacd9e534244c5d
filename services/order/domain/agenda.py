"""What an order waits for."""

from collections.abc import Iterator

from services.common.decider import Wakeup
from services.common.messages.order import (
    CheckDeadline,
    CloseRefusal,
    ExpireAcceptance,
    StartPreparation,
)
from services.order.domain.cancellation import CancelTicket
from services.order.domain.deadlines import deadlines
from services.order.domain.order import Order, OrderStatus, PaymentStatus
from services.order.domain.payment import ChargePayment, VoidPayment, charge_key, void_key
from services.order.domain.policy import Policy
from services.order.domain.preparation import RequestPreparation, ticket_key
from services.order.domain.refunds import RefundPayment, refund_key

Call = ChargePayment | VoidPayment | RefundPayment | RequestPreparation | CancelTicket
Agenda = tuple[Wakeup | Call, ...]


def agenda(order: Order, policy: Policy) -> Agenda:
    """What the order waits for: answers of the outside world, and instants."""
    money = tuple(_money(order))
    if order.refusal is not None:
        # Nothing else is asked or told until the refusal is final or taken back.
        final_at = order.refusal.final_at
        return (*money, Wakeup(final_at, CloseRefusal(order.order_id, final_at)))
    return (*money, *_kitchen(order), *_deadlines(order, policy))


def _money(order: Order) -> Iterator[Call]:
    if order.status is OrderStatus.CREATED and order.is_admitted:
        yield ChargePayment(
            partner=order.partner,
            idempotency_key=charge_key(order.order_id),
            amount_cents=order.amount_cents,
            currency=order.currency,
            payment_token=order.payment_token,
        )
    if order.payment is PaymentStatus.VOIDING:
        yield VoidPayment(
            partner=order.partner,
            idempotency_key=void_key(order.order_id),
            charge_idempotency_key=charge_key(order.order_id),
            reason=order.reason or "",
        )
    for refund in order.refunds:
        if refund.is_open:
            yield RefundPayment(
                partner=order.partner,
                idempotency_key=refund_key(order.order_id, refund),
                charge_idempotency_key=charge_key(order.order_id),
                amount_cents=refund.amount_cents,
                reason=refund.reason,
                refund=refund.name,
            )


def _kitchen(order: Order) -> Iterator[Wakeup | Call]:
    restaurant_id = order.restaurant.restaurant_id
    is_cooking = order.status is OrderStatus.IN_PREPARATION
    if (order.is_asked or is_cooking) and order.ticket_id is None:
        yield RequestPreparation(
            idempotency_key=ticket_key(order.order_id),
            restaurant_id=restaurant_id,
            items=order.items,
            round=order.undone_refusals,
        )
    if order.is_ticket_cancellation_due:
        yield CancelTicket(restaurant_id, ticket_key(order.order_id), order.reason or "")
    if order.is_asked and order.accept_by is not None:
        yield Wakeup(order.accept_by, ExpireAcceptance(order.order_id, order.accept_by))
    if (
        order.status is OrderStatus.SCHEDULED
        and order.prepare_at is not None
        and not order.is_preparation_due
    ):
        yield Wakeup(order.prepare_at, StartPreparation(order.order_id, order.prepare_at))


def _deadlines(order: Order, policy: Policy) -> Iterator[Wakeup]:
    for each in deadlines(order, policy):
        yield Wakeup(each.at, CheckDeadline(order.order_id, each.flag, each.since))
