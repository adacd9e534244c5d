"""What holds of a region whatever comes: who could meet has met, and nobody is lost."""

from datetime import timedelta
from itertools import product
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common.decider import Rejected, Row, fold
from services.common.messages.matcher import (
    CancelRequest,
    ConfirmOffer,
    DeclineOffer,
    RegionSnapshotted,
    RegisterDriver,
    RequestDriver,
    TakeRegionSnapshot,
    WithdrawDriver,
)
from services.matcher.domain import Region
from tests.given import (
    NOON,
    Given,
    command_envelope,
    deterministic,
    event_envelope,
    given,
)
from tests.matcher.past import (
    DECIDER,
    SNAPSHOT_HOURS,
    delivery,
    driver,
)

NAMES = st.integers(0, 3)
STEPS = st.tuples(st.integers(0, 6), NAMES, NAMES, st.booleans(), st.booleans())
Step = tuple[int, int, int, bool, bool]


def step(story: Given[Region, Any, Any], each: Step) -> Any:
    """One of the commands that can come to the region next; most answers are about an offer."""
    kind, first, second, yes, stays = each
    offers = tuple(story.state.offers) if story.row is not None else ()
    pair_of = (f"d{second}", f"v{first}")
    if offers and (first or second):
        chosen = offers[first % len(offers)]
        pair_of = (chosen.delivery.delivery_id, chosen.driver.driver_id)
    match kind:
        case 0:
            return RequestDriver("north", delivery(f"d{first}", *([f"v{second}"] if yes else [])))
        case 1 | 2:
            return RegisterDriver("north", driver(f"v{first}"))
        case 3:
            return WithdrawDriver("north", f"v{first}")
        case 4:
            return CancelRequest("north", f"d{first}")
        case 5:
            return ConfirmOffer("north", *pair_of)
        case _:
            back = driver(pair_of[1]) if stays else None
            return DeclineOffer("north", *pair_of, "rejected", yes, back)


Passed = tuple[Given[Region, Any, Any], Any, Given[Region, Any, Any]]


def stories(steps: list[Step]) -> list[Passed]:
    """The region before and after each command that was accepted, and the command."""
    story: Given[Region, Any, Any] = given(DECIDER)
    passed: list[Passed] = []
    for each in steps:
        command = step(story, each)
        outcome = story.when(command)
        if outcome.result is not None and not isinstance(outcome.result, Rejected):
            after = outcome.accepted()
            passed.append((story, command, after))
            story = after
    return passed


def present(story: Given[Region, Any, Any]) -> tuple[list[str], list[str]]:
    """The names of all deliveries and of all drivers in the region, sorted."""
    if story.row is None:
        return [], []
    state = story.state
    deliveries = [*state.waiting, *(each.delivery for each in state.offers)]
    drivers = [*state.available, *(each.driver for each in state.offers)]
    return (
        sorted(each.delivery_id for each in deliveries),
        sorted(each.driver_id for each in drivers),
    )


@deterministic
@for_all(steps=st.lists(STEPS, max_size=60))
def test_a_waiting_delivery_and_a_free_driver_always_meet(steps: list[Step]) -> None:
    """Whatever comes, none waits beside a driver that it could be offered to.

    Nobody is in the region twice: not in two offers, nor waiting and in an offer.
    """
    for _, _, after in stories(steps):
        state = after.state
        for waits, free in product(state.waiting, state.available):
            assert free.driver_id in waits.excluded
        for names in present(after):
            assert len(names) == len(set(names))
        for made in state.offers:
            assert made.driver.driver_id not in made.delivery.excluded


@deterministic
@for_all(steps=st.lists(STEPS, max_size=60))
def test_nobody_is_lost(steps: list[Step]) -> None:
    """Whoever leaves the region has said so, or is on a delivery, or is to say so again."""
    for before, command, after in stories(steps):
        (deliveries, drivers), (deliveries_now, drivers_now) = present(before), present(after)
        match command:
            case RequestDriver(delivery=came):
                assert set(deliveries_now) == {*deliveries, came.delivery_id}
                asked_again = {
                    each.driver.driver_id
                    for each in (before.state.offers if before.row is not None else ())
                    if each.delivery.delivery_id == came.delivery_id
                }
                assert set(drivers_now) == set(drivers) - asked_again
            case RegisterDriver(driver=came):
                assert deliveries_now == deliveries
                assert set(drivers_now) == {*drivers, came.driver_id}
            case WithdrawDriver(driver_id=gone):
                assert deliveries_now == deliveries
                assert set(drivers_now) == set(drivers) - {gone}
            case CancelRequest(delivery_id=gone):
                assert set(deliveries_now) == set(deliveries) - {gone}
                assert set(drivers) - set(drivers_now) <= {after_cancel(before, gone)}
            case ConfirmOffer(delivery_id=gone, driver_id=busy):
                assert set(deliveries_now) == set(deliveries) - {gone}
                assert set(drivers_now) == set(drivers) - {busy}
            case DeclineOffer(driver_id=said, returning=returning):
                assert deliveries_now == deliveries
                kept = set() if returning is None else {said}
                assert set(drivers_now) == (set(drivers) - {said}) | kept


def after_cancel(before: Given[Region, Any, Any], delivery_id: str) -> str | None:
    """The driver that the delivery was offered to, who is told of the cancellation."""
    for each in before.state.offers:
        if each.delivery.delivery_id == delivery_id:
            return each.driver.driver_id
    return None


@deterministic
@for_all(steps=st.lists(STEPS, max_size=40))
def test_a_snapshot_holds_the_whole_region_at_any_version(
    steps: list[Step],
) -> None:
    """A fold that begins at the snapshot leads to the state before, and goes on like it."""
    for _, _, story in stories(steps):
        row = story.row
        assert row is not None
        assert DECIDER.snapshot is not None
        remembering = Row(row.version, row.changed_at, {"driver/v1": 7}, row.recent, row.state)
        later = NOON + timedelta(hours=SNAPSHOT_HOURS)
        command = command_envelope(TakeRegionSnapshot("north"), later, "snapshot")
        event = DECIDER.snapshot("north", remembering)
        assert isinstance(event, RegionSnapshotted)
        after = fold(DECIDER, None, event_envelope(event, command, row.version + 1), event)
        assert after is not None
        assert after.sources == {"driver/v1": 7}
        assert after.version == row.version + 1
        assert contents(after.state) == contents(row.state)


def contents(state: Region) -> tuple[Any, ...]:
    """All of a region but the instant of its snapshot."""
    return (state.region, state.waiting, state.available, state.offers)
