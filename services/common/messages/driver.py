"""Commands and events of the driver service: the digital twin of each driver."""

import re
from dataclasses import dataclass
from enum import StrEnum

from services.common.values import (
    GeoPoint,
    Instant,
    Long,
    check_identifier,
    check_instant,
    check_text,
)

REASON_CHARS_MAX = 500

_CODE = re.compile(r"[0-9]{4}")


class DriverStatus(StrEnum):
    """Whether a driver takes work."""

    AVAILABLE = "AVAILABLE"
    OFFERED = "OFFERED"
    ON_DELIVERY = "ON_DELIVERY"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class OfferedDelivery:
    """The delivery that a driver is asked to take, until `expires_at`."""

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class AssignedDelivery:
    """The delivery that a driver works on.

    returning: the goods go back to where they were picked up.
    code: what is to be named at the door; wrong_codes counts what else was.
    """

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    picked_up: bool = False
    returning: bool = False
    code: str | None = None
    wrong_codes: Long = 0


def check_code(value: str) -> None:
    """Raises ValueError unless the value is a code of four digits."""
    if not _CODE.fullmatch(value):
        raise ValueError(f"code is four digits, not {value[:20]!r}")


@dataclass(frozen=True, slots=True)
class SetAvailability:
    """The driver's phone says whether the driver takes work, where, and in which region."""

    driver_id: str
    available: bool
    region: str
    location: GeoPoint

    def __post_init__(self) -> None:
        check_identifier("driver_id", self.driver_id)
        check_identifier("region", self.region)


