"""When the goods are expected at the door."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.common.decider import Rejected
from services.common.messages.delivery import DeliveryEtaChanged, TrackDriver
from services.common.values import INSTANT_MAX, INSTANT_MIN, GeoPoint
from services.delivery.domain.delivery import (
    DRIVER_SILENT,
    Delivery,
    DeliveryStatus,
    not_its_driver,
)

SPEED_MPS_MIN = 0.1


@dataclass(frozen=True, slots=True)
class Travel:
    """How drivers are expected to travel.

    speed_mps: metres per second along the great circle; from SPEED_MPS_MIN on.
    eta_change_seconds_min: a smaller change of the expected arrival is not told.
    """

    speed_mps: float
    eta_change_seconds_min: float


def expected_at(delivery: Delivery, location: GeoPoint, at: datetime, travel: Travel) -> datetime:
    """When the goods are at the door, for a driver who was at `location` at `at`."""
    if delivery.status is DeliveryStatus.PICKED_UP:
        way_m = location.distance_m(delivery.dropoff)
    else:
        way_m = location.distance_m(delivery.pickup) + delivery.pickup.distance_m(delivery.dropoff)
    return at + timedelta(seconds=round(way_m / max(travel.speed_mps, SPEED_MPS_MIN)))


def track(
    command: TrackDriver, delivery: Delivery, travel: Travel
) -> DeliveryEtaChanged | Rejected | None:
    """The driver was seen on its way to the door."""
    if delivery.driver_id != command.driver_id:
        return not_its_driver(command.driver_id, delivery)
    if delivery.status not in (DeliveryStatus.DRIVER_ASSIGNED, DeliveryStatus.PICKED_UP):
        return None
    if not INSTANT_MIN <= command.recorded_at <= INSTANT_MAX:
        return Rejected("recorded_out_of_range", f"{command.recorded_at.isoformat()} is not now")
    if delivery.located_at is not None and command.recorded_at <= delivery.located_at:
        return None
    eta_at = expected_at(delivery, command.location, command.recorded_at, travel)
    if delivery.eta_at is not None and DRIVER_SILENT not in delivery.flags:
        change = abs((eta_at - delivery.eta_at).total_seconds())
        if change < travel.eta_change_seconds_min:
            return None
    return DeliveryEtaChanged(
        delivery_id=delivery.delivery_id,
        order_id=delivery.order_id,
        driver_id=command.driver_id,
        location=command.location,
        recorded_at=command.recorded_at,
        eta_at=eta_at,
    )
