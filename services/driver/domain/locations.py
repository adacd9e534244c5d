"""Where a driver was seen, as its phone tells it."""

from datetime import UTC, datetime, timedelta

from services.common.decider import Rejected
from services.common.messages.driver import DriverHeard, DriverLocated, ReportLocation
from services.driver.domain.twin import Driver

CLOCK_AHEAD_MAX = timedelta(minutes=5)


def decide_location(
    command: ReportLocation, driver: Driver, at: datetime, interval: timedelta
) -> DriverLocated | DriverHeard | Rejected | None:
    """Where the driver was; of one that is suspected of silence, at least that it was heard.

    So neither a phone's wrong clock nor locations that come late in a heap cost a driver its work.
    """
    located = _locate(command, driver, at, interval)
    if driver.suspected_at is not None and not isinstance(located, DriverLocated):
        return DriverHeard(driver.driver_id)
    return located


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


def is_located(driver: Driver, event: DriverLocated) -> bool:
    """True when the location, or a later one, is known already."""
    return driver.located_at is not None and event.recorded_at <= driver.located_at
