"""Commands and events of the delivery service."""

from dataclasses import dataclass

from services.common.values import GeoPoint, Instant


@dataclass(frozen=True, slots=True)
class StartDelivery:
    """An order is ready and needs a driver."""

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint


@dataclass(frozen=True, slots=True)
class AssignDriver:
    """A driver has taken the delivery, and was last seen at `location`."""

    delivery_id: str
    driver_id: str
    location: GeoPoint


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
class DeliveryStarted:
    """A delivery waits for a driver."""

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint


@dataclass(frozen=True, slots=True)
class DriverAssigned:
    """A driver comes; the goods are expected at the door at `eta_at`."""

    delivery_id: str
    order_id: str
    driver_id: str
    eta_at: Instant


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
    """The goods were handed over."""

    delivery_id: str
    order_id: str
    driver_id: str


DeliveryCommand = StartDelivery | AssignDriver | TrackDriver | ConfirmPickup | ConfirmDropoff
DeliveryEvent = (
    DeliveryStarted | DriverAssigned | DeliveryEtaChanged | DeliveryPickedUp | DeliveryCompleted
)
