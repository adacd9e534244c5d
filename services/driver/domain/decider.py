"""The driver aggregate for the runtime."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_never

from services.common.decider import Decider, Rejected, Row, Wakeup
from services.common.messages.driver import (
    AcceptOffer,
    CheckSilence,
    ConfirmSilence,
    DriverCommand,
    DriverEvent,
    DriverLocated,
    DriverSnapshotted,
    ExpireOffer,
    GiveUpDelivery,
    LiftCode,
    OfferDelivery,
    RecallGoods,
    RejectOffer,
    ReleaseDriver,
    ReportDropoff,
    ReportFailure,
    ReportLocation,
    ReportPickup,
    ReportReturn,
    SetAvailability,
    TakeDriverSnapshot,
    WithdrawOffer,
)
from services.driver.domain.limits import SECONDS_CEILING, DriverLimits
from services.driver.domain.locations import decide_location, is_located
from services.driver.domain.offers import decide_availability, decide_offer
from services.driver.domain.silence import decide_silence, silence_wakeup
from services.driver.domain.twin import Driver, evolve
from services.driver.domain.work import decide_instruction, decide_report

DEFAULT_LIMITS = DriverLimits()


def decide(
    command: DriverCommand,
    driver: Driver | None,
    at: datetime,
    location_interval: timedelta,
    limits: DriverLimits = DEFAULT_LIMITS,
) -> DriverEvent | Rejected | None:
    """The event of a command, Rejected, or None for a repeat.

    Args:
        location_interval: the least time between two locations that count.
    """
    if isinstance(command, SetAvailability):
        return decide_availability(command, driver)
    if driver is None:
        return Rejected(
            "unknown_driver", f"{command.driver_id} has never said that it is available"
        )
    match command:
        case OfferDelivery() | AcceptOffer() | RejectOffer() | ExpireOffer() | WithdrawOffer():
            return decide_offer(command, driver, at, limits)
        case GiveUpDelivery() | ReportPickup() | ReportDropoff() | ReportFailure() | ReportReturn():
            return decide_report(command, driver, limits)
        case ReleaseDriver() | RecallGoods() | LiftCode():
            return decide_instruction(command, driver)
        case CheckSilence() | ConfirmSilence():
            return decide_silence(command, driver)
        case ReportLocation():
            return decide_location(command, driver, at, location_interval)
        case TakeDriverSnapshot():
            return None  # the runtime answers it with `snapshot`
        case _:
            assert_never(command)


def agenda(driver: Driver, snapshot_hours: float, limits: DriverLimits) -> tuple[Wakeup, ...]:
    """What the twin waits for: its snapshot, an answer to an offer, a sign of life."""
    due_at = driver.snapshot_at + timedelta(hours=snapshot_hours)
    wakeups = [Wakeup(due_at, TakeDriverSnapshot(driver.driver_id))]
    if (offer := driver.offer) is not None:
        expiry = ExpireOffer(driver.driver_id, offer.delivery_id, offer.expires_at)
        wakeups.append(Wakeup(offer.expires_at, expiry))
    if (silence := silence_wakeup(driver, limits)) is not None:
        wakeups.append(silence)
    return tuple(wakeups)


def snapshot(key: str, row: Row[Driver]) -> DriverSnapshotted:
    """The whole twin as an event, so that events before it may be forgotten."""
    driver = row.state
    return DriverSnapshotted(
        driver_id=key,
        status=driver.status,
        region=driver.region,
        location=driver.location,
        located_at=driver.located_at,
        heard_at=driver.heard_at,
        suspected_at=driver.suspected_at,
        is_silent=driver.is_silent,
        offer=driver.offer,
        delivery=driver.delivery,
        last_delivery_id=driver.last_delivery_id,
        rejected=driver.rejected,
        sources=row.sources,
    )


def labels(driver: Driver) -> Mapping[str, str]:
    """What drivers are listed by."""
    return {"status": driver.status.value, "region": driver.region}


def driver_decider(
    snapshot_hours: float,
    location_interval_seconds_min: float = 0.0,
    limits: DriverLimits = DEFAULT_LIMITS,
) -> Decider[Driver, DriverCommand, DriverEvent]:
    """The driver aggregate for the runtime; writes itself whole every `snapshot_hours`.

    Raises:
        ValueError: `snapshot_hours` is not more than 0, or is more than a year.
    """
    if not 0 < snapshot_hours * 3_600 <= SECONDS_CEILING:
        raise ValueError(f"snapshot_hours is more than 0 and up to a year, not {snapshot_hours}")
    location_interval = timedelta(seconds=location_interval_seconds_min)
    return Decider(
        name="driver",
        key_field="driver_id",
        decide=lambda command, driver, at: decide(command, driver, at, location_interval, limits),
        evolve=evolve,
        agenda=lambda driver: agenda(driver, snapshot_hours, limits),
        labels=labels,
        listed_at=lambda driver: datetime(2000, 1, 1, tzinfo=UTC),
        state_type=Driver,
        recognised={DriverLocated: is_located},
        routine={DriverLocated.__name__},
        snapshot_command=TakeDriverSnapshot,
        snapshot_event=DriverSnapshotted,
        snapshot=snapshot,
    )
