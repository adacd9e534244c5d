"""Commands and events of the order service."""

from dataclasses import dataclass

from services.common import ids
from services.common.values import (
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


@dataclass(frozen=True, slots=True)
class SubmitOrder:
    """A partner asks for an order; `reference` is the partner's own name for it.

    Preparation starts `delay_seconds` after payment, or so that the order is ready at `ready_at`.
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

    @property
    def order_id(self) -> str:
        """The same for the same partner and reference, however often it is submitted."""
        return ids.order_id(self.partner, self.reference)

    @property
    def amount_cents(self) -> int:
        """What the customer pays, in the currency's minor unit."""
        return sum(item.quantity * item.price_cents for item in self.items)


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
class StartPreparation:
    """The scheduled time has come."""

    order_id: str
    prepare_at: Instant


@dataclass(frozen=True, slots=True)
class ConfirmPreparation:
    """The restaurant's point of sale has taken the ticket."""

    order_id: str
    ticket_id: str


@dataclass(frozen=True, slots=True)
class RefusePreparation:
    """The restaurant's point of sale has refused the ticket for good."""

    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportPreparationDelay:
    """The point of sale has not answered `attempts` calls; the calls go on."""

    order_id: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class FinishPreparation:
    """The restaurant says that the order is ready to be picked up."""

    order_id: str


@dataclass(frozen=True, slots=True)
class RecordDriver:
    """A driver has taken the order's delivery."""

    order_id: str
    delivery_id: str
    driver_id: str
    eta_at: Instant


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
class ConfirmRefund:
    """The payment provider has given the whole charge back."""

    order_id: str
    refund_id: str


@dataclass(frozen=True, slots=True)
class OrderCreated:
    """An order was taken in; it is charged next."""

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


@dataclass(frozen=True, slots=True)
class OrderScheduled:
    """The order is paid; its preparation starts at `prepare_at`."""

    order_id: str
    charge_id: str
    prepare_at: Instant


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """The order ends before it was paid."""

    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentDelayed:
    """Nobody knows yet whether the order is charged; Tiffin keeps asking."""

    order_id: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class PreparationDue:
    """The scheduled time has come; the restaurant's point of sale is asked next."""

    order_id: str


@dataclass(frozen=True, slots=True)
class PreparationStarted:
    """The restaurant cooks."""

    order_id: str
    ticket_id: str


@dataclass(frozen=True, slots=True)
class PreparationDelayed:
    """The restaurant's point of sale does not answer; Tiffin keeps asking."""

    order_id: str
    attempts: Long
    error: str


@dataclass(frozen=True, slots=True)
class PreparationFinished:
    """The order is ready; its delivery starts from the restaurant to the destination."""

    order_id: str
    delivery_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint


@dataclass(frozen=True, slots=True)
class DriverFound:
    """A driver comes for the order."""

    order_id: str
    delivery_id: str
    driver_id: str
    eta_at: Instant


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
    """The order ends after it was paid and before it was delivered; the charge is given back."""

    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    """The customer has the whole charge back."""

    order_id: str
    refund_id: str


OrderCommand = (
    SubmitOrder
    | ConfirmPayment
    | DeclinePayment
    | ReportPaymentDelay
    | StartPreparation
    | ConfirmPreparation
    | RefusePreparation
    | ReportPreparationDelay
    | FinishPreparation
    | RecordDriver
    | RecordEta
    | RecordPickup
    | RecordDropoff
    | ConfirmRefund
)
OrderEvent = (
    OrderCreated
    | OrderScheduled
    | OrderRejected
    | PaymentDelayed
    | PreparationDue
    | PreparationStarted
    | PreparationDelayed
    | PreparationFinished
    | DriverFound
    | OrderEtaChanged
    | OrderPickedUp
    | OrderDelivered
    | OrderCancelled
    | PaymentRefunded
)
