"""Commands and events of the order service."""

from dataclasses import dataclass
from enum import StrEnum

from services.common import ids
from services.common.values import (
    QUANTITY_MAX,
    GeoPoint,
    Instant,
    Item,
    Long,
    Restaurant,
    check_currency,
    check_identifier,
    check_instant,
    check_text,
)

ITEMS_MAX = 100
AMOUNT_CENTS_MAX = 1_000_000_000
# How far ahead an order may be wanted; the retention of order.events must be longer.
DELAY_SECONDS_MAX = 30 * 86_400
# How long a restaurant may say that it cooks, and how far ahead it may move the time.
PREPARATION_SECONDS_MAX = 86_400
DETAIL_CHARS_MAX = 500


class RefusalReason(StrEnum):
    """Why a restaurant does not take an order."""

    CLOSED = "closed"
    TOO_BUSY = "too_busy"
    ITEM_UNAVAILABLE = "item_unavailable"
    PRICE_MISMATCH = "price_mismatch"
    OTHER = "other"


class CancelledBy(StrEnum):
    """Who has ended an order; TIFFIN where a limit or a failure has."""

    CUSTOMER = "customer"
    PARTNER = "partner"
    RESTAURANT = "restaurant"
    OPERATOR = "operator"
    TIFFIN = "tiffin"


@dataclass(frozen=True, slots=True)
class RefundItem:
    """So many of one line of an order; `line` counts from 0."""

    line: Long
    quantity: Long

    def __post_init__(self) -> None:
        if not 0 <= self.line < ITEMS_MAX:
            raise ValueError(f"line is from 0 to {ITEMS_MAX - 1}, not {self.line}")
        if not 1 <= self.quantity <= QUANTITY_MAX:
            raise ValueError(f"quantity is from 1 to {QUANTITY_MAX}, not {self.quantity}")


def check_detail(name: str, value: str) -> None:
    """Raises ValueError for a text that is longer than DETAIL_CHARS_MAX; it may be empty."""
    if len(value) > DETAIL_CHARS_MAX:
        raise ValueError(
            f"{name} has {len(value)} characters; at most {DETAIL_CHARS_MAX} are taken"
        )


def check_preparation_seconds(value: int | None) -> None:
    """Raises ValueError unless a restaurant may cook for so long."""
    if value is not None and not 0 <= value <= PREPARATION_SECONDS_MAX:
        raise ValueError(f"preparation_seconds is from 0 to {PREPARATION_SECONDS_MAX}, not {value}")


@dataclass(frozen=True, slots=True)
class SubmitOrder:
    """A partner asks for an order; `reference` is the partner's own name for it.

    Preparation starts `delay_seconds` after payment, or so that the order is ready at `ready_at`.
    Where `requires_code` is true, the customer gets a code that the driver has to name.
    `customer` is the partner's opaque id of who orders: no name, address or phone number.
    """

    partner: str
    reference: str
    restaurant: Restaurant
    destination: GeoPoint
    items: tuple[Item, ...]
    currency: str
    payment_token: str
    delay_seconds: int = 0
    ready_at: Instant | None = None
    idempotency_key: str | None = None
    requires_code: bool = False
    customer: str | None = None

    def __post_init__(self) -> None:
        check_identifier("partner", self.partner)
        check_text("reference", self.reference)
        if not self.items:
            raise ValueError("items is empty; an order has at least one")
        if len(self.items) > ITEMS_MAX:
            raise ValueError(f"items has {len(self.items)} lines; at most {ITEMS_MAX} are taken")
        if self.amount_cents > AMOUNT_CENTS_MAX:
            raise ValueError(f"items cost {self.amount_cents} cents; at most {AMOUNT_CENTS_MAX}")
        check_currency(self.currency)
        check_text("payment_token", self.payment_token)
        if not 0 <= self.delay_seconds <= DELAY_SECONDS_MAX:
            raise ValueError(
                f"delay_seconds is from 0 to {DELAY_SECONDS_MAX}, not {self.delay_seconds}"
            )
        if self.ready_at is not None:
            check_instant("ready_at", self.ready_at)
            if self.delay_seconds:
                raise ValueError("give delay_seconds or ready_at, not both")
        if self.idempotency_key is not None:
            check_text("idempotency_key", self.idempotency_key)
        if self.customer is not None:
            check_text("customer", self.customer)

    @property
    def order_id(self) -> str:
        """The same for the same partner and reference, however often it is submitted."""
        return ids.order_id(self.partner, self.reference)

    @property
    def amount_cents(self) -> int:
        """What the customer pays, in the currency's minor unit."""
        return sum(item.quantity * item.price_cents for item in self.items)


