"""The life of an order, as a customer sees it: State, decide, evolve."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from services.common import ids
from services.common.decider import Decider, Rejected, Wakeup
from services.common.messages.order import (
    ConfirmPayment,
    ConfirmPreparation,
    ConfirmRefund,
    DeclinePayment,
    DriverFound,
    FinishPreparation,
    OrderCancelled,
    OrderCommand,
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
    RecordDriver,
    RecordDropoff,
    RecordEta,
    RecordPickup,
    RefusePreparation,
    ReportPaymentDelay,
    ReportPreparationDelay,
    StartPreparation,
    SubmitOrder,
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


@dataclass(frozen=True, slots=True)
class Order:
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


@dataclass(frozen=True, slots=True)
class ChargePayment:
    """A call to the payment provider: charge the order, once however often it is called."""

    idempotency_key: str
    amount_cents: int
    currency: str
    payment_token: str


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """A call to the payment provider: give the whole charge back, once."""

    idempotency_key: str
    charge_idempotency_key: str
    amount_cents: int
    reason: str


@dataclass(frozen=True, slots=True)
class RequestPreparation:
    """A call to the restaurant's point of sale: prepare the order, on one ticket."""

    idempotency_key: str
    restaurant_id: str
    items: tuple[Item, ...]


def decide(
    command: OrderCommand, order: Order | None, at: datetime, preparation_seconds: int
) -> OrderEvent | Rejected | None:
    """The event of a command, Rejected, or None for a repeat.

    Args:
        preparation_seconds: how long a restaurant cooks, to be ready at a requested time.
    """
    if isinstance(command, SubmitOrder):
        return _submit(command, order, at)
    if order is None:
        return Rejected("unknown_order", f"there is no order {command.order_id}")
    match command:
        case ConfirmPayment() | DeclinePayment() | ReportPaymentDelay() | ConfirmRefund():
            return _decide_payment(command, order, at, preparation_seconds)
        case RecordDriver() | RecordEta() | RecordPickup() | RecordDropoff():
            return _decide_delivery(command, order)
        case _:
            return _decide_preparation(command, order)


def _submit(
    command: SubmitOrder, order: Order | None, at: datetime
) -> OrderEvent | Rejected | None:
    if order is not None:
        if content(command) == content(order):
            return None
        return Rejected(
            "reference_taken",
            f"{command.partner} has already ordered other things as {command.reference}",
        )
    if command.ready_at is not None and command.ready_at <= at:
        return Rejected("ready_at_past", f"ready_at {command.ready_at.isoformat()} is in the past")
    return OrderCreated(
        order_id=command.order_id,
        partner=command.partner,
        reference=command.reference,
        restaurant=command.restaurant,
        destination=command.destination,
        items=command.items,
        currency=command.currency,
        amount_cents=command.amount_cents,
        payment_token=command.payment_token,
        delay_seconds=command.delay_seconds,
        ready_at=command.ready_at,
        idempotency_key=command.idempotency_key,
    )


def _decide_payment(
    command: ConfirmPayment | DeclinePayment | ReportPaymentDelay | ConfirmRefund,
    order: Order,
    at: datetime,
    preparation_seconds: int,
) -> OrderEvent | Rejected | None:
    match command:
        case ConfirmPayment(charge_id=charge_id):
            if order.charge_id == charge_id:
                return None
            if order.status is not OrderStatus.CREATED:
                return _impossible(command, order)
            prepare_at = at + timedelta(seconds=order.delay_seconds)
            if order.ready_at is not None:
                prepare_at = max(at, order.ready_at - timedelta(seconds=preparation_seconds))
            return OrderScheduled(order.order_id, charge_id, prepare_at)
        case DeclinePayment(reason=reason):
            if order.payment is PaymentStatus.DECLINED:
                return None
            if order.status is not OrderStatus.CREATED:
                return _impossible(command, order)
            return OrderRejected(order.order_id, f"payment declined: {reason}")
        case ReportPaymentDelay(attempts=attempts, error=error):
            if order.payment is not PaymentStatus.PENDING:
                return None
            return PaymentDelayed(order.order_id, attempts, error)
        case ConfirmRefund(refund_id=refund_id):
            if order.refund_id == refund_id:
                return None
            if order.payment is not PaymentStatus.REFUNDING:
                return _impossible(command, order)
            return PaymentRefunded(order.order_id, refund_id)
        case _:
            assert_never(command)


