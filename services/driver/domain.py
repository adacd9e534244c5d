"""The digital twin of a driver: State, decide, evolve."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from services.common.decider import Decider, Rejected, Row, Wakeup
from services.common.messages.driver import (
    AssignDelivery,
    AssignedDelivery,
    DeliveryAccepted,
    DeliveryDeclined,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverCommand,
    DriverEvent,
    DriverLocated,
    DriverSnapshotted,
    DriverStatus,
    GoodsDroppedOff,
    GoodsPickedUp,
    ReportDropoff,
    ReportLocation,
    ReportPickup,
    SetAvailability,
    TakeDriverSnapshot,
)
from services.common.values import GeoPoint

CLOCK_AHEAD_MAX = timedelta(minutes=5)


class Driver(Struct, frozen=True):
    """All that is known of a driver."""

    driver_id: str
    status: DriverStatus
    region: str
    location: GeoPoint
    snapshot_at: datetime
    located_at: datetime | None = None
    delivery: AssignedDelivery | None = None
    last_delivery_id: str | None = None


def decide(
    command: DriverCommand, driver: Driver | None, at: datetime, location_interval: timedelta
) -> DriverEvent | Rejected | None:
    """The event of a command, Rejected, or None for a repeat.

    Args:
        location_interval: the least time between two locations that count.
    """
    if isinstance(command, SetAvailability):
        return _set_availability(command, driver)
    if driver is None:
        return Rejected(
            "unknown_driver", f"{command.driver_id} has never said that it is available"
        )
    match command:
        case AssignDelivery():
            return _assign(command, driver)
        case ReportPickup(delivery_id=delivery_id):
            if driver.delivery is None or driver.delivery.delivery_id != delivery_id:
                if driver.last_delivery_id == delivery_id:
                    return None
                return _not_assigned(driver, delivery_id)
            if driver.delivery.picked_up:
                return None
            return GoodsPickedUp(driver.driver_id, delivery_id, driver.delivery.order_id)
        case ReportDropoff(delivery_id=delivery_id):
            if driver.delivery is None or driver.delivery.delivery_id != delivery_id:
                if driver.last_delivery_id == delivery_id:
                    return None
                return _not_assigned(driver, delivery_id)
            if not driver.delivery.picked_up:
                return Rejected("not_picked_up", f"{delivery_id} was not picked up yet")
            return GoodsDroppedOff(driver.driver_id, delivery_id, driver.delivery.order_id)
        case ReportLocation():
            return _locate(command, driver, at, location_interval)
        case TakeDriverSnapshot():
            return None  # the runtime answers it with `snapshot`
        case _:
            assert_never(command)


def _set_availability(
    command: SetAvailability, driver: Driver | None
) -> DriverEvent | Rejected | None:
    if driver is not None and driver.delivery is not None:
        return Rejected("on_a_delivery", f"{driver.driver_id} has a delivery to finish first")
    is_available = driver is not None and driver.status is DriverStatus.AVAILABLE
    if not command.available:
        if driver is None or not is_available:
            return None
        return DriverBecameUnavailable(driver.driver_id, driver.region)
    previous_region = None
    if driver is not None and is_available:
        if driver.region == command.region:
            return None
        previous_region = driver.region
    return DriverBecameAvailable(
        command.driver_id, command.region, command.location, previous_region
    )


def _assign(command: AssignDelivery, driver: Driver) -> DriverEvent | None:
    if command.delivery_id in (_working_on(driver), driver.last_delivery_id):
        return None
    reason = None
    if driver.delivery is not None:
        reason = "on_a_delivery"
    elif driver.status is not DriverStatus.AVAILABLE:
        reason = "not_available"
    elif driver.region != command.region:
        reason = "in_another_region"
    if reason is not None:
        return DeliveryDeclined(
            driver.driver_id, command.delivery_id, command.order_id, command.region, reason
        )
    return DeliveryAccepted(
        driver_id=driver.driver_id,
        delivery_id=command.delivery_id,
        order_id=command.order_id,
        region=command.region,
        pickup=command.pickup,
        dropoff=command.dropoff,
        location=driver.location,
    )


def _locate(
    command: ReportLocation, driver: Driver, at: datetime, interval: timedelta
) -> DriverLocated | Rejected | None:
    """A location that comes too soon after the last counts for nothing, as an older one does.

    So a phone that floods the topic adds at most one event per interval to the log.
    """
    if driver.located_at is not None:
        since = command.recorded_at - driver.located_at
        if since <= timedelta(0) or since < interval:
            return None
    if command.recorded_at - at > CLOCK_AHEAD_MAX:
        # Taken once, it would hide all later locations until that instant.
        return Rejected(
            "clock_ahead",
            f"{driver.driver_id} says {command.recorded_at.isoformat()} at {at.isoformat()}",
        )
    work = driver.delivery
    return DriverLocated(
        driver_id=driver.driver_id,
        location=command.location,
        recorded_at=command.recorded_at.astimezone(UTC),
        delivery_id=None if work is None else work.delivery_id,
        order_id=None if work is None else work.order_id,
    )


def evolve(driver: Driver | None, event: DriverEvent, at: datetime) -> Driver:
    """The driver after the event."""
    if isinstance(event, DriverSnapshotted):
        return Driver(
            driver_id=event.driver_id,
            status=event.status,
            region=event.region,
            location=event.location,
            located_at=event.located_at,
            delivery=event.delivery,
            last_delivery_id=event.last_delivery_id,
            snapshot_at=at,
        )
    if isinstance(event, DriverBecameAvailable):
        known = driver or Driver(
            event.driver_id, DriverStatus.AVAILABLE, event.region, event.location, snapshot_at=at
        )
        return replace(
            known,
            status=DriverStatus.AVAILABLE,
            region=event.region,
            location=event.location,
        )
    assert driver is not None, "only DriverBecameAvailable or a snapshot begins a driver"
    match event:
        case DriverBecameUnavailable():
            return replace(driver, status=DriverStatus.UNAVAILABLE)
        case DeliveryAccepted():
            delivery = AssignedDelivery(
                event.delivery_id, event.order_id, event.region, event.pickup, event.dropoff
            )
            return replace(driver, status=DriverStatus.ON_DELIVERY, delivery=delivery)
        case DeliveryDeclined():
            return driver
        case GoodsPickedUp():
            if driver.delivery is None:
                return driver
            picked_up = dataclasses.replace(driver.delivery, picked_up=True)
            return replace(driver, delivery=picked_up)
        case GoodsDroppedOff(delivery_id=delivery_id):
            return replace(
                driver,
                status=DriverStatus.UNAVAILABLE,
                delivery=None,
                last_delivery_id=delivery_id,
            )
        case DriverLocated(location=location, recorded_at=recorded_at):
            return replace(driver, location=location, located_at=recorded_at)
        case _:
            assert_never(event)


def snapshot(key: str, row: Row[Driver]) -> DriverSnapshotted:
    """The whole twin as an event, so that events before it may be forgotten."""
    driver = row.state
    return DriverSnapshotted(
        driver_id=key,
        status=driver.status,
        region=driver.region,
        location=driver.location,
        located_at=driver.located_at,
        delivery=driver.delivery,
        last_delivery_id=driver.last_delivery_id,
        sources=row.sources,
    )


def labels(driver: Driver) -> Mapping[str, str]:
    """What drivers are listed by."""
    return {"status": driver.status.value, "region": driver.region}


def driver_decider(
    snapshot_hours: float, location_interval_seconds_min: float = 0.0
) -> Decider[Driver, DriverCommand, DriverEvent]:
    """The driver aggregate for the runtime; writes itself whole every `snapshot_hours`."""
    location_interval = timedelta(seconds=location_interval_seconds_min)

    def agenda(driver: Driver) -> tuple[Wakeup, ...]:
        due_at = driver.snapshot_at + timedelta(hours=snapshot_hours)
        return (Wakeup(due_at, TakeDriverSnapshot(driver.driver_id)),)

    return Decider(
        name="driver",
        key_field="driver_id",
        decide=lambda command, driver, at: decide(command, driver, at, location_interval),
        evolve=evolve,
        agenda=agenda,
        labels=labels,
        listed_at=lambda driver: datetime(2000, 1, 1, tzinfo=UTC),
        state_type=Driver,
        recognised={DriverLocated: _is_located},
        snapshot_command=TakeDriverSnapshot,
        snapshot_event=DriverSnapshotted,
        snapshot=snapshot,
    )


def _is_located(driver: Driver, event: DriverLocated) -> bool:
    """True when the location, or a later one, is known already."""
    return driver.located_at is not None and event.recorded_at <= driver.located_at


def _working_on(driver: Driver) -> str | None:
    return None if driver.delivery is None else driver.delivery.delivery_id


def _not_assigned(driver: Driver, delivery_id: str) -> Rejected:
    return Rejected("not_assigned", f"{delivery_id} is not assigned to {driver.driver_id}")