@dataclass(frozen=True, slots=True)
class ConfirmAdmission:
    """The restaurant takes orders for that time, and has what is asked for.

    `zone` is the IANA name of its time zone, None where nobody has told.
    """

    order_id: str
    zone: str | None
    preparation_seconds: Long
    accept_seconds_max: Long


@dataclass(frozen=True, slots=True)
class RefuseAdmission:
    """The restaurant takes no such order now: it is paused, closed, or out of an item."""

    order_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ConfirmPayment:
    """The payment provider has charged the order."""

    order_id: str
    charge_id: str


@dataclass(frozen=True, slots=True)
class DeclinePayment:
    """The payment provider has refused the charge for good."""

    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportPaymentDelay:
    """The outcome of the charge has stayed unknown for `attempts` calls; the calls go on."""

    order_id: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class ConfirmVoid:
    """The payment provider will never charge the order, or has given back what it had charged."""

    order_id: str
    charge_id: str | None
    refund_id: str | None


@dataclass(frozen=True, slots=True)
class StartPreparation:
    """The scheduled time has come."""

    order_id: str
    prepare_at: Instant


@dataclass(frozen=True, slots=True)
class ConfirmTicket:
    """The restaurant's point of sale has the ticket; the restaurant has not answered yet."""

    order_id: str
    ticket_id: str


@dataclass(frozen=True, slots=True)
class ConfirmPreparation:
    """The restaurant's point of sale has taken the ticket, and the restaurant cooks."""

    order_id: str
    ticket_id: str
    preparation_seconds: Long | None = None

    def __post_init__(self) -> None:
        check_preparation_seconds(self.preparation_seconds)


@dataclass(frozen=True, slots=True)
class RefusePreparation:
    """The restaurant's point of sale has refused the ticket."""

    order_id: str
    reason: RefusalReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReportPreparationDelay:
    """The point of sale has not answered `attempts` calls; the calls go on."""

    order_id: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class AcceptOrder:
    """The restaurant says that it cooks the order, and perhaps for how long."""

    order_id: str
    preparation_seconds: Long | None = None

    def __post_init__(self) -> None:
        check_preparation_seconds(self.preparation_seconds)


@dataclass(frozen=True, slots=True)
class RefuseOrder:
    """The restaurant says that it does not cook the order."""

    order_id: str
    reason: RefusalReason
    detail: str = ""

    def __post_init__(self) -> None:
        check_detail("detail", self.detail)


@dataclass(frozen=True, slots=True)
class UndoRefusal:
    """The restaurant takes its refusal back, while nobody was told that it is final."""

    order_id: str


@dataclass(frozen=True, slots=True)
class ExpireAcceptance:
    """The restaurant has not answered in time."""

    order_id: str
    accept_by: Instant


@dataclass(frozen=True, slots=True)
class CloseRefusal:
    """The time to take a refusal back is over."""

    order_id: str
    final_at: Instant


@dataclass(frozen=True, slots=True)
class UpdatePreparation:
    """The restaurant says that the order is ready at another time than it had said."""

    order_id: str
    ready_at: Instant

    def __post_init__(self) -> None:
        check_instant("ready_at", self.ready_at)


