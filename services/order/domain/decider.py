"""The order aggregate for the runtime."""

from collections.abc import Mapping
from datetime import datetime

from services.common.decider import Decider, Rejected
from services.common.messages.order import (
    ConfirmPayment,
    ConfirmRefund,
    DeclinePayment,
    OrderCommand,
    OrderEvent,
    RecordDriver,
    RecordDropoff,
    RecordEta,
    RecordPickup,
    ReportPaymentDelay,
    SubmitOrder,
)
from services.order.domain.agenda import agenda
from services.order.domain.delivery import decide_delivery
from services.order.domain.order import Order, evolve
from services.order.domain.payment import decide_payment
from services.order.domain.preparation import decide_preparation
from services.order.domain.submission import submit


def decide(
    command: OrderCommand, order: Order | None, at: datetime, preparation_seconds: int
) -> OrderEvent | Rejected | None:
    """The event of a command, Rejected, or None for a repeat.

    Args:
        preparation_seconds: how long a restaurant cooks, to be ready at a requested time.
    """
    if isinstance(command, SubmitOrder):
        return submit(command, order, at)
    if order is None:
        return Rejected("unknown_order", f"there is no order {command.order_id}")
    match command:
        case ConfirmPayment() | DeclinePayment() | ReportPaymentDelay() | ConfirmRefund():
            return decide_payment(command, order, at, preparation_seconds)
        case RecordDriver() | RecordEta() | RecordPickup() | RecordDropoff():
            return decide_delivery(command, order)
        case _:
            return decide_preparation(command, order)


def labels(order: Order) -> Mapping[str, str]:
    """What orders are listed by."""
    named = {"status": order.status.value, "partner": order.partner}
    if order.idempotency_key is not None:
        named["idempotency_key"] = order.idempotency_key
    return named


def order_decider(preparation_seconds: int) -> Decider[Order, OrderCommand, OrderEvent]:
    """The order aggregate for the runtime."""
    return Decider(
        name="order",
        key_field="order_id",
        decide=lambda command, order, at: decide(command, order, at, preparation_seconds),
        evolve=evolve,
        agenda=agenda,
        labels=labels,
        listed_at=lambda order: order.created_at,
        state_type=Order,
        keeps_history=True,
    )
