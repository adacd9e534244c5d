"""The order aggregate for the runtime."""

from collections.abc import Mapping
from datetime import datetime

from services.common.decider import Decider, Rejected
from services.common.messages.order import (
    CancelOrder,
    CheckDeadline,
    CloseRefusal,
    ConfirmAdmission,
    ConfirmPayment,
    ConfirmRefund,
    ConfirmTicketCancellation,
    ConfirmVoid,
    DeclinePayment,
    OrderCommand,
    OrderEtaChanged,
    OrderEvent,
    RecordDriver,
    RecordDriverLoss,
    RecordDropoff,
    RecordEta,
    RecordFailure,
    RecordPickup,
    RefuseAdmission,
    RefuseOrder,
    RefusePreparation,
    RefuseRefund,
    ReportPaymentDelay,
    ReportRefundDelay,
    RequestRefund,
    RetryRefund,
    SubmitOrder,
    UndoRefusal,
)
from services.order.domain.admission import decide_admission
from services.order.domain.agenda import agenda
from services.order.domain.cancellation import decide_cancellation
from services.order.domain.deadlines import decide_deadline
from services.order.domain.delivery import decide_delivery
from services.order.domain.evolution import evolve
from services.order.domain.order import Order
from services.order.domain.payment import decide_payment
from services.order.domain.policy import Policy
from services.order.domain.preparation import decide_preparation
from services.order.domain.refunds import decide_refund
from services.order.domain.refusal import decide_refusal
from services.order.domain.submission import submit


def decide(
    command: OrderCommand, order: Order | None, at: datetime, policy: Policy
) -> OrderEvent | Rejected | None:
    """The event of a command, Rejected, or None for a repeat."""
    if isinstance(command, SubmitOrder):
        return submit(command, order, at, policy.code_secret)
    if order is None:
        return Rejected("unknown_order", f"there is no order {command.order_id}")
    match command:
        case ConfirmAdmission() | RefuseAdmission():
            return decide_admission(command, order)
        case ConfirmPayment() | DeclinePayment() | ReportPaymentDelay() | ConfirmVoid():
            return decide_payment(command, order, at, policy)
        case RefusePreparation() | RefuseOrder() | UndoRefusal() | CloseRefusal():
            return decide_refusal(command, order, at, policy)
        case CancelOrder() | ConfirmTicketCancellation():
            return decide_cancellation(command, order)
        case (
            RequestRefund() | ConfirmRefund() | RefuseRefund() | ReportRefundDelay() | RetryRefund()
        ):
            return decide_refund(command, order)
        case (
            RecordDriver()
            | RecordDriverLoss()
            | RecordEta()
            | RecordPickup()
            | RecordDropoff()
            | RecordFailure()
        ):
            return decide_delivery(command, order)
        case CheckDeadline():
            return decide_deadline(command, order, policy)
        case _:
            return decide_preparation(command, order, at, policy)


def labels(order: Order) -> Mapping[str, str]:
    """What orders are listed by."""
    named = {
        "status": order.status.value,
        "partner": order.partner,
        "restaurant": order.restaurant.restaurant_id,
    }
    if order.customer is not None:
        named["customer"] = order.customer
    if order.idempotency_key is not None:
        named["idempotency_key"] = order.idempotency_key
    if order.flags:
        named["flagged"] = "true"
    return named


def stage(order: Order) -> tuple[str, str]:
    """What is timed: each status, of orders for later apart from the others."""
    is_for_later = order.ready_at is not None or order.delay_seconds > 0
    return order.status.value, "later" if is_for_later else "now"


def order_decider(policy: Policy) -> Decider[Order, OrderCommand, OrderEvent]:
    """The order aggregate for the runtime."""
    return Decider(
        name="order",
        key_field="order_id",
        decide=lambda command, order, at: decide(command, order, at, policy),
        evolve=evolve,
        agenda=lambda order: agenda(order, policy),
        labels=labels,
        listed_at=lambda order: order.created_at,
        state_type=Order,
        keeps_history=True,
        stage=stage,
        routine={OrderEtaChanged.__name__},
    )