@dataclass(frozen=True, slots=True)
class OfferDelivery:
    """The matcher offers the driver a delivery."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None


@dataclass(frozen=True, slots=True)
class AcceptOffer:
    """The driver takes the delivery that it is offered."""

    driver_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class RejectOffer:
    """The driver does not take the delivery that it is offered."""

    driver_id: str
    delivery_id: str
    reason: str

    def __post_init__(self) -> None:
        check_text("reason", self.reason, REASON_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class ExpireOffer:
    """The driver has not answered an offer in time."""

    driver_id: str
    delivery_id: str
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class WithdrawOffer:
    """The delivery needs no driver any more."""

    driver_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class GiveUpDelivery:
    """The driver can't bring the delivery, and has not picked it up."""

    driver_id: str
    delivery_id: str
    reason: str

    def __post_init__(self) -> None:
        check_text("reason", self.reason, REASON_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class ReleaseDriver:
    """The driver is not to bring the delivery any more.

    `leaves_goods` is true when somebody else sees to goods that the driver may have.
    """

    driver_id: str
    delivery_id: str
    reason: str
    leaves_goods: bool = False


@dataclass(frozen=True, slots=True)
class RecallGoods:
    """The driver is to take the goods back to where they were picked up."""

    driver_id: str
    delivery_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportPickup:
    """The driver's phone says that the goods are on board."""

    driver_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class ReportDropoff:
    """The driver's phone says that the goods were handed over, and what code was named."""

    driver_id: str
    delivery_id: str
    code: str | None = None

    def __post_init__(self) -> None:
        if self.code is not None:
            check_code(self.code)


@dataclass(frozen=True, slots=True)
class ReportFailure:
    """The driver's phone says that nobody takes the goods."""

    driver_id: str
    delivery_id: str
    reason: str

    def __post_init__(self) -> None:
        check_text("reason", self.reason, REASON_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class ReportReturn:
    """The driver's phone says that the restaurant has the goods back."""

    driver_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class LiftCode:
    """No code needs to be named for the delivery any more."""

    driver_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class CheckSilence:
    """The driver may not have been heard from since `since` for too long."""

    driver_id: str
    since: Instant


@dataclass(frozen=True, slots=True)
class ConfirmSilence:
    """Nothing was heard from the driver since it was suspected of silence."""

    driver_id: str
    suspected_at: Instant


@dataclass(frozen=True, slots=True)
class ReportLocation:
    """The driver's phone was at `location` at `recorded_at`; sent on the topic driver.locations."""

    driver_id: str
    location: GeoPoint
    recorded_at: Instant

    def __post_init__(self) -> None:
        check_identifier("driver_id", self.driver_id)
        check_instant("recorded_at", self.recorded_at)


@dataclass(frozen=True, slots=True)
class TakeDriverSnapshot:
    """It is time to write the whole twin to the log, so that older events may be forgotten."""

    driver_id: str


@dataclass(frozen=True, slots=True)
class DriverBecameAvailable:
    """The driver waits for work in `region`, and no longer in `previous_region`."""

    driver_id: str
    region: str
    location: GeoPoint
    previous_region: str | None = None


@dataclass(frozen=True, slots=True)
class DriverBecameUnavailable:
    """The driver takes no work."""

    driver_id: str
    region: str


@dataclass(frozen=True, slots=True)
class DeliveryOffered:
    """The driver is asked to take the delivery, until `expires_at`."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class DeliveryAccepted:
    """The driver has taken the delivery; `location` is where it was last seen."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None
    location: GeoPoint


@dataclass(frozen=True, slots=True)
class DeliveryDeclined:
    """The driver does not take the delivery; the matcher tries another one.

    `is_excluded` is true when the driver is not to be asked again, `stays_available` when it waits
    for work all the same.
    """

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    reason: str
    location: GeoPoint
    is_excluded: bool
    stays_available: bool


@dataclass(frozen=True, slots=True)
class OfferWithdrawn:
    """The delivery needs no driver any more; the driver waits for work."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    location: GeoPoint


@dataclass(frozen=True, slots=True)
class DeliveryGivenUp:
    """The driver does not bring the delivery, and has no goods of it."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class DriverReleased:
    """The driver has to do with the delivery no more, and rests until the phone says otherwise."""

    driver_id: str
    delivery_id: str
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReturnOrdered:
    """The driver has the goods and is to take them back."""

    driver_id: str
    delivery_id: str
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class GoodsPickedUp:
    """The driver has the goods of the delivery."""

    driver_id: str
    delivery_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """A wrong code was named, the `wrong_codes`th; `is_locked` when no more are taken."""

    driver_id: str
    delivery_id: str
    order_id: str
    wrong_codes: Long
    is_locked: bool


@dataclass(frozen=True, slots=True)
class CodeLifted:
    """No code needs to be named for the delivery any more."""

    driver_id: str
    delivery_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class GoodsDroppedOff:
    """The driver has handed over the goods, and rests until the phone says otherwise."""

    driver_id: str
    delivery_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class DropoffFailed:
    """Nobody has taken the goods; the driver takes them back."""

    driver_id: str
    delivery_id: str
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class GoodsReturned:
    """The restaurant has the goods back, and the driver rests until the phone says otherwise."""

    driver_id: str
    delivery_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class SilenceSuspected:
    """The driver was not heard from for long; what is still on its way may say otherwise."""

    driver_id: str


@dataclass(frozen=True, slots=True)
class DriverFellSilent:
    """The driver is not heard from; without goods it has lost the delivery."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    has_goods: bool


@dataclass(frozen=True, slots=True)
class DriverHeard:
    """A driver that was suspected of silence was heard, though not where it is."""

    driver_id: str


@dataclass(frozen=True, slots=True)
class DriverLocated:
    """The driver was seen; `delivery_id` is the delivery that the driver works on, if any."""

    driver_id: str
    location: GeoPoint
    recorded_at: Instant
    delivery_id: str | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class DriverSnapshotted:
    """The whole twin: a fold may begin here. `sources` is the memory of what was applied."""

    driver_id: str
    status: DriverStatus
    region: str
    location: GeoPoint
    located_at: Instant | None
    heard_at: Instant
    suspected_at: Instant | None
    is_silent: bool
    offer: OfferedDelivery | None
    delivery: AssignedDelivery | None
    last_delivery_id: str | None
    rejected: tuple[str, ...]
    sources: dict[str, Long]


DriverCommand = (
    SetAvailability
    | OfferDelivery
    | AcceptOffer
    | RejectOffer
    | ExpireOffer
    | WithdrawOffer
    | GiveUpDelivery
    | ReleaseDriver
    | RecallGoods
    | ReportPickup
    | ReportDropoff
    | ReportFailure
    | ReportReturn
    | LiftCode
    | CheckSilence
    | ConfirmSilence
    | ReportLocation
    | TakeDriverSnapshot
)
DriverEvent = (
    DriverBecameAvailable
    | DriverBecameUnavailable
    | DeliveryOffered
    | DeliveryAccepted
    | DeliveryDeclined
    | OfferWithdrawn
    | DeliveryGivenUp
    | DriverReleased
    | ReturnOrdered
    | GoodsPickedUp
    | CodeRefused
    | CodeLifted
    | GoodsDroppedOff
    | DropoffFailed
    | GoodsReturned
    | SilenceSuspected
    | DriverFellSilent
    | DriverHeard
    | DriverLocated
    | DriverSnapshotted
)
