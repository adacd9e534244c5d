"""The pairing of one region: deliveries that wait and drivers that are free. State, decide, evolve.

First come, first served on both sides: the delivery that has waited longest is offered to the
driver that has waited longest. An offer stays open until the driver's twin has answered.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from services.common.decider import Decider, Rejected, Row, Wakeup
from services.common.messages.matcher import (
    AvailableDriver,
    ConfirmOffer,
    DeclineOffer,
    DriverRegistered,
    DriverRequested,
    DriverWithdrawn,
    MatcherCommand,
    MatcherEvent,
    Offer,
    OfferConfirmed,
    OfferDeclined,
    RegionSnapshotted,
    RegisterDriver,
    RequestDriver,
    TakeRegionSnapshot,
    WaitingDelivery,
    WithdrawDriver,
)

SOURCES_MAX = 512


class Region(Struct, frozen=True):
    """Who waits for whom, longest first, and the open offers."""

    region: str
    snapshot_at: datetime
    waiting: tuple[WaitingDelivery, ...] = ()
    available: tuple[AvailableDriver, ...] = ()
    offers: tuple[Offer, ...] = ()


def decide(
    command: MatcherCommand, region: Region | None, at: datetime
) -> MatcherEvent | Rejected | None:
    """The event of a command, with the offers that it leads to; None for a repeat."""
    known = region or Region(command.region, at)
    match command:
        case RequestDriver(delivery=delivery):
            if _waits(known, delivery.delivery_id):
                return None
            waiting = (*known.waiting, delivery)
            return DriverRequested(known.region, delivery, pair(waiting, known.available))
        case RegisterDriver(driver=driver):
            if _is_free(known, driver.driver_id):
                return None
            available = (*known.available, driver)
            return DriverRegistered(known.region, driver, pair(known.waiting, available))
        case WithdrawDriver(driver_id=driver_id):
            if driver_id not in {each.driver_id for each in known.available}:
                return None
            return DriverWithdrawn(known.region, driver_id)
        case ConfirmOffer(delivery_id=delivery_id, driver_id=driver_id):
            if _offer(known, delivery_id, driver_id) is None:
                return _no_offer(delivery_id, driver_id)
            return OfferConfirmed(known.region, delivery_id, driver_id)
        case DeclineOffer(delivery_id=delivery_id, driver_id=driver_id, reason=reason):
            offer = _offer(known, delivery_id, driver_id)
            if offer is None:
                return _no_offer(delivery_id, driver_id)
            waiting = (offer.delivery, *known.waiting)
            offers = pair(waiting, known.available)
            return OfferDeclined(known.region, delivery_id, driver_id, reason, offers)
        case TakeRegionSnapshot():
            return None  # the runtime answers it with `snapshot`
        case _:
            assert_never(command)


def pair(
    waiting: tuple[WaitingDelivery, ...], available: tuple[AvailableDriver, ...]
) -> tuple[Offer, ...]:
    """The offers that can be made at once, in first-come order on both sides."""
    return tuple(
        Offer(delivery, driver) for delivery, driver in zip(waiting, available, strict=False)
    )


def evolve(region: Region | None, event: MatcherEvent, at: datetime) -> Region:
    """The region after the event."""
    known = region or Region(event.region, at)
    match event:
        case DriverRequested(delivery=delivery, offers=offers):
            return _offered(replace(known, waiting=(*known.waiting, delivery)), offers)
        case DriverRegistered(driver=driver, offers=offers):
            return _offered(replace(known, available=(*known.available, driver)), offers)
        case DriverWithdrawn(driver_id=driver_id):
            available = tuple(each for each in known.available if each.driver_id != driver_id)
            return replace(known, available=available)
        case OfferConfirmed(delivery_id=delivery_id):
            return _closed(known, delivery_id)
        case OfferDeclined(delivery_id=delivery_id, driver_id=driver_id, offers=offers):
            offer = _offer(known, delivery_id, driver_id)
            closed = _closed(known, delivery_id)
            if offer is not None:
                closed = replace(closed, waiting=(offer.delivery, *closed.waiting))
            return _offered(closed, offers)
        case RegionSnapshotted():
            return Region(event.region, at, event.waiting, event.available, event.offers)
        case _:
            assert_never(event)


def snapshot(key: str, row: Row[Region]) -> RegionSnapshotted:
    """The whole region as an event, so that events before it may be forgotten."""
    region = row.state
    return RegionSnapshotted(key, region.waiting, region.available, region.offers, row.sources)


def labels(region: Region) -> Mapping[str, str]:
    """Regions are listed as they are."""
    return {}


def region_decider(snapshot_hours: float) -> Decider[Region, MatcherCommand, MatcherEvent]:
    """The region aggregate for the runtime; writes itself whole every `snapshot_hours`."""

    def agenda(region: Region) -> tuple[Wakeup, ...]:
        due_at = region.snapshot_at + timedelta(hours=snapshot_hours)
        return (Wakeup(due_at, TakeRegionSnapshot(region.region)),)

    return Decider(
        name="matcher",
        key_field="region",
        decide=decide,
        evolve=evolve,
        agenda=agenda,
        labels=labels,
        listed_at=lambda region: datetime(2000, 1, 1, tzinfo=UTC),
        state_type=Region,
        sources_max=SOURCES_MAX,
        snapshot_command=TakeRegionSnapshot,
        snapshot_event=RegionSnapshotted,
        snapshot=snapshot,
    )


def _waits(region: Region, delivery_id: str) -> bool:
    offered = (offer.delivery for offer in region.offers)
    return any(each.delivery_id == delivery_id for each in (*region.waiting, *offered))


def _is_free(region: Region, driver_id: str) -> bool:
    offered = (offer.driver for offer in region.offers)
    return any(each.driver_id == driver_id for each in (*region.available, *offered))


def _offer(region: Region, delivery_id: str, driver_id: str) -> Offer | None:
    for offer in region.offers:
        if offer.delivery.delivery_id == delivery_id and offer.driver.driver_id == driver_id:
            return offer
    return None


def _offered(region: Region, offers: tuple[Offer, ...]) -> Region:
    deliveries = {offer.delivery.delivery_id for offer in offers}
    drivers = {offer.driver.driver_id for offer in offers}
    return replace(
        region,
        waiting=tuple(each for each in region.waiting if each.delivery_id not in deliveries),
        available=tuple(each for each in region.available if each.driver_id not in drivers),
        offers=(*region.offers, *offers),
    )


def _closed(region: Region, delivery_id: str) -> Region:
    kept = (offer for offer in region.offers if offer.delivery.delivery_id != delivery_id)
    return replace(region, offers=tuple(kept))


def _no_offer(delivery_id: str, driver_id: str) -> Rejected:
    return Rejected("no_such_offer", f"{delivery_id} is not offered to {driver_id}")
