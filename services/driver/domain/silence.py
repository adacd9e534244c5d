"""How a driver with a delivery that is not heard from is found out."""

from datetime import datetime, timedelta
from typing import assert_never

from services.common.decider import Wakeup
from services.common.messages.driver import (
    CheckSilence,
    ConfirmSilence,
    DriverFellSilent,
    SilenceSuspected,
)
from services.driver.domain.limits import DriverLimits
from services.driver.domain.twin import Driver


def decide_silence(
    command: CheckSilence | ConfirmSilence, driver: Driver
) -> SilenceSuspected | DriverFellSilent | None:
    """What becomes of a driver that may have fallen silent.

    Only the instant that the command names counts, not the one at which it is decided: the log's
    clock may be behind that of the timer, which fires once.
    """
    if driver.delivery is None:
        return None
    match command:
        case CheckSilence(since=since):
            if driver.suspected_at is not None or driver.heard_at != since:
                return None
            return SilenceSuspected(driver.driver_id)
        case ConfirmSilence(suspected_at=suspected_at):
            if driver.is_silent or driver.suspected_at != suspected_at:
                return None
            work = driver.delivery
            return DriverFellSilent(
                driver.driver_id, work.delivery_id, work.order_id, work.region, work.picked_up
            )
        case _:
            assert_never(command)


def silence_wakeup(driver: Driver, limits: DriverLimits) -> Wakeup | None:
    """When a driver with a delivery is next looked at; never while it is known to be silent."""
    if driver.delivery is None or driver.is_silent:
        return None
    if driver.suspected_at is not None:
        return _after(
            driver.suspected_at,
            limits.silence_grace_seconds,
            ConfirmSilence(driver.driver_id, driver.suspected_at),
        )
    return _after(
        driver.heard_at,
        limits.silence_seconds_max,
        CheckSilence(driver.driver_id, driver.heard_at),
    )


def _after(since: datetime, seconds: float, command: CheckSilence | ConfirmSilence) -> Wakeup:
    return Wakeup(since + timedelta(seconds=seconds), command)
