"""What an order waits for."""

from services.common import ids
from services.common.decider import Wakeup
from services.common.messages.order import StartPreparation
from services.order.domain.order import Order, OrderStatus, PaymentStatus
from services.order.domain.payment import ChargePayment, RefundPayment, charge_key
from services.order.domain.preparation import RequestPreparation

Agenda = tuple[Wakeup | ChargePayment | RefundPayment | RequestPreparation, ...]


def agenda(order: Order) -> Agenda:
    """What the order waits for: its scheduled time, or an answer of the outside world."""
    if order.status is OrderStatus.CREATED:
        return (
            ChargePayment(
                partner=order.partner,
                idempotency_key=charge_key(order.order_id),
                amount_cents=order.amount_cents,
                currency=order.currency,
                payment_token=order.payment_token,
            ),
        )
    if order.status is OrderStatus.SCHEDULED and order.prepare_at is not None:
        if order.is_preparation_due:
            return (
                RequestPreparation(
                    idempotency_key=ids.derive(order.order_id, "ticket"),
                    restaurant_id=order.restaurant.restaurant_id,
                    items=order.items,
                ),
            )
        command = StartPreparation(order.order_id, order.prepare_at)
        return (Wakeup(order.prepare_at, command),)
    if order.payment is PaymentStatus.REFUNDING:
        return (
            RefundPayment(
                partner=order.partner,
                idempotency_key=ids.derive(order.order_id, "refund"),
                charge_idempotency_key=charge_key(order.order_id),
                amount_cents=order.amount_cents,
                reason=order.reason or "",
            ),
        )
    return ()
