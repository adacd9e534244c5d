"""One delivery from the restaurant to the door: State, decide, evolve."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from services.common.decider import Decider, Rejected
from services.common.messages.delivery import (
    AssignDriver,
    ConfirmDropoff,
    ConfirmPickup,
    DeliveryCommand,
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryEvent,
    DeliveryPickedUp,
    DeliveryStarted,
    DriverAssigned,
    StartDelivery,
    TrackDriver,
)
from services.common.values import GeoPoint


class DeliveryStatus(StrEnum):
    """How far the delivery is."""

    WAITING_FOR_DRIVER = "WAITING_FOR_DRIVER"
    DRIVER_ASSIGNED = "DRIVER_ASSIGNED"
    PICKED_UP = "PICKED_UP"
    DELIVERED = "DELIVERED"


class Delivery(Struct, frozen=True):
    """All that is known of a delivery."""

    delivery_id: str
    order_id: str
    status: DeliveryStatus
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    started_at: datetime
    driver_id: str | None = None
    driver_location: GeoPoint | None = None
    located_at: datetime | None = None
    eta_at: datetime | None = None
    picked_up_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Travel:
    """How drivers are expected to travel.

    speed_mps: metres per second along the great circle.
    eta_change_seconds_min: a smaller change of the expected arrival is not told.
    """

    speed_mps: float
    eta_change_seconds_min: float


def decide(
    command: DeliveryCommand, delivery: Delivery | None, at: datetime, travel: Travel
) -> DeliveryEvent | Rejected | None:
    """The event of a command, Rejected, or None for a repeat."""
    if isinstance(command, StartDelivery):
        if delivery is not None:
            return None
        return DeliveryStarted(
            delivery_id=command.delivery_id,
            order_id=command.order_id,
            region=command.region,
            pickup=command.pickup,
            dropoff=command.dropoff,
        )
    if delivery is None:
        return Rejected("unknown_delivery", f"there is no delivery {command.delivery_id}")
    match command:
        case AssignDriver(driver_id=driver_id, location=location):
            if delivery.driver_id == driver_id:
                return None
            if delivery.driver_id is not None:
                return Rejected("has_a_driver", f"{delivery.driver_id} already drives it")
            return DriverAssigned(
                delivery.delivery_id,
                delivery.order_id,
                driver_id,
                expected_at(delivery, location, at, travel),
            )
        case TrackDriver():
            return _track(command, delivery, travel)
        case ConfirmPickup(driver_id=driver_id):
            if delivery.driver_id != driver_id:
                return _not_driven_by(driver_id, delivery)
            if delivery.picked_up_at is not None:
                return None
            return DeliveryPickedUp(delivery.delivery_id, delivery.order_id, driver_id)
        case ConfirmDropoff(driver_id=driver_id):
            if delivery.driver_id != driver_id:
                return _not_driven_by(driver_id, delivery)
            if delivery.delivered_at is not None:
                return None
            if delivery.picked_up_at is None:
                return Rejected("not_picked_up", "the goods were not picked up yet")
            return DeliveryCompleted(delivery.delivery_id, delivery.order_id, driver_id)
        case _:
            assert_never(command)


def _track(
    command: TrackDriver, delivery: Delivery, travel: Travel
) -> DeliveryEtaChanged | Rejected | None:
    if delivery.driver_id != command.driver_id:
        return _not_driven_by(command.driver_id, delivery)
    if delivery.delivered_at is not None:
        return None
    if delivery.located_at is not None and command.recorded_at <= delivery.located_at:
        return None
    eta_at = expected_at(delivery, command.location, command.recorded_at, travel)
    if delivery.eta_at is not None:
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


def expected_at(delivery: Delivery, location: GeoPoint, at: datetime, travel: Travel) -> datetime:
    """When the goods are at the door, for a driver who was at `location` at `at`."""
    if delivery.picked_up_at is None:
        way_m = location.distance_m(delivery.pickup) + delivery.pickup.distance_m(delivery.dropoff)
    else:
        way_m = location.distance_m(delivery.dropoff)
    return at + timedelta(seconds=round(way_m / travel.speed_mps))


def evolve(delivery: Delivery | None, event: DeliveryEvent, at: datetime) -> Delivery:
    """The delivery after the event."""
    if isinstance(event, DeliveryStarted):
        return Delivery(
            delivery_id=event.delivery_id,
            order_id=event.order_id,
            status=DeliveryStatus.WAITING_FOR_DRIVER,
            region=event.region,
            pickup=event.pickup,
            dropoff=event.dropoff,
            started_at=at,
        )
    assert delivery is not None, "only DeliveryStarted begins a delivery"
    match event:
        case DriverAssigned(driver_id=driver_id, eta_at=eta_at):
            return replace(
                delivery,
                status=DeliveryStatus.DRIVER_ASSIGNED,
                driver_id=driver_id,
                eta_at=eta_at,
            )
        case DeliveryEtaChanged(location=location, recorded_at=recorded_at, eta_at=eta_at):
            return replace(
                delivery, driver_location=location, located_at=recorded_at, eta_at=eta_at
            )
        case DeliveryPickedUp():
            return replace(delivery, status=DeliveryStatus.PICKED_UP, picked_up_at=at)
        case DeliveryCompleted():
            return replace(delivery, status=DeliveryStatus.DELIVERED, delivered_at=at)
        case _:
            assert_never(event)


def labels(delivery: Delivery) -> Mapping[str, str]:
    """What deliveries are listed by."""
    return {"status": delivery.status.value, "region": delivery.region}


def delivery_decider(travel: Travel) -> Decider[Delivery, DeliveryCommand, DeliveryEvent]:
    """The delivery aggregate for the runtime."""
    return Decider(
        name="delivery",
        key_field="delivery_id",
        decide=lambda command, delivery, at: decide(command, delivery, at, travel),
        evolve=evolve,
        agenda=lambda delivery: (),
        labels=labels,
        listed_at=lambda delivery: delivery.started_at,
        state_type=Delivery,
    )


def _not_driven_by(driver_id: str, delivery: Delivery) -> Rejected:
    return Rejected(
        "not_its_driver", f"{driver_id} does not drive it; {delivery.driver_id or 'nobody'} does"
    )
