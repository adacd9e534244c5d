"""The cooking of an order: decisions, and the call to the restaurant's point of sale."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_never

from services.common import ids
from services.common.decider import Rejected
from services.common.messages.order import (
    PREPARATION_SECONDS_MAX,
    AcceptOrder,
    CancelledBy,
    ConfirmPreparation,
    ConfirmTicket,
    ExpireAcceptance,
    FinishPreparation,
    OrderEvent,
    PreparationDelayed,
    PreparationDue,
    PreparationFinished,
    PreparationStarted,
    PreparationUpdated,
    ReportPreparationDelay,
    StartPreparation,
    TicketReceived,
    UpdatePreparation,
)
from services.common.values import Item
from services.order.domain.cancellation import cancelled
from services.order.domain.order import Order, OrderStatus, impossible, refused
from services.order.domain.payment import cooking_seconds
from services.order.domain.policy import Policy

# A restaurant's clock may be so far behind when it says that an order is ready now.
CLOCK_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class RequestPreparation:
    """A call to the restaurant's point of sale: prepare the order, on one ticket.

    round: how often the restaurant was asked before, and refused.
    """

    idempotency_key: str
    restaurant_id: str
    items: tuple[Item, ...]
    round: int = 0


def decide_preparation(
    command: StartPreparation
    | ConfirmTicket
    | ConfirmPreparation
    | ReportPreparationDelay
    | AcceptOrder
    | ExpireAcceptance
    | UpdatePreparation
    | FinishPreparation,
    order: Order,
    at: datetime,
    policy: Policy,
) -> OrderEvent | Rejected | None:
    """What becomes of the order when its preparation is told of."""
    match command:
        case StartPreparation(prepare_at=prepare_at):
            if order.is_preparation_due:
                return None
            if order.status is not OrderStatus.SCHEDULED or order.prepare_at != prepare_at:
                return impossible(command, order)
            if at - prepare_at > timedelta(seconds=policy.lateness_seconds_max):
                return cancelled(order, CancelledBy.TIFFIN, "too_late")
            return PreparationDue(order.order_id, _accept_by(order, at, policy))
        case ExpireAcceptance(accept_by=accept_by):
            if not order.is_asked or order.refusal is not None or order.accept_by != accept_by:
                return None
            return cancelled(order, CancelledBy.TIFFIN, "accept_timeout")
        case ReportPreparationDelay(attempts=attempts, error=error):
            is_silent = order.is_asked and order.refusal is None
            if is_silent and not order.is_preparation_delayed:
                return PreparationDelayed(order.order_id, attempts, error)
            return impossible(command, order) if order.is_final else None
        case ConfirmTicket() | ConfirmPreparation() | AcceptOrder():
            return _answered(command, order, at, policy)
        case UpdatePreparation(ready_at=ready_at):
            return _updated(command, order, ready_at, at, policy)
        case FinishPreparation():
            return _finished(command, order)
        case _:
            assert_never(command)


def ticket_key(order_id: str) -> str:
    """The idempotency key of the one ticket of an order, whatever the attempt and the round."""
    return ids.derive(order_id, "ticket")


def _answered(
    command: ConfirmTicket | ConfirmPreparation | AcceptOrder,
    order: Order,
    at: datetime,
    policy: Policy,
) -> OrderEvent | Rejected | None:
    """What follows when the ticket is printed, or the restaurant cooks, or both."""
    ticket_id = order.ticket_id if isinstance(command, AcceptOrder) else command.ticket_id
    if order.status is OrderStatus.CANCELLED or not order.is_preparation_due:
        return impossible(command, order)
    if order.ticket_id not in (None, ticket_id):
        return impossible(command, order)
    if order.refusal is not None:
        return refused(order)
    if isinstance(command, ConfirmTicket) or order.is_accepted:
        if ticket_id is None or ticket_id == order.ticket_id or order.is_cooked:
            return None
        return TicketReceived(order.order_id, ticket_id)
    seconds = command.preparation_seconds
    if seconds is None:
        seconds = cooking_seconds(order, policy)
    ready_at = at + timedelta(seconds=seconds)
    return PreparationStarted(order.order_id, ticket_id, ready_at, _eta_at(order, ready_at, policy))


def _updated(
    command: UpdatePreparation, order: Order, ready_at: datetime, at: datetime, policy: Policy
) -> OrderEvent | Rejected | None:
    if order.status is not OrderStatus.IN_PREPARATION:
        return impossible(command, order)
    if order.refusal is not None:
        return refused(order)
    expected = order.expected_ready_at
    # A time that has passed is now: said again, it is none but the one before.
    if expected is not None and (expected == ready_at or ready_at < expected <= at):
        return None
    earliest = at - timedelta(seconds=CLOCK_SECONDS_MAX)
    if not earliest <= ready_at <= at + timedelta(seconds=PREPARATION_SECONDS_MAX):
        return Rejected(
            "ready_at_out_of_range",
            f"ready_at is 0 to {PREPARATION_SECONDS_MAX} s ahead, not {ready_at.isoformat()}",
        )
    ready_at = max(ready_at, at).astimezone(UTC)
    return PreparationUpdated(order.order_id, ready_at, _eta_at(order, ready_at, policy))


def _finished(command: FinishPreparation, order: Order) -> OrderEvent | Rejected | None:
    if order.status is OrderStatus.CANCELLED:
        return impossible(command, order)
    if order.is_cooked:
        return None
    if order.status is not OrderStatus.IN_PREPARATION and not order.is_asked:
        return impossible(command, order)
    if order.refusal is not None:
        return refused(order)
    return PreparationFinished(
        order_id=order.order_id,
        delivery_id=ids.delivery_id(order.order_id),
        region=order.restaurant.region,
        pickup=order.restaurant.location,
        dropoff=order.destination,
        code=order.code,
    )


def _eta_at(order: Order, ready_at: datetime, policy: Policy) -> datetime:
    """When the order may be at the door, if a driver waits for it."""
    distance_m = order.restaurant.location.distance_m(order.destination)
    return ready_at + timedelta(seconds=distance_m / policy.driver_speed_mps)


def _accept_by(order: Order, at: datetime, policy: Policy) -> datetime:
    seconds = order.accept_seconds_max
    return at + timedelta(seconds=policy.accept_seconds_max if seconds is None else seconds)
