"""The pairing of one region: deliveries that wait and drivers that are free. State, decide, evolve.

First come, first served on both sides: the delivery that has waited longest is offered to the
driver that has waited longest, of those who are not excluded. An offer stays open until the
driver's twin has answered, or the delivery needs no driver any more.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from services.common.decider import Decider, Rejected, Wakeup
from services.common.messages.matcher import (
    AvailableDriver,
    CancelRequest,
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
    RequestCancelled,
    RequestDriver,
    TakeRegionSnapshot,
    WaitingDelivery,
    WithdrawDriver,
)
from services.matcher.queues import Deliveries, Drivers, Offers
from services.matcher.region import (
    DELIVERIES_MAX,
    DRIVERS_MAX,
    EXCLUDED_MAX,
    Region,
    snapshot,
)

__all__ = ["EXCLUDED_MAX", "Region", "decide", "evolve", "labels", "pair", "region_decider"]

SOURCES_MAX = 512
# A year, so that no sum of instants overflows.
SNAPSHOT_HOURS_MAX = 8_760.0


def decide(
    command: MatcherCommand, region: Region | None, at: datetime
) -> MatcherEvent | Rejected | None:
    """The event of a command, with the offers that it leads to; None for a repeat."""
    known = region or Region(command.region, at)
    match command:
        case RequestDriver(delivery=delivery):
            return _request(known, delivery)
        case CancelRequest(delivery_id=delivery_id):
            return _cancel(known, delivery_id)
        case RegisterDriver(driver=driver):
            if _is_free(known, driver.driver_id):
                return None
            if len(known.available) + len(known.offers) >= DRIVERS_MAX:
                return Rejected("region_full", f"{DRIVERS_MAX} drivers wait in {known.region}")
            offers = pair(known.waiting, known.available.with_last(driver))
            return DriverRegistered(known.region, driver, offers)
        case WithdrawDriver(driver_id=driver_id):
            if not known.available.has(driver_id):
                return None
            return DriverWithdrawn(known.region, driver_id)
        case ConfirmOffer(delivery_id=delivery_id, driver_id=driver_id):
            if _offer(known, delivery_id, driver_id) is None:
                return _no_offer(delivery_id, driver_id)
            return OfferConfirmed(known.region, delivery_id, driver_id)
        case DeclineOffer():
            return _decline(known, command)
        case TakeRegionSnapshot():
            return None  # the runtime answers it with `snapshot`
        case _:
            assert_never(command)


def pair(
    waiting: Iterable[WaitingDelivery], available: Iterable[AvailableDriver]
) -> tuple[Offer, ...]:
    """The offers that can be made at once, in first-come order on both sides."""
    offers: list[Offer] = []
    free = list(available)
    for delivery in waiting:
        if not free:
            break
        if len(delivery.excluded) >= EXCLUDED_MAX:
            continue
        for place, driver in enumerate(free):
            if driver.driver_id not in delivery.excluded:
                offers.append(Offer(delivery, free.pop(place)))
                break
    return tuple(offers)


def evolve(region: Region | None, event: MatcherEvent, at: datetime) -> Region:
    """The region after the event."""
    known = region or Region(event.region, at)
    match event:
        case DriverRequested(delivery=delivery, offers=offers):
            known = _without(known, delivery.delivery_id)
            return _offered(replace(known, waiting=known.waiting.with_last(delivery)), offers)
        case RequestCancelled(delivery_id=delivery_id):
            return _without(known, delivery_id)
        case DriverRegistered(driver=driver, offers=offers):
            return _offered(replace(known, available=known.available.with_last(driver)), offers)
        case DriverWithdrawn(driver_id=driver_id):
            return replace(known, available=known.available.without(driver_id))
        case OfferConfirmed(delivery_id=delivery_id):
            return _without(known, delivery_id)
        case OfferDeclined():
            return _declined(known, event)
        case RegionSnapshotted():
            waiting, available = Deliveries(event.waiting), Drivers(event.available)
            return Region(event.region, at, waiting, available, Offers(event.offers))
        case _:
            assert_never(event)


def labels(region: Region) -> Mapping[str, str]:
    """Regions are listed as they are."""
    return {}


def region_decider(snapshot_hours: float) -> Decider[Region, MatcherCommand, MatcherEvent]:
    """The region aggregate for the runtime; writes itself whole every `snapshot_hours`.

    Raises:
        ValueError: `snapshot_hours` is not more than 0, or is more than a year.
    """

    if not 0 < snapshot_hours <= SNAPSHOT_HOURS_MAX:
        raise ValueError(f"snapshot_hours is from 0 to {SNAPSHOT_HOURS_MAX}, not {snapshot_hours}")

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


def _request(region: Region, delivery: WaitingDelivery) -> DriverRequested | Rejected | None:
    """A delivery that waits has asked before.

    One that is offered and asks again has lost its driver before the region heard that the driver
    had taken it: the commands of a delivery and of a driver come in any order. The offer is over.
    """
    if region.waiting.has(delivery.delivery_id):
        return None
    is_offered = region.offers.has(delivery.delivery_id)
    if not is_offered and len(region.waiting) + len(region.offers) >= DELIVERIES_MAX:
        return Rejected("region_full", f"{DELIVERIES_MAX} deliveries wait in {region.region}")
    offers = pair(region.waiting.with_last(delivery), region.available)
    return DriverRequested(region.region, delivery, offers)


def _cancel(region: Region, delivery_id: str) -> RequestCancelled | None:
    if region.waiting.has(delivery_id):
        return RequestCancelled(region.region, delivery_id, None)
    offer = region.offers.get(delivery_id)
    if offer is None:
        return None
    return RequestCancelled(region.region, delivery_id, offer.driver.driver_id)


def _decline(region: Region, command: DeclineOffer) -> OfferDeclined | DriverRegistered | None:
    """The delivery is back at the head; a driver that stays is back at the end of its queue.

    An offer that is not known was cancelled; its driver may wait for work all the same.
    """
    offer = _offer(region, command.delivery_id, command.driver_id)
    rest = region if offer is None else _without(region, command.delivery_id)
    returning = command.returning
    if returning is not None and _is_free(rest, returning.driver_id):
        returning = None
    available = rest.available if returning is None else rest.available.with_last(returning)
    if offer is None:
        if returning is None:
            return None
        offers = pair(rest.waiting, available)
        return DriverRegistered(region.region, returning, offers)
    waits = _declined_by(offer, command.is_excluded)
    return OfferDeclined(
        region=region.region,
        delivery_id=command.delivery_id,
        driver_id=command.driver_id,
        reason=command.reason,
        is_excluded=command.is_excluded,
        returning=returning,
        offers=pair(rest.waiting.with_first(waits), available),
    )


def _declined(region: Region, event: OfferDeclined) -> Region:
    offer = _offer(region, event.delivery_id, event.driver_id)
    if offer is not None:
        region = _without(region, event.delivery_id)
        waits = _declined_by(offer, event.is_excluded)
        region = replace(region, waiting=region.waiting.with_first(waits))
    if event.returning is not None:
        region = replace(region, available=region.available.with_last(event.returning))
    return _offered(region, event.offers)


def _declined_by(offer: Offer, is_excluded: bool) -> WaitingDelivery:
    """The delivery as it waits after this offer."""
    delivery, driver_id = offer.delivery, offer.driver.driver_id
    if not is_excluded or driver_id in delivery.excluded:
        return delivery
    return dataclasses.replace(delivery, excluded=(*delivery.excluded, driver_id)[:EXCLUDED_MAX])


def _is_free(region: Region, driver_id: str) -> bool:
    return region.available.has(driver_id) or any(
        offer.driver.driver_id == driver_id for offer in region.offers
    )


def _offer(region: Region, delivery_id: str, driver_id: str) -> Offer | None:
    offer = region.offers.get(delivery_id)
    return offer if offer is not None and offer.driver.driver_id == driver_id else None


def _offered(region: Region, offers: tuple[Offer, ...]) -> Region:
    if not offers:
        return region
    return replace(
        region,
        waiting=region.waiting.without(*(offer.delivery.delivery_id for offer in offers)),
        available=region.available.without(*(offer.driver.driver_id for offer in offers)),
        offers=region.offers.with_last(*offers),
    )


def _without(region: Region, delivery_id: str) -> Region:
    """The region without a delivery, be it waiting or offered."""
    return replace(
        region,
        waiting=region.waiting.without(delivery_id),
        offers=region.offers.without(delivery_id),
    )


def _no_offer(delivery_id: str, driver_id: str) -> Rejected:
    return Rejected("no_such_offer", f"{delivery_id} is not offered to {driver_id}")