def _decide_preparation(
    command: StartPreparation
    | ConfirmPreparation
    | RefusePreparation
    | ReportPreparationDelay
    | FinishPreparation,
    order: Order,
) -> OrderEvent | Rejected | None:
    is_asked = order.status is OrderStatus.SCHEDULED and order.is_preparation_due
    match command:
        case StartPreparation(prepare_at=prepare_at):
            if order.is_preparation_due:
                return None
            if order.status is not OrderStatus.SCHEDULED or order.prepare_at != prepare_at:
                return _impossible(command, order)
            return PreparationDue(order.order_id)
        case ConfirmPreparation(ticket_id=ticket_id):
            if order.ticket_id == ticket_id or _is_cooked(order):
                return None
            if not is_asked:
                return _impossible(command, order)
            return PreparationStarted(order.order_id, ticket_id)
        case RefusePreparation(reason=reason):
            if order.status is OrderStatus.CANCELLED:
                return None
            if not is_asked:
                return _impossible(command, order)
            return OrderCancelled(order.order_id, f"restaurant refused: {reason}")
        case ReportPreparationDelay(attempts=attempts, error=error):
            if not is_asked or order.is_preparation_delayed:
                return None
            return PreparationDelayed(order.order_id, attempts, error)
        case FinishPreparation():
            if _is_cooked(order):
                return None
            if order.status is not OrderStatus.IN_PREPARATION and not is_asked:
                return _impossible(command, order)
            return PreparationFinished(
                order_id=order.order_id,
                delivery_id=ids.delivery_id(order.order_id),
                region=order.restaurant.region,
                pickup=order.restaurant.location,
                dropoff=order.destination,
            )
        case _:
            assert_never(command)


def _decide_delivery(
    command: RecordDriver | RecordEta | RecordPickup | RecordDropoff, order: Order
) -> OrderEvent | Rejected | None:
    match command:
        case RecordDriver(delivery_id=delivery_id, driver_id=driver_id, eta_at=eta_at):
            if order.driver_id == driver_id:
                return None
            if order.status is not OrderStatus.SCHEDULING_DELIVERY:
                return _impossible(command, order)
            return DriverFound(order.order_id, delivery_id, driver_id, eta_at)
        case RecordEta(eta_at=eta_at):
            on_the_way = (OrderStatus.WAITING_FOR_DRIVER, OrderStatus.IN_DELIVERY)
            if order.status not in on_the_way or order.eta_at == eta_at:
                return None
            return OrderEtaChanged(order.order_id, eta_at)
        case RecordPickup():
            if order.status in (OrderStatus.IN_DELIVERY, OrderStatus.DELIVERED):
                return None
            if order.status is not OrderStatus.WAITING_FOR_DRIVER:
                return _impossible(command, order)
            return OrderPickedUp(order.order_id)
        case RecordDropoff():
            if order.status is OrderStatus.DELIVERED:
                return None
            if order.status is not OrderStatus.IN_DELIVERY:
                return _impossible(command, order)
            return OrderDelivered(order.order_id)
        case _:
            assert_never(command)


def evolve(order: Order | None, event: OrderEvent, at: datetime) -> Order:
    """The order after the event."""
    if isinstance(event, OrderCreated):
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


Agenda = tuple[Wakeup | ChargePayment | RefundPayment | RequestPreparation, ...]


def agenda(order: Order) -> Agenda:
    """What the order waits for: its scheduled time, or an answer of the outside world."""
    if order.status is OrderStatus.CREATED:
        return (
            ChargePayment(
                idempotency_key=charge_key(order.order_id),
                amount_cents=order.amount_cents,
                currency=order.currency,
                payment_token=order.payment_token,
            ),
        )
    if order.status is OrderStatus.SCHEDULED and order.prepare_at is not None:
        if order.is_preparation_due:
            return (
                RequestPreparation(
                    idempotency_key=ids.derive(order.order_id, "ticket"),
                    restaurant_id=order.restaurant.restaurant_id,
                    items=order.items,
                ),
            )
        command = StartPreparation(order.order_id, order.prepare_at)
        return (Wakeup(order.prepare_at, command),)
    if order.payment is PaymentStatus.REFUNDING:
        return (
            RefundPayment(
                idempotency_key=ids.derive(order.order_id, "refund"),
                charge_idempotency_key=charge_key(order.order_id),
                amount_cents=order.amount_cents,
                reason=order.reason or "",
            ),
        )
    return ()


def charge_key(order_id: str) -> str:
    """The idempotency key of the one charge of an order, whatever the attempt."""
    return ids.derive(order_id, "charge")


def labels(order: Order) -> Mapping[str, str]:
    """What orders are listed by."""
    named = {"status": order.status.value, "partner": order.partner}
    if order.idempotency_key is not None:
        named["idempotency_key"] = order.idempotency_key
    return named


def order_decider(preparation_seconds: int) -> Decider[Order, OrderCommand, OrderEvent]:
    """The order aggregate for the runtime."""
    return Decider(
        name="order",
        key_field="order_id",
        decide=lambda command, order, at: decide(command, order, at, preparation_seconds),
        evolve=evolve,
        agenda=agenda,
        labels=labels,
        listed_at=lambda order: order.created_at,
        state_type=Order,
        keeps_history=True,
    )


def _is_cooked(order: Order) -> bool:
    return order.delivery_id is not None


def content(asked: SubmitOrder | Order) -> tuple[object, ...]:
    """What makes two submissions of one reference the same order."""
    return (
        asked.restaurant,
        asked.destination,
        asked.items,
        asked.currency,
        asked.payment_token,
        asked.delay_seconds,
        asked.ready_at,
    )


def _impossible(command: object, order: Order) -> Rejected:
    return Rejected(
        "impossible_now",
        f"{type(command).__name__} is not possible for an order that is {order.status.value}",
    )
