"""Commands and events of the driver service: the digital twin of each driver."""

from dataclasses import dataclass
from enum import StrEnum

from services.common.values import GeoPoint, Instant, Long, check_identifier, check_instant


class DriverStatus(StrEnum):
    """Whether a driver takes work."""

    AVAILABLE = "AVAILABLE"
    ON_DELIVERY = "ON_DELIVERY"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class AssignedDelivery:
    """The delivery that a driver works on."""

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    picked_up: bool = False


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
class AssignDelivery:
    """The matcher offers the driver a delivery."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint


@dataclass(frozen=True, slots=True)
class ReportPickup:
    """The driver's phone says that the goods are on board."""

    driver_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class ReportDropoff:
    """The driver's phone says that the goods were handed over."""

    driver_id: str
    delivery_id: str


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
class DeliveryAccepted:
    """The twin was free and has taken the delivery; `location` is where it was last seen."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    location: GeoPoint


@dataclass(frozen=True, slots=True)
class DeliveryDeclined:
    """The twin was not free; the matcher tries another driver."""

    driver_id: str
    delivery_id: str
    order_id: str
    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class GoodsPickedUp:
    """The driver has the goods of the delivery."""

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
    delivery: AssignedDelivery | None
    last_delivery_id: str | None
    sources: dict[str, Long]


DriverCommand = (
    SetAvailability
    | AssignDelivery
    | ReportPickup
    | ReportDropoff
    | ReportLocation
    | TakeDriverSnapshot
)
DriverEvent = (
    DriverBecameAvailable
    | DriverBecameUnavailable
    | DeliveryAccepted
    | DeliveryDeclined
    | GoodsPickedUp
    | GoodsDroppedOff
    | DriverLocated
    | DriverSnapshotted
)
