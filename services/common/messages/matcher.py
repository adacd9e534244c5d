"""Commands and events of the matcher: one aggregate per region pairs deliveries with drivers."""

from dataclasses import dataclass

from services.common.values import GeoPoint, Long


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """A delivery that needs a driver; it is not offered to those who are `excluded`.

    `code` is what the driver has to name at the door, None where nothing is asked.
    """

    delivery_id: str
    order_id: str
    pickup: GeoPoint
    dropoff: GeoPoint
    code: str | None = None
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AvailableDriver:
    """A driver that waits for work, and where."""

    driver_id: str
    location: GeoPoint


@dataclass(frozen=True, slots=True)
class Offer:
    """A delivery that one driver's twin is asked to take; open until the twin answers."""

    delivery: WaitingDelivery
    driver: AvailableDriver


@dataclass(frozen=True, slots=True)
class RequestDriver:
    """A delivery needs a driver."""

    region: str
    delivery: WaitingDelivery


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A delivery needs no driver any more."""

    region: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class RegisterDriver:
    """A driver waits for work in the region."""

    region: str
    driver: AvailableDriver


@dataclass(frozen=True, slots=True)
class WithdrawDriver:
    """A driver no longer waits for work in the region."""

    region: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class ConfirmOffer:
    """The driver's twin has taken the delivery."""

    region: str
    delivery_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class DeclineOffer:
    """The driver or its twin does not take the delivery.

    `is_excluded` is true when the driver is not to be asked again, `returning` is the driver where
    it still waits for work.
    """

    region: str
    delivery_id: str
    driver_id: str
    reason: str
    is_excluded: bool = False
    returning: AvailableDriver | None = None


@dataclass(frozen=True, slots=True)
class TakeRegionSnapshot:
    """It is time to write the whole region to the log, so that older events may be forgotten."""

    region: str


@dataclass(frozen=True, slots=True)
class DriverRequested:
    """A delivery waits, or is offered at once."""

    region: str
    delivery: WaitingDelivery
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class RequestCancelled:
    """A delivery waits no more; `driver_id` is the driver that it was offered to, if any."""

    region: str
    delivery_id: str
    driver_id: str | None


@dataclass(frozen=True, slots=True)
class DriverRegistered:
    """A driver waits, or is offered a delivery at once."""

    region: str
    driver: AvailableDriver
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class DriverWithdrawn:
    """A driver waits no more."""

    region: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class OfferConfirmed:
    """The delivery has its driver."""

    region: str
    delivery_id: str
    driver_id: str


@dataclass(frozen=True, slots=True)
class OfferDeclined:
    """The delivery waits again at the head of the queue, or is offered to the next driver.

    `is_excluded` is true when the driver is not asked again, `returning` is the driver where it
    waits again, at the end of the queue.
    """

    region: str
    delivery_id: str
    driver_id: str
    reason: str
    is_excluded: bool
    returning: AvailableDriver | None
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class RegionSnapshotted:
    """The whole region: a fold may begin here. `sources` is the memory of what was applied."""

    region: str
    waiting: tuple[WaitingDelivery, ...]
    available: tuple[AvailableDriver, ...]
    offers: tuple[Offer, ...]
    sources: dict[str, Long]


MatcherCommand = (
    RequestDriver
    | CancelRequest
    | RegisterDriver
    | WithdrawDriver
    | ConfirmOffer
    | DeclineOffer
    | TakeRegionSnapshot
)
MatcherEvent = (
    DriverRequested
    | RequestCancelled
    | DriverRegistered
    | DriverWithdrawn
    | OfferConfirmed
    | OfferDeclined
    | RegionSnapshotted
)