@dataclass(frozen=True, slots=True)
class FinishPreparation:
    """The restaurant says that the order is ready to be picked up."""

    order_id: str


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Somebody ends the order; who may, depends on how far it is."""

    order_id: str
    by: CancelledBy
    reason: str

    def __post_init__(self) -> None:
        check_text("reason", self.reason, DETAIL_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class ConfirmTicketCancellation:
    """The point of sale knows that the order is not to be cooked."""

    order_id: str


@dataclass(frozen=True, slots=True)
class RequestRefund:
    """Money is to be given back: for these items, or all that is left where there are none.

    `refund` is the name of the refund within the order; the same name is the same refund.
    """

    order_id: str
    refund: str
    reason: str
    items: tuple[RefundItem, ...] = ()

    def __post_init__(self) -> None:
        check_identifier("refund", self.refund)
        check_text("reason", self.reason, DETAIL_CHARS_MAX)
        if len(self.items) > ITEMS_MAX:
            raise ValueError(f"items has {len(self.items)} lines; at most {ITEMS_MAX} are taken")


@dataclass(frozen=True, slots=True)
class ConfirmRefund:
    """The payment provider has given the money of a refund back."""

    order_id: str
    refund: str
    refund_id: str


@dataclass(frozen=True, slots=True)
class RefuseRefund:
    """The payment provider has refused a refund for good."""

    order_id: str
    refund: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportRefundDelay:
    """The outcome of a refund has stayed unknown for `attempts` calls; the calls go on."""

    order_id: str
    refund: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class RetryRefund:
    """An operator has a refused refund tried again."""

    order_id: str
    refund: str

    def __post_init__(self) -> None:
        check_identifier("refund", self.refund)


@dataclass(frozen=True, slots=True)
class RecordDriver:
    """A driver has taken the order's delivery."""

    order_id: str
    delivery_id: str
    driver_id: str
    eta_at: Instant


@dataclass(frozen=True, slots=True)
class RecordDriverLoss:
    """The driver does not bring the order; another one is sought."""

    order_id: str
    delivery_id: str
    driver_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecordEta:
    """The order is expected at the door at `eta_at`."""

    order_id: str
    eta_at: Instant


@dataclass(frozen=True, slots=True)
class RecordPickup:
    """The driver has the order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class RecordDropoff:
    """The customer has the order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """The driver could not hand the order over, and takes it back."""

    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckDeadline:
    """The order may have been in this status for too long."""

    order_id: str
    flag: str
    since: Instant


@dataclass(frozen=True, slots=True)
class OrderCreated:
    """An order was taken in; its restaurant is asked next whether it takes orders.

    `code` is what the driver has to name at the door, where the partner asks for that; `customer`
    is the partner's opaque id of who orders, where it tells one.
    """

    order_id: str
    partner: str
    reference: str
    restaurant: Restaurant
    destination: GeoPoint
    items: tuple[Item, ...]
    currency: str
    amount_cents: Long
    payment_token: str
    delay_seconds: Long
    ready_at: Instant | None = None
    idempotency_key: str | None = None
    code: str | None = None
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class OrderAdmitted:
    """The restaurant takes orders for that time; the order is charged next."""

    order_id: str
    zone: str | None
    preparation_seconds: Long
    accept_seconds_max: Long


@dataclass(frozen=True, slots=True)
class OrderScheduled:
    """The order is paid; its preparation starts at `prepare_at`."""

    order_id: str
    charge_id: str
    prepare_at: Instant


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """The order ends before it was paid; `reason` is a short code."""

    order_id: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PaymentDelayed:
    """Nobody knows yet whether the order is charged; Tiffin keeps asking."""

    order_id: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class PaymentVoided:
    """The order, which was cancelled, is not charged, or has its charge back."""

    order_id: str
    charge_id: str | None
    refund_id: str | None


@dataclass(frozen=True, slots=True)
class PreparationDue:
    """The scheduled time has come; the point of sale is asked, to answer until `accept_by`."""

    order_id: str
    accept_by: Instant


@dataclass(frozen=True, slots=True)
class TicketReceived:
    """The restaurant's point of sale has the ticket; the restaurant has to answer."""

    order_id: str
    ticket_id: str


@dataclass(frozen=True, slots=True)
class PreparationStarted:
    """The restaurant cooks; the order is expected ready at `ready_at`, at the door at `eta_at`."""

    order_id: str
    ticket_id: str | None
    ready_at: Instant
    eta_at: Instant


@dataclass(frozen=True, slots=True)
class PreparationDelayed:
    """The restaurant's point of sale does not answer; Tiffin keeps asking."""

    order_id: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """The restaurant does not cook the order; from `final_at` on that is final."""

    order_id: str
    reason: RefusalReason
    detail: str
    final_at: Instant


