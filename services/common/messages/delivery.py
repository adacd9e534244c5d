"""Commands and events of the delivery service."""

from dataclasses import dataclass

from services.common.values import GeoPoint, Instant, Long, check_identifier, check_text

REASON_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class StartDelivery:
    """An order is ready and needs a driver."""

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None = None


@dataclass(frozen=True, slots=True)
class AssignDriver:
    """A driver has taken the delivery, and was last seen at `location`."""

    delivery_id: str
    driver_id: str
    location: GeoPoint


@dataclass(frozen=True, slots=True)
class UnassignDriver:
    """The driver does not bring the goods: it has given up, or has fallen silent.

    `gave_up` is true when the driver wants no more of this delivery.
    """

    delivery_id: str
    driver_id: str
    reason: str
    gave_up: bool


@dataclass(frozen=True, slots=True)
class ConfirmRelease:
    """The driver of a cancelled delivery is free, and has no goods."""

    delivery_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class ReportSilence:
    """The driver, who has the goods, is not heard from."""

    delivery_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class ReportWrongCodes:
    """So many wrong codes were named at the door that no more are taken."""

    delivery_id: str
    driver_id: str
    wrong_codes: Long


@dataclass(frozen=True, slots=True)
class TrackDriver:
    """The delivery's driver was seen at `location`."""

    delivery_id: str
    driver_id: str
    location: GeoPoint
    recorded_at: Instant


@dataclass(frozen=True, slots=True)
class ConfirmPickup:
    """The driver says that the goods are on board."""

    delivery_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class ConfirmDropoff:
    """The driver says that the goods were handed over."""

    delivery_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class FailDelivery:
    """The driver could not hand the goods over, and takes them back."""

    delivery_id: str
    driver_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConfirmReturn:
    """The driver says that the restaurant has the goods back."""

    delivery_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class CancelDelivery:
    """The order was cancelled."""

    delivery_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReassignDelivery:
    """An operator takes the delivery from the driver `driver_id`, for another one."""

    delivery_id: str
    driver_id: str
    reason: str

    def __post_init__(self) -> None:
        check_identifier("driver_id", self.driver_id)
        check_text("reason", self.reason, REASON_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class WriteOffDelivery:
    """An operator gives up on goods that do not come back."""

    delivery_id: str
    reason: str

    def __post_init__(self) -> None:
        check_text("reason", self.reason, REASON_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class WaiveCode:
    """An operator lets the goods be handed over without a code."""

    delivery_id: str
    reason: str

    def __post_init__(self) -> None:
        check_text("reason", self.reason, REASON_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class CheckDeliveryDeadline:
    """The delivery may have been in this status for too long."""

    delivery_id: str
    flag: str
    since: Instant


@dataclass(frozen=True, slots=True)
class DeliveryStarted:
    """A delivery waits for a driver."""

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None = None


@dataclass(frozen=True, slots=True)
class DriverAssigned:
    """A driver comes; the goods are expected at the door at `eta_at`."""

    delivery_id: str
    order_id: str
    driver_id: str
    eta_at: Instant


@dataclass(frozen=True, slots=True)
class DriverDismissed:
    """A driver who has taken the delivery is not needed: it has another one, or has ended."""

    delivery_id: str
    order_id: str
    driver_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class DriverUnassigned:
    """The delivery waits for another driver, from `pickup`.

    `excluded` are the drivers who want no more of it; `is_taken_off` is true when the driver is
    yet to be told, `has_goods` when it leaves the goods at `pickup`.
    """

    delivery_id: str
    order_id: str
    driver_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None
    excluded: tuple[str, ...]
    reason: str
    is_taken_off: bool
    has_goods: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryEtaChanged:
    """The driver moved, and the goods are expected at another time than before."""

    delivery_id: str
    order_id: str
    driver_id: str
    location: GeoPoint
    recorded_at: Instant
    eta_at: Instant


@dataclass(frozen=True, slots=True)
class DeliveryPickedUp:
    """The driver has the goods."""

    delivery_id: str
    order_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class DeliveryCompleted:
    """The goods were handed over.

    `region` is where another driver was sought meanwhile, None where none was.
    """

    delivery_id: str
    order_id: str
    driver_id: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """The driver could not hand the goods over, and takes them back."""

    delivery_id: str
    order_id: str
    driver_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryCancelling:
    """The delivery was cancelled; its driver is told, and says where the goods are."""

    delivery_id: str
    order_id: str
    driver_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryRecalled:
    """The delivery was cancelled when the driver had the goods; they go back to the restaurant."""

    delivery_id: str
    order_id: str
    driver_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryReturned:
    """The restaurant has the goods back."""

    delivery_id: str
    order_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class DeliveryCancelled:
    """The delivery has ended before the goods were picked up."""

    delivery_id: str
    order_id: str
    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryWrittenOff:
    """Nobody waits for the goods any more."""

    delivery_id: str
    order_id: str
    driver_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class CodeWaived:
    """The goods may be handed over without a code."""

    delivery_id: str
    order_id: str
    driver_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryFlagged:
    """Operators are to look at the delivery; `flag` is a short code."""

    delivery_id: str
    order_id: str
    flag: str
    since: Instant


DeliveryCommand = (
    StartDelivery
    | AssignDriver
    | UnassignDriver
    | ConfirmRelease
    | ReportSilence
    | ReportWrongCodes
    | TrackDriver
    | ConfirmPickup
    | ConfirmDropoff
    | FailDelivery
    | ConfirmReturn
    | CancelDelivery
    | ReassignDelivery
    | WriteOffDelivery
    | WaiveCode
    | CheckDeliveryDeadline
)
DeliveryEvent = (
    DeliveryStarted
    | DriverAssigned
    | DriverDismissed
    | DriverUnassigned
    | DeliveryEtaChanged
    | DeliveryPickedUp
    | DeliveryCompleted
    | DeliveryFailed
    | DeliveryCancelling
    | DeliveryRecalled
    | DeliveryReturned
    | DeliveryCancelled
    | DeliveryWrittenOff
    | CodeWaived
    | DeliveryFlagged
)
