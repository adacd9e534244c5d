"""The cooking of an order: decisions, and the call to the restaurant's point of sale."""

from dataclasses import dataclass
from typing import assert_never

from services.common import ids
from services.common.decider import Rejected
from services.common.messages.order import (
    ConfirmPreparation,
    FinishPreparation,
    OrderCancelled,
    OrderEvent,
    PreparationDelayed,
    PreparationDue,
    PreparationFinished,
    PreparationStarted,
    RefusePreparation,
    ReportPreparationDelay,
    StartPreparation,
)
from services.common.values import Item
from services.order.domain.order import Order, OrderStatus, impossible


@dataclass(frozen=True, slots=True)
class RequestPreparation:
    """A call to the restaurant's point of sale: prepare the order, on one ticket."""

    idempotency_key: str
    restaurant_id: str
    items: tuple[Item, ...]


def decide_preparation(
    command: StartPreparation
    | ConfirmPreparation
    | RefusePreparation
    | ReportPreparationDelay
    | FinishPreparation,
    order: Order,
) -> OrderEvent | Rejected | None:
    """What becomes of the order when its preparation is told of."""
    is_asked = order.status is OrderStatus.SCHEDULED and order.is_preparation_due
    match command:
        case StartPreparation(prepare_at=prepare_at):
            if order.is_preparation_due:
                return None
            if order.status is not OrderStatus.SCHEDULED or order.prepare_at != prepare_at:
                return impossible(command, order)
            return PreparationDue(order.order_id)
        case ConfirmPreparation(ticket_id=ticket_id):
            if order.ticket_id == ticket_id or _is_cooked(order):
                return None
            if not is_asked:
                return impossible(command, order)
            return PreparationStarted(order.order_id, ticket_id)
        case RefusePreparation(reason=reason):
            if order.status is OrderStatus.CANCELLED:
                return None
            if not is_asked:
                return impossible(command, order)
            return OrderCancelled(order.order_id, f"restaurant refused: {reason}")
        case ReportPreparationDelay(attempts=attempts, error=error):
            if not is_asked or order.is_preparation_delayed:
                return None
            return PreparationDelayed(order.order_id, attempts, error)
        case FinishPreparation():
            if _is_cooked(order):
                return None
            if order.status is not OrderStatus.IN_PREPARATION and not is_asked:
                return impossible(command, order)
            return PreparationFinished(
                order_id=order.order_id,
                delivery_id=ids.delivery_id(order.order_id),
                region=order.restaurant.region,
                pickup=order.restaurant.location,
                dropoff=order.destination,
            )
        case _:
            assert_never(command)


def _is_cooked(order: Order) -> bool:
    return order.delivery_id is not None