@dataclass(frozen=True, slots=True)
class RefusalUndone:
    """The restaurant has taken its refusal back, and is asked again."""

    order_id: str


@dataclass(frozen=True, slots=True)
class PreparationUpdated:
    """The order is expected to be ready at another time than before."""

    order_id: str
    ready_at: Instant
    eta_at: Instant


@dataclass(frozen=True, slots=True)
class PreparationFinished:
    """The order is ready; its delivery starts from the restaurant to the destination."""

    order_id: str
    delivery_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None = None


@dataclass(frozen=True, slots=True)
class DriverFound:
    """A driver comes for the order."""

    order_id: str
    delivery_id: str
    driver_id: str
    eta_at: Instant


@dataclass(frozen=True, slots=True)
class DriverLost:
    """The driver does not bring the order; another one is sought."""

    order_id: str
    delivery_id: str
    driver_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderEtaChanged:
    """The order is expected at the door at another time than before."""

    order_id: str
    eta_at: Instant


@dataclass(frozen=True, slots=True)
class OrderPickedUp:
    """The order is on the road."""

    order_id: str


@dataclass(frozen=True, slots=True)
class OrderDelivered:
    """The customer has the order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """The order ends; what was paid and not given back yet, `refund_cents`, is given back.

    `reason` is a short code or what the canceller has said; `delivery_id` is the delivery to end.
    """

    order_id: str
    by: CancelledBy
    reason: str
    detail: str = ""
    refund_cents: Long = 0
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True)
class TicketCancelled:
    """The point of sale knows that the order is not to be cooked."""

    order_id: str


@dataclass(frozen=True, slots=True)
class RefundRequested:
    """Money is to be given back; the payment provider is asked next."""

    order_id: str
    refund: str
    amount_cents: Long
    reason: str
    items: tuple[RefundItem, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    """The customer has the money of a refund back."""

    order_id: str
    refund: str
    refund_id: str
    amount_cents: Long


@dataclass(frozen=True, slots=True)
class RefundRefused:
    """The payment provider has refused a refund; operators are to look at it."""

    order_id: str
    refund: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundDelayed:
    """Nobody knows yet whether a refund was made; Tiffin keeps asking."""

    order_id: str
    refund: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class RefundRetried:
    """A refused refund is tried again, for the `attempt`th time."""

    order_id: str
    refund: str
    attempt: Long


@dataclass(frozen=True, slots=True)
class OrderFlagged:
    """The order has been in its status for too long; operators are to look at it."""

    order_id: str
    flag: str
    since: Instant


OrderCommand = (
    SubmitOrder
    | ConfirmAdmission
    | RefuseAdmission
    | ConfirmPayment
    | DeclinePayment
    | ReportPaymentDelay
    | ConfirmVoid
    | StartPreparation
    | ConfirmTicket
    | ConfirmPreparation
    | RefusePreparation
    | ReportPreparationDelay
    | AcceptOrder
    | RefuseOrder
    | UndoRefusal
    | ExpireAcceptance
    | CloseRefusal
    | UpdatePreparation
    | FinishPreparation
    | CancelOrder
    | ConfirmTicketCancellation
    | RequestRefund
    | ConfirmRefund
    | RefuseRefund
    | ReportRefundDelay
    | RetryRefund
    | RecordDriver
    | RecordDriverLoss
    | RecordEta
    | RecordPickup
    | RecordDropoff
    | RecordFailure
    | CheckDeadline
)
OrderEvent = (
    OrderCreated
    | OrderAdmitted
    | OrderScheduled
    | OrderRejected
    | PaymentDelayed
    | PaymentVoided
    | PreparationDue
    | TicketReceived
    | PreparationStarted
    | PreparationDelayed
    | OrderRefused
    | RefusalUndone
    | PreparationUpdated
    | PreparationFinished
    | DriverFound
    | DriverLost
    | OrderEtaChanged
    | OrderPickedUp
    | OrderDelivered
    | OrderCancelled
    | TicketCancelled
    | RefundRequested
    | PaymentRefunded
    | RefundRefused
    | RefundDelayed
    | RefundRetried
    | OrderFlagged
)
