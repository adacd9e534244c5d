"""What is known of an order."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from services.common.decider import Rejected
from services.common.messages.order import CancelledBy, RefundItem, RefusalReason
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


FINAL = frozenset({OrderStatus.DELIVERED, OrderStatus.REJECTED, OrderStatus.CANCELLED})


class PaymentStatus(StrEnum):
    """Where the customer's money is. VOIDED is what was never charged, or was given back."""

    PENDING = "PENDING"
    DELAYED = "DELAYED"
    CHARGED = "CHARGED"
    DECLINED = "DECLINED"
    VOIDING = "VOIDING"
    VOIDED = "VOIDED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    PARTLY_REFUNDED = "PARTLY_REFUNDED"


class RefundStatus(StrEnum):
    """How far a refund is. The money of a SUPERSEDED one is in the refund of the cancellation."""

    OPEN = "OPEN"
    DELAYED = "DELAYED"
    REFUNDED = "REFUNDED"
    REFUSED = "REFUSED"
    SUPERSEDED = "SUPERSEDED"


class Refund(Struct, frozen=True):
    """Money that is given back; `requested_at` is when its present attempt was asked for.

    items: what it is for; where none were named (`is_rest`), all that was left then.
    """

    name: str
    amount_cents: int
    items: tuple[RefundItem, ...]
    reason: str
    requested_at: datetime
    status: RefundStatus = RefundStatus.OPEN
    refund_id: str | None = None
    attempt: int = 1
    refusal: str | None = None
    is_rest: bool = False

    @property
    def is_open(self) -> bool:
        """True while the payment provider is asked."""
        return self.status in (RefundStatus.OPEN, RefundStatus.DELAYED)

    @property
    def counts(self) -> bool:
        """True when its items and its money are given back, or about to be."""
        return self.is_open or self.status is RefundStatus.REFUNDED


class Refusal(Struct, frozen=True):
    """The restaurant does not cook the order, unless it says otherwise before `final_at`."""

    reason: RefusalReason
    detail: str
    refused_at: datetime
    final_at: datetime


class Order(Struct, frozen=True, omit_defaults=True):
    """All that is known of an order.

    customer: the partner's opaque id of who orders.
    ready_at: when the customer wants it; expected_ready_at is what the restaurant says.
    is_preparing_too_long: it was told that no time the restaurant may say is good enough.
    """

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
    status_since: datetime
    ready_at: datetime | None = None
    idempotency_key: str | None = None
    code: str | None = None
    customer: str | None = None
    is_admitted: bool = False
    zone: str | None = None
    preparation_seconds: int | None = None
    accept_seconds_max: int | None = None
    payment: PaymentStatus = PaymentStatus.PENDING
    charge_id: str | None = None
    refund_id: str | None = None
    refunds: tuple[Refund, ...] = ()
    prepare_at: datetime | None = None
    is_preparation_due: bool = False
    is_preparation_delayed: bool = False
    accept_by: datetime | None = None
    ticket_id: str | None = None
    is_accepted: bool = False
    refusal: Refusal | None = None
    undone_refusals: int = 0
    expected_ready_at: datetime | None = None
    is_preparing_too_long: bool = False
    is_ticket_cancellation_due: bool = False
    delivery_id: str | None = None
    driver_id: str | None = None
    eta_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_by: CancelledBy | None = None
    reason: str | None = None
    detail: str = ""
    flags: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """True when nothing but its money and its ticket can change."""
        return self.status in FINAL

    @property
    def is_asked(self) -> bool:
        """True while the restaurant is to say whether it cooks."""
        return self.status is OrderStatus.SCHEDULED and self.is_preparation_due

    @property
    def is_cooked(self) -> bool:
        """True from when the restaurant has said that the order is ready."""
        return self.delivery_id is not None

    @property
    def refunded_cents(self) -> int:
        """What the customer has back."""
        refunded = RefundStatus.REFUNDED
        return sum(each.amount_cents for each in self.refunds if each.status is refunded)

    @property
    def left_cents(self) -> int:
        """What was neither given back nor is about to be."""
        return self.amount_cents - sum(each.amount_cents for each in self.refunds if each.counts)

    @property
    def left_items(self) -> tuple[RefundItem, ...]:
        """The items that no refund gives back, line by line."""
        counted = [each for refund in self.refunds if refund.counts for each in refund.items]
        given_back = _quantities(counted)
        left = ((line, each.quantity - given_back[line]) for line, each in enumerate(self.items))
        return tuple(RefundItem(line, quantity) for line, quantity in left if quantity > 0)

    def beyond(self, items: tuple[RefundItem, ...]) -> int | None:
        """A line of which more are named than are left to give back, or None."""
        left = _quantities(self.left_items)
        asked = _quantities(items)
        return next((line for line in asked if asked[line] > left[line]), None)

    def has_left(self, items: tuple[RefundItem, ...], amount_cents: int) -> bool:
        """True when these items and this money can still be given back."""
        return amount_cents <= self.left_cents and self.beyond(items) is None


def _quantities(items: Iterable[RefundItem]) -> Counter[int]:
    quantities = Counter[int]()
    for each in items:
        quantities[each.line] += each.quantity
    return quantities


def impossible(command: object, order: Order) -> Rejected:
    """The refusal of a command that the order's status does not allow."""
    name = type(command).__name__
    if order.is_final:
        return Rejected("final", f"{name} comes too late: the order is {order.status.value}")
    return Rejected(
        "impossible_now",
        f"{name} is not possible for an order that is {order.status.value}",
    )


def refused(order: Order) -> Rejected:
    """The refusal of what a restaurant says about an order that it has refused to cook."""
    return Rejected(
        "refused", f"the restaurant has refused the order {order.order_id}, and may undo that first"
    )
