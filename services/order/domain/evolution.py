"""How its events change an order."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from services.common.messages.order import (
    DriverFound,
    DriverLost,
    OrderAdmitted,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderEtaChanged,
    OrderEvent,
    OrderFlagged,
    OrderPickedUp,
    OrderRefused,
    OrderRejected,
    OrderScheduled,
    PaymentDelayed,
    PaymentRefunded,
    PaymentVoided,
    PreparationDelayed,
    PreparationDue,
    PreparationFinished,
    PreparationStarted,
    PreparationUpdated,
    RefundDelayed,
    RefundRefused,
    RefundRequested,
    RefundRetried,
    RefusalUndone,
    TicketCancelled,
    TicketReceived,
)
from services.order.domain.deadlines import OVERDUE, counted_from
from services.order.domain.money import (
    REFUND_REFUSED,
    cancelled,
    refunds_changed,
    requested,
)
from services.order.domain.order import (
    Order,
    OrderStatus,
    PaymentStatus,
    RefundStatus,
    Refusal,
)


def evolve(order: Order | None, event: OrderEvent, at: datetime) -> Order:
    """The order after the event."""
    if isinstance(event, OrderCreated):
        return _created(event, at)
    assert order is not None, "only OrderCreated begins an order"
    after = _changed(order, event, at)
    if after.status is not order.status:
        after = replace(after, status_since=at)
    if after.flags or after.refunds or isinstance(event, OrderFlagged):
        return replace(after, flags=_flags(order, after, event))
    return after


def _changed(order: Order, event: OrderEvent, at: datetime) -> Order:
    match event:
        case OrderCreated():
            return _created(event, at)
        case OrderAdmitted() | OrderScheduled() | OrderRejected():
            return _taken_in(order, event)
        case PaymentDelayed():
            return replace(order, payment=PaymentStatus.DELAYED)
        case (
            PreparationDue()
            | TicketReceived()
            | PreparationStarted()
            | PreparationDelayed()
            | PreparationUpdated()
            | PreparationFinished()
            | TicketCancelled()
        ):
            return _cooked(order, event)
        case OrderRefused():
            refusal = Refusal(event.reason, event.detail, at, event.final_at)
            return replace(order, refusal=refusal)
        case RefusalUndone():
            return replace(order, refusal=None, undone_refusals=order.undone_refusals + 1)
        case DriverFound() | DriverLost() | OrderEtaChanged() | OrderPickedUp() | OrderDelivered():
            return _brought(order, event, at)
        case OrderCancelled():
            return cancelled(order, event, at)
        case PaymentVoided():
            return replace(
                order,
                payment=PaymentStatus.VOIDED,
                charge_id=event.charge_id,
                refund_id=event.refund_id,
            )
        case RefundRequested():
            return requested(order, event, at)
        case PaymentRefunded() | RefundRefused() | RefundDelayed() | RefundRetried():
            return refunds_changed(order, event, at)
        case OrderFlagged():
            return _flagged(order, event)
        case _:
            assert_never(event)


def _created(event: OrderCreated, at: datetime) -> Order:
    return Order(
        order_id=event.order_id,
        status=OrderStatus.CREATED,
        partner=event.partner,
        reference=event.reference,
        restaurant=event.restaurant,
        destination=event.destination,
        items=event.items,
        currency=event.currency,
        amount_cents=event.amount_cents,
        payment_token=event.payment_token,
        delay_seconds=event.delay_seconds,
        created_at=at,
        status_since=at,
        ready_at=event.ready_at,
        idempotency_key=event.idempotency_key,
        code=event.code,
        customer=event.customer,
    )


def _taken_in(order: Order, event: OrderAdmitted | OrderScheduled | OrderRejected) -> Order:
    match event:
        case OrderAdmitted():
            return replace(
                order,
                is_admitted=True,
                zone=event.zone,
                preparation_seconds=event.preparation_seconds,
                accept_seconds_max=event.accept_seconds_max,
            )
        case OrderScheduled():
            return replace(
                order,
                status=OrderStatus.SCHEDULED,
                payment=PaymentStatus.CHARGED,
                charge_id=event.charge_id,
                prepare_at=event.prepare_at,
            )
        case OrderRejected():
            # An order that was not admitted has never been charged.
            declined = PaymentStatus.DECLINED if order.is_admitted else PaymentStatus.VOIDED
            return replace(
                order,
                status=OrderStatus.REJECTED,
                payment=declined,
                reason=event.reason,
                detail=event.detail,
            )
        case _:
            assert_never(event)


def _cooked(
    order: Order,
    event: PreparationDue
    | TicketReceived
    | PreparationStarted
    | PreparationDelayed
    | PreparationUpdated
    | PreparationFinished
    | TicketCancelled,
) -> Order:
    match event:
        case PreparationDue(accept_by=accept_by):
            return replace(order, is_preparation_due=True, accept_by=accept_by)
        case TicketReceived(ticket_id=ticket_id):
            return replace(order, ticket_id=ticket_id)
        case PreparationStarted():
            return replace(
                order,
                status=OrderStatus.IN_PREPARATION,
                is_accepted=True,
                ticket_id=event.ticket_id,
                expected_ready_at=event.ready_at,
                eta_at=event.eta_at,
            )
        case PreparationDelayed():
            return replace(order, is_preparation_delayed=True)
        case PreparationUpdated(ready_at=ready_at, eta_at=eta_at):
            return replace(order, expected_ready_at=ready_at, eta_at=eta_at)
        case PreparationFinished(delivery_id=delivery_id):
            return replace(
                order,
                status=OrderStatus.SCHEDULING_DELIVERY,
                is_accepted=True,
                delivery_id=delivery_id,
            )
        case TicketCancelled():
            return replace(order, is_ticket_cancellation_due=False)
        case _:
            assert_never(event)


def _brought(
    order: Order,
    event: DriverFound | DriverLost | OrderEtaChanged | OrderPickedUp | OrderDelivered,
    at: datetime,
) -> Order:
    match event:
        case DriverFound(driver_id=driver_id, eta_at=eta_at):
            on_the_road = order.status is OrderStatus.IN_DELIVERY
            status = order.status if on_the_road else OrderStatus.WAITING_FOR_DRIVER
            return replace(order, status=status, driver_id=driver_id, eta_at=eta_at)
        case DriverLost():
            return replace(order, driver_id=None, eta_at=None)
        case OrderEtaChanged(eta_at=eta_at):
            return replace(order, eta_at=eta_at)
        case OrderPickedUp():
            return replace(order, status=OrderStatus.IN_DELIVERY)
        case OrderDelivered():
            return replace(order, status=OrderStatus.DELIVERED, delivered_at=at)
        case _:
            assert_never(event)


def _flagged(order: Order, event: OrderFlagged) -> Order:
    too_long = event.flag == OVERDUE and event.since == order.status_since
    return replace(order, is_preparing_too_long=order.is_preparing_too_long or too_long)


def _flags(before: Order, after: Order, event: OrderEvent) -> tuple[str, ...]:
    """The flags whose cause lasts, and the one that the event sets."""
    was, is_now = counted_from(before), counted_from(after)
    flags = {flag for flag in before.flags if flag in is_now and is_now[flag] == was.get(flag)}
    if isinstance(event, OrderFlagged):
        flags.add(event.flag)
    refused = [each for each in after.refunds if each.status is RefundStatus.REFUSED]
    # What others have given back meanwhile is not owed any more.
    if any(after.has_left(each.items, each.amount_cents) for each in refused):
        flags.add(REFUND_REFUSED)
    return tuple(sorted(flags))
