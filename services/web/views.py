"""What customers and operators are told of an order: a fold of its events.

The order service keeps more; this is only what its public language says.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from services.common.messages import order as orders
from services.common.messages.order import OrderEvent
from services.common.values import GeoPoint, Item, Restaurant

FINAL = frozenset({"DELIVERED", "REJECTED", "CANCELLED"})
CANCELLATION = "cancellation"
OPEN_REFUNDS = ("OPEN", "DELAYED")
# It changes with the status, and says no more than the instant of the event.
NOT_TOLD = frozenset({"status_since"})


@dataclass(frozen=True, slots=True)
class RefundView:
    """Money that is given back."""

    name: str
    amount_cents: int
    reason: str
    status: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order; the names are those of GET /orders/{id} of the order front."""

    order_id: str
    status: str
    partner: str
    reference: str
    restaurant: Restaurant
    destination: GeoPoint
    items: tuple[Item, ...]
    currency: str
    amount_cents: int
    created_at: datetime
    status_since: datetime
    ready_at: datetime | None = None
    code: str | None = None
    customer: str | None = None
    is_admitted: bool = False
    payment: str = "PENDING"
    is_charged: bool = False
    refunds: tuple[RefundView, ...] = ()
    prepare_at: datetime | None = None
    is_preparation_due: bool = False
    is_preparation_delayed: bool = False
    accept_by: datetime | None = None
    ticket_id: str | None = None
    is_ticket_cancelled: bool = False
    undone_refusals: int = 0
    refusal: str | None = None
    expected_ready_at: datetime | None = None
    delivery_id: str | None = None
    driver_id: str | None = None
    eta_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_by: str | None = None
    reason: str | None = None
    detail: str = ""
    flags: tuple[str, ...] = ()

    @property
    def can_be_cancelled(self) -> bool:
        """Whether the customer may end it still."""
        return self.status not in FINAL and self.status != "IN_DELIVERY"

    def public(self) -> dict[str, Any]:
        """All that may be shown, but for the code."""
        return {name: value for name, value in asdict(self).items() if name != "code"}


def created(event: orders.OrderCreated, at: datetime) -> OrderView:
    """The order at its beginning."""
    return OrderView(
        order_id=event.order_id,
        status="CREATED",
        partner=event.partner,
        reference=event.reference,
        restaurant=event.restaurant,
        destination=event.destination,
        items=event.items,
        currency=event.currency,
        amount_cents=event.amount_cents,
        created_at=at,
        status_since=at,
        ready_at=event.ready_at,
        code=event.code,
        customer=event.customer,
    )


def order_after(order: OrderView | None, event: OrderEvent, at: datetime) -> OrderView | None:
    """The order after the event; None while its beginning is not known."""
    if isinstance(event, orders.OrderCreated):
        return created(event, at)
    if order is None:
        return None
    after = _after(order, event, at)
    if after.status != order.status:
        after = replace(after, status_since=at, flags=())
    if isinstance(event, orders.OrderFlagged):
        after = replace(after, flags=tuple(sorted({*after.flags, event.flag})))
    return after


def _after(order: OrderView, event: OrderEvent, at: datetime) -> OrderView:
    match event:
        case orders.OrderAdmitted():
            return replace(order, is_admitted=True)
        case orders.OrderScheduled(prepare_at=prepare_at):
            return replace(
                order, status="SCHEDULED", payment="CHARGED", is_charged=True, prepare_at=prepare_at
            )
        case orders.OrderRejected(reason=reason, detail=detail):
            payment = "DECLINED" if order.is_admitted else "VOIDED"
            return replace(order, status="REJECTED", payment=payment, reason=reason, detail=detail)
        case orders.PaymentDelayed():
            return replace(order, payment="DELAYED")
        case orders.PaymentVoided():
            return replace(order, payment="VOIDED")
        case orders.PreparationDue(accept_by=accept_by):
            return replace(order, is_preparation_due=True, accept_by=accept_by)
        case orders.OrderRefused(reason=reason):
            return replace(order, refusal=str(reason))
        case orders.RefusalUndone():
            return replace(order, refusal=None, undone_refusals=order.undone_refusals + 1)
        case orders.TicketReceived(ticket_id=ticket_id):
            return replace(order, ticket_id=ticket_id)
        case orders.PreparationDelayed():
            return replace(order, is_preparation_delayed=True)
        case orders.TicketCancelled():
            return replace(order, is_ticket_cancelled=True)
        case orders.PreparationStarted(ticket_id=ticket_id, ready_at=ready_at, eta_at=eta_at):
            started = replace(order, status="IN_PREPARATION", ticket_id=ticket_id)
            return replace(started, expected_ready_at=ready_at, eta_at=eta_at)
        case orders.PreparationUpdated(ready_at=ready_at, eta_at=eta_at):
            return replace(order, expected_ready_at=ready_at, eta_at=eta_at)
        case orders.PreparationFinished(delivery_id=delivery_id):
            return replace(order, status="SCHEDULING_DELIVERY", delivery_id=delivery_id)
        case orders.OrderCancelled():
            return _cancelled(order, event, at)
        case (
            orders.RefundRequested()
            | orders.PaymentRefunded()
            | orders.RefundRefused()
            | orders.RefundDelayed()
            | orders.RefundRetried()
        ):
            return _refunded(order, event, at)
        case _:
            return _brought(order, event, at)


