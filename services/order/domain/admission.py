"""Whether the restaurant takes an order in at all: decisions."""

from typing import assert_never

from services.common.decider import Rejected
from services.common.messages.order import (
    PREPARATION_SECONDS_MAX,
    ConfirmAdmission,
    OrderAdmitted,
    OrderEvent,
    OrderRejected,
    RefuseAdmission,
)
from services.order.domain.order import Order, OrderStatus, impossible

# A busy restaurant adds up to as much again to its own time.
ADMITTED_SECONDS_MAX = 2 * PREPARATION_SECONDS_MAX


def decide_admission(
    command: ConfirmAdmission | RefuseAdmission, order: Order
) -> OrderEvent | Rejected | None:
    """What becomes of the order when its restaurant has looked at it."""
    match command:
        case ConfirmAdmission():
            if order.is_admitted:
                return None
            if order.status is not OrderStatus.CREATED:
                return impossible(command, order)
            seconds = (command.preparation_seconds, command.accept_seconds_max)
            if not all(0 <= each <= ADMITTED_SECONDS_MAX for each in seconds):
                return Rejected(
                    "seconds_out_of_range",
                    f"a restaurant has 0 to {ADMITTED_SECONDS_MAX} s to cook and to answer, "
                    f"not {seconds[0]} and {seconds[1]}",
                )
            return OrderAdmitted(
                order.order_id,
                command.zone,
                command.preparation_seconds,
                command.accept_seconds_max,
            )
        case RefuseAdmission():
            if order.status is OrderStatus.REJECTED and not order.is_admitted:
                return None
            if order.status is not OrderStatus.CREATED or order.is_admitted:
                return impossible(command, order)
            return OrderRejected(order.order_id, command.reason, command.detail)
        case _:
            assert_never(command)
