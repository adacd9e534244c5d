"""How long an order may stay as it is before operators are told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.common.messages.order import CheckDeadline, OrderEvent, OrderFlagged
from services.order.domain.order import Order, OrderStatus, PaymentStatus
from services.order.domain.policy import Policy

PAYMENT = "payment_late"
START = "start_late"
OVERDUE = "preparation_overdue"
NO_DRIVER = "no_driver"
PICKUP = "pickup_late"
DROPOFF = "dropoff_late"
REFUND = "refund_late"
TICKET_CANCELLATION = "ticket_cancellation_late"

_FLAGS: Mapping[OrderStatus, str] = {
    OrderStatus.CREATED: PAYMENT,
    OrderStatus.SCHEDULING_DELIVERY: NO_DRIVER,
    OrderStatus.WAITING_FOR_DRIVER: PICKUP,
    OrderStatus.IN_DELIVERY: DROPOFF,
}

_SECONDS_MAX: Mapping[str, Callable[[Policy], float]] = {
    PAYMENT: lambda policy: policy.payment_seconds_max,
    START: lambda policy: policy.start_seconds_max,
    OVERDUE: lambda policy: policy.overdue_grace_seconds,
    NO_DRIVER: lambda policy: policy.driver_seconds_max,
    PICKUP: lambda policy: policy.pickup_seconds_max,
    DROPOFF: lambda policy: policy.dropoff_seconds_max,
    REFUND: lambda policy: policy.refund_seconds_max,
    TICKET_CANCELLATION: lambda policy: policy.ticket_cancellation_seconds_max,
}


@dataclass(frozen=True, slots=True)
class Deadline:
    """The instant `at` from which on an order is late, counted from `since`."""

    flag: str
    since: datetime
    at: datetime


def counted_from(order: Order) -> Mapping[str, datetime]:
    """The instant from which each flag's time is counted, for those that the order may get."""
    found = {}
    if order.status in _FLAGS:
        found[_FLAGS[order.status]] = order.status_since
    elif order.status is OrderStatus.SCHEDULED and not order.is_preparation_due:
        if order.prepare_at is not None:
            found[START] = max(order.prepare_at, order.status_since)
    elif order.status is OrderStatus.IN_PREPARATION:
        said = None if order.is_preparing_too_long else order.expected_ready_at
        found[OVERDUE] = said or order.status_since
    waiting = [each.requested_at for each in order.refunds if each.is_open]
    if order.payment is PaymentStatus.VOIDING:
        waiting.append(order.status_since)
    if waiting:
        found[REFUND] = min(waiting)
    if order.is_ticket_cancellation_due:
        found[TICKET_CANCELLATION] = order.status_since
    return found


def deadlines(order: Order, policy: Policy) -> tuple[Deadline, ...]:
    """What the order is about to be late with, and is not flagged for yet."""
    found = []
    for flag, since in counted_from(order).items():
        if flag in order.flags:
            continue
        at = since + timedelta(seconds=_SECONDS_MAX[flag](policy))
        if flag == OVERDUE:
            # However often a restaurant moves the time, it does not move this one. The wakeup of
            # an instant has one event: what comes at both counts as the one that is not moved.
            last = order.status_since + timedelta(seconds=policy.preparing_seconds_max)
            if last <= at:
                since, at = order.status_since, last
        found.append(Deadline(flag, since, at))
    return tuple(found)


def decide_deadline(command: CheckDeadline, order: Order, policy: Policy) -> OrderEvent | None:
    """The flag of an order that is late indeed, once.

    A wakeup is never early, and comes once: the broker's clock may be a little behind the worker's,
    and does not count.
    """
    for deadline in deadlines(order, policy):
        if (deadline.flag, deadline.since) == (command.flag, command.since):
            return OrderFlagged(order.order_id, deadline.flag, deadline.since)
    return None