def _brought(order: OrderView, event: OrderEvent, at: datetime) -> OrderView:
    match event:
        case orders.DriverFound(driver_id=driver_id, eta_at=eta_at):
            status = order.status if order.status == "IN_DELIVERY" else "WAITING_FOR_DRIVER"
            return replace(order, status=status, driver_id=driver_id, eta_at=eta_at)
        case orders.DriverLost():
            return replace(order, driver_id=None, eta_at=None)
        case orders.OrderEtaChanged(eta_at=eta_at):
            return replace(order, eta_at=eta_at)
        case orders.OrderPickedUp():
            return replace(order, status="IN_DELIVERY")
        case orders.OrderDelivered():
            return replace(order, status="DELIVERED", delivered_at=at)
        case _:
            return order


def _cancelled(order: OrderView, event: orders.OrderCancelled, at: datetime) -> OrderView:
    ended = replace(
        order,
        status="CANCELLED",
        refusal=None,
        cancelled_by=str(event.by),
        reason=event.reason,
        detail=event.detail,
    )
    if not order.is_charged:
        return replace(ended, payment="VOIDING" if order.is_admitted else "VOIDED")
    refunds = tuple(
        replace(each, status="SUPERSEDED") if each.status == "REFUSED" else each
        for each in order.refunds
    )
    if event.refund_cents:
        rest = RefundView(CANCELLATION, event.refund_cents, event.reason, "OPEN", at)
        refunds = (*refunds, rest)
    return _with_refunds(ended, refunds)


def _refunded(
    order: OrderView,
    event: orders.RefundRequested
    | orders.PaymentRefunded
    | orders.RefundRefused
    | orders.RefundDelayed
    | orders.RefundRetried,
    at: datetime,
) -> OrderView:
    match event:
        case orders.RefundRequested(refund=name, amount_cents=amount_cents, reason=reason):
            refund = RefundView(name, amount_cents, reason, "OPEN", at)
            return _with_refunds(order, (*order.refunds, refund))
        case orders.PaymentRefunded():
            status = "REFUNDED"
        case orders.RefundRefused():
            status = "REFUSED"
        case orders.RefundDelayed():
            status = "DELAYED"
        case orders.RefundRetried():
            status = "OPEN"
    refunds = tuple(
        replace(each, status=status) if each.name == event.refund else each
        for each in order.refunds
    )
    return _with_refunds(order, refunds)


def _with_refunds(order: OrderView, refunds: tuple[RefundView, ...]) -> OrderView:
    back_cents = sum(each.amount_cents for each in refunds if each.status == "REFUNDED")
    payment = "CHARGED"
    if any(each.status in OPEN_REFUNDS for each in refunds):
        payment = "REFUNDING"
    elif back_cents == order.amount_cents and (back_cents or order.status == "CANCELLED"):
        payment = "REFUNDED"
    elif back_cents:
        payment = "PARTLY_REFUNDED"
    return replace(order, refunds=refunds, payment=payment)


def changes(before: Any, after: Any, fields: Callable[[Any], dict[str, Any]]) -> "Change":
    """What an event has changed, field by field; `fields` gives those of one state."""
    new = {} if after is None else fields(after)
    if before is None:
        return Change({}, new)
    old = fields(before)
    names = [name for name in new if old[name] != new[name] and name not in NOT_TOLD]
    return Change({name: old[name] for name in names}, {name: new[name] for name in names})


@dataclass(frozen=True, slots=True)
class Change:
    """The fields that an event has changed, as they were and as they are."""

    before: dict[str, Any]
    after: dict[str, Any]
