"""How a restaurant says that it does not cook an order, and takes that back: decisions."""

from datetime import datetime, timedelta
from typing import assert_never

from services.common.decider import Rejected
from services.common.messages.order import (
    CancelledBy,
    CloseRefusal,
    OrderEvent,
    OrderRefused,
    RefusalUndone,
    RefuseOrder,
    RefusePreparation,
    UndoRefusal,
)
from services.order.domain.cancellation import cancelled
from services.order.domain.order import Order, OrderStatus, impossible
from services.order.domain.policy import Policy


def decide_refusal(
    command: RefusePreparation | RefuseOrder | UndoRefusal | CloseRefusal,
    order: Order,
    at: datetime,
    policy: Policy,
) -> OrderEvent | Rejected | None:
    """What becomes of the order when its restaurant refuses it, or has thought again."""
    match command:
        case (
            RefusePreparation(reason=reason, detail=detail)
            | RefuseOrder(reason=reason, detail=detail)
        ):
            if order.refusal is not None or order.cancelled_by is CancelledBy.RESTAURANT:
                return None
            if not order.is_asked and order.status is not OrderStatus.IN_PREPARATION:
                return impossible(command, order)
            if isinstance(command, RefusePreparation) and order.ticket_id is not None:
                return impossible(command, order)  # it is older than the ticket
            final_at = at + timedelta(seconds=policy.refusal_grace_seconds)
            return OrderRefused(order.order_id, reason, detail, final_at)
        case UndoRefusal():
            return _undone(order, at, policy)
        case CloseRefusal(final_at=final_at):
            refusal = order.refusal
            if refusal is None or refusal.final_at != final_at:
                return None
            return cancelled(order, CancelledBy.RESTAURANT, refusal.reason.value, refusal.detail)
        case _:
            assert_never(command)


def _undone(order: Order, at: datetime, policy: Policy) -> OrderEvent | Rejected | None:
    if order.refusal is None:
        if order.undone_refusals and not order.is_final:
            return None
        return Rejected(
            "not_refused", f"no refusal of the order {order.order_id} can be taken back now"
        )
    if at >= order.refusal.final_at:
        return Rejected("too_late", "the time to take the refusal back is over")
    if order.is_asked and order.accept_by is not None and at >= order.accept_by:
        return Rejected("too_late", "the time to answer, which a refusal does not stretch, is over")
    if order.undone_refusals >= policy.undo_max:
        return Rejected(
            "undone_too_often", f"a restaurant takes at most {policy.undo_max} refusals back"
        )
    return RefusalUndone(order.order_id)
