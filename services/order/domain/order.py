"""What is known of an order, and how its events change it."""

from datetime import datetime
from enum import StrEnum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from services.common.decider import Rejected
from services.common.messages.order import (
    DriverFound,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderEtaChanged,
    OrderEvent,
    OrderPickedUp,
    OrderRejected,
    OrderScheduled,
    PaymentDelayed,
    PaymentRefunded,
    PreparationDelayed,
    PreparationDue,
    PreparationFinished,
    PreparationStarted,
)
from services.common.values import GeoPoint, Item, Restaurant


class OrderStatus(StrEnum):
    """What the customer is told. NEW is an order that is acknowledged and not yet decided."""

    NEW = "NEW"
    CREATED = "CREATED"
    SCHEDULED = "SCHEDULED"
    IN_PREPARATION = "IN_PREPARATION"
    SCHEDULING_DELIVERY = "SCHEDULING_DELIVERY"
    WAITING_FOR_DRIVER = "WAITING_FOR_DRIVER"
    IN_DELIVERY = "IN_DELIVERY"
    DELIVERED = "DELIVERED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


class PaymentStatus(StrEnum):
    """Where the customer's money is."""

    PENDING = "PENDING"
    DELAYED = "DELAYED"
    CHARGED = "CHARGED"
    DECLINED = "DECLINED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"


class Order(Struct, frozen=True):
    """All that is known of an order."""

    order_id: str
    status: OrderStatus
    partner: str
    reference: str
    restaurant: Restaurant
    destination: GeoPoint
    items: tuple[Item, ...]
    currency: str
    amount_cents: int
    payment_token: str
    delay_seconds: int
    created_at: datetime
    ready_at: datetime | None = None
    idempotency_key: str | None = None
    payment: PaymentStatus = PaymentStatus.PENDING
    charge_id: str | None = None
    refund_id: str | None = None
    prepare_at: datetime | None = None
    is_preparation_due: bool = False
    is_preparation_delayed: bool = False
    ticket_id: str | None = None
    delivery_id: str | None = None
    driver_id: str | None = None
    eta_at: datetime | None = None
    delivered_at: datetime | None = None
    reason: str | None = None


def evolve(order: Order | None, event: OrderEvent, at: datetime) -> Order:
    """The order after the event."""
    if isinstance(event, OrderCreated):
        return _created(event, at)
    assert order is not None, "only OrderCreated begins an order"
    match event:
        case OrderScheduled(charge_id=charge_id, prepare_at=prepare_at):
            return replace(
                order,
                status=OrderStatus.SCHEDULED,
                payment=PaymentStatus.CHARGED,
                charge_id=charge_id,
                prepare_at=prepare_at,
            )
        case OrderRejected(reason=reason):
            return replace(
                order,
                status=OrderStatus.REJECTED,
                payment=PaymentStatus.DECLINED,
                reason=reason,
            )
        case PaymentDelayed():
            return replace(order, payment=PaymentStatus.DELAYED)
        case PreparationDue():
            return replace(order, is_preparation_due=True)
        case PreparationStarted(ticket_id=ticket_id):
            return replace(order, status=OrderStatus.IN_PREPARATION, ticket_id=ticket_id)
        case PreparationDelayed():
            return replace(order, is_preparation_delayed=True)
        case PreparationFinished(delivery_id=delivery_id):
            return replace(order, status=OrderStatus.SCHEDULING_DELIVERY, delivery_id=delivery_id)
        case DriverFound(driver_id=driver_id, eta_at=eta_at):
            return replace(
                order,
                status=OrderStatus.WAITING_FOR_DRIVER,
                driver_id=driver_id,
                eta_at=eta_at,
            )
        case OrderEtaChanged(eta_at=eta_at):
            return replace(order, eta_at=eta_at)
        case OrderPickedUp():
            return replace(order, status=OrderStatus.IN_DELIVERY)
        case OrderDelivered():
            return replace(order, status=OrderStatus.DELIVERED, delivered_at=at)
        case OrderCancelled(reason=reason):
            return replace(
                order,
                status=OrderStatus.CANCELLED,
                payment=PaymentStatus.REFUNDING,
                reason=reason,
            )
        case PaymentRefunded(refund_id=refund_id):
            return replace(order, payment=PaymentStatus.REFUNDED, refund_id=refund_id)
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
        ready_at=event.ready_at,
        idempotency_key=event.idempotency_key,
    )


def impossible(command: object, order: Order) -> Rejected:
    """The refusal of a command that the order's status does not allow."""
    return Rejected(
        "impossible_now",
        f"{type(command).__name__} is not possible for an order that is {order.status.value}",
    )
