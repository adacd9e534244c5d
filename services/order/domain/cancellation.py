"""How an order is ended before it is delivered: decisions, and the call that stops the kitchen."""

from dataclasses import dataclass
from typing import assert_never

from services.common.decider import Rejected
from services.common.messages.order import (
    CancelledBy,
    CancelOrder,
    ConfirmTicketCancellation,
    OrderCancelled,
    OrderEvent,
    TicketCancelled,
)
from services.order.domain.order import Order, OrderStatus, impossible


@dataclass(frozen=True, slots=True)
class CancelTicket:
    """A call to the restaurant's point of sale: do not cook; `idempotency_key` is the ticket's."""

    restaurant_id: str
    idempotency_key: str
    reason: str = ""


def decide_cancellation(
    command: CancelOrder | ConfirmTicketCancellation, order: Order
) -> OrderEvent | Rejected | None:
    """What becomes of the order when somebody ends it, and when its kitchen knows."""
    match command:
        case CancelOrder(by=by, reason=reason):
            if by is CancelledBy.TIFFIN:
                return Rejected("not_yours", "only Tiffin itself ends an order in its own name")
            if order.status is OrderStatus.CANCELLED:
                return None
            if order.is_final:
                return impossible(command, order)
            if order.status is OrderStatus.IN_DELIVERY and by is not CancelledBy.OPERATOR:
                return Rejected(
                    "picked_up", "the order is on the road, where only an operator may end it"
                )
            return cancelled(order, by, reason)
        case ConfirmTicketCancellation():
            if order.is_ticket_cancellation_due:
                return TicketCancelled(order.order_id)
            if order.status is OrderStatus.CANCELLED and order.is_preparation_due:
                return None
            return impossible(command, order)
        case _:
            assert_never(command)


def cancelled(
    order: Order, by: CancelledBy, reason: str, detail: str = "", is_returning: bool = False
) -> OrderCancelled:
    """The end of the order, with all that is left of its money, and its delivery.

    Args:
        is_returning: the delivery has ended the order, and is not to be ended by it.
    """
    owed_cents = 0 if order.charge_id is None else order.left_cents
    delivery_id = None if is_returning else order.delivery_id
    return OrderCancelled(order.order_id, by, reason, detail, owed_cents, delivery_id)
