"""What a region holds at most: all of it fits into the one event that it is written to."""

from dataclasses import replace

import pytest

from services.common.codec import EVENT_BYTES_MAX, encode_event
from services.common.decider import Envelope, Row, fold
from services.common.messages.matcher import (
    AvailableDriver,
    DeclineOffer,
    Offer,
    RegionSnapshotted,
    RegisterDriver,
    RequestDriver,
    WaitingDelivery,
)
from services.common.values import GeoPoint
from services.matcher.domain import EXCLUDED_MAX, SOURCES_MAX, Region, region_decider
from services.matcher.queues import Deliveries, Drivers, Offers
from services.matcher.region import DELIVERIES_MAX, DRIVERS_MAX, snapshot
from tests.given import NOON, Given
from tests.matcher.past import DECIDER, delivery, driver

FAR = GeoPoint(-37.12345678901234, -121.12345678901234)
UNWANTED = tuple(f"{number:064}" for number in range(EXCLUDED_MAX))


def waiting(number: int, excluded: tuple[str, ...] = ()) -> WaitingDelivery:
    """A delivery whose content is as long as it can be."""
    return WaitingDelivery(f"d{number:063}", f"o{number:063}", FAR, FAR, "0417", excluded)


def free(number: int) -> AvailableDriver:
    """A driver whose name is as long as it can be."""
    return AvailableDriver(f"v{number:063}", FAR)


def full(excluded: tuple[str, ...], offered: int) -> Row[Region]:
    """A region that takes nobody any more, with so many offers open."""
    deliveries = [waiting(number, excluded) for number in range(DELIVERIES_MAX)]
    drivers = [free(number) for number in range(DRIVERS_MAX)]
    offers = map(Offer, deliveries[:offered], drivers[:offered])
    left, idle = Deliveries(deliveries[offered:]), Drivers(drivers[offered:])
    region = Region("r" * 64, NOON, left, idle, Offers(offers))
    sources = {f"delivery/{number:064}": 2**63 - 1 for number in range(SOURCES_MAX)}
    return Row(2**62, NOON, sources, (), region)


def envelope_of(row: Row[Region]) -> Envelope:
    """The longest envelope that its snapshot may have."""
    name = "RegionSnapshotted"
    return Envelope("i" * 200, name, NOON, "c" * 200, "k" * 200, row.version + 1, follows="f" * 200)


@pytest.mark.parametrize("excluded", [(), UNWANTED[:3], UNWANTED])
@pytest.mark.parametrize("offered", [0, DELIVERIES_MAX])
def test_the_fullest_region_fits_into_an_event(excluded: tuple[str, ...], offered: int) -> None:
    """Nobody is left out; only of those who do not want a delivery some may be."""
    row = full(excluded, offered)
    event = snapshot(row.state.region, row)
    assert isinstance(event, RegionSnapshotted)
    assert len(encode_event(envelope_of(row), event)) <= EVENT_BYTES_MAX
    after = fold(DECIDER, None, envelope_of(row), event)
    assert after is not None
    kept, were = after.state, row.state
    assert kept.available == were.available
    assert [replace(each, excluded=()) for each in kept.waiting] == [
        replace(each, excluded=()) for each in were.waiting
    ]
    assert [each.driver for each in kept.offers] == [each.driver for each in were.offers]
    assert after.sources == row.sources


def test_a_region_of_a_usual_size_keeps_all_who_do_not_want_a_delivery() -> None:
    state = Region("north", NOON, Deliveries(waiting(number, UNWANTED) for number in range(40)))
    row = Row(7, NOON, {}, (), state)
    assert snapshot("north", row).waiting == tuple(state.waiting)


def test_a_full_region_takes_nobody_in_and_loses_nobody() -> None:
    """Who is known there goes on: offers are answered, deliveries ask again."""
    story = Given(DECIDER, full(UNWANTED[:1], 1))
    story.when(RequestDriver("north", delivery("d1"))).rejected("region_full")
    story.when(RegisterDriver("north", driver("v1"))).rejected("region_full")
    story.when(RegisterDriver("north", free(0))).nothing()
    story.when(RequestDriver("north", waiting(1))).nothing()
    story.when(RequestDriver("north", waiting(0, UNWANTED))).accepted()
    said_no = DeclineOffer("north", waiting(0).delivery_id, free(0).driver_id, "no", True, free(0))
    story.when(said_no).accepted()


@pytest.mark.parametrize("hours", [0.0, -1.0, 1e9, float("nan")])
def test_a_snapshot_is_due_within_a_year(hours: float) -> None:
    with pytest.raises(ValueError, match="snapshot_hours"):
        region_decider(hours)
