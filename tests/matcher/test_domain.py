"""How a region pairs deliveries that wait with drivers that are free."""

from datetime import timedelta
from itertools import product

from services.common.decider import Wakeup
from services.common.messages.matcher import (
    CancelRequest,
    ConfirmOffer,
    DeclineOffer,
    DriverRequested,
    DriverWithdrawn,
    RegionSnapshotted,
    RegisterDriver,
    RequestCancelled,
    RequestDriver,
    TakeRegionSnapshot,
    WithdrawDriver,
)
from services.matcher.domain import EXCLUDED_MAX, Region, pair
from services.matcher.queues import Deliveries, Offers
from tests.given import (
    NOON,
    given,
)
from tests.matcher.past import (
    DECIDER,
    SITUATIONS,
    SNAPSHOT_HOURS,
    declined,
    delivery,
    driver,
    offer,
    region,
    registered,
    requested,
)


def test_a_request_meets_the_driver_that_has_waited_longest() -> None:
    two = given(DECIDER, registered("v1"), registered("v2"))
    after = two.when(RequestDriver("north", delivery("d1"))).then(
        requested("d1", offer("d1", "v1"))
    )
    assert tuple(after.state.available) == (driver("v2"),)
    assert tuple(after.state.offers) == (offer("d1", "v1"),)


def test_a_driver_meets_the_delivery_that_has_waited_longest() -> None:
    two = given(DECIDER, requested("d1"), requested("d2"))
    after = two.when(RegisterDriver("north", driver("v1"))).then(
        registered("v1", offer("d1", "v1"))
    )
    assert tuple(after.state.waiting) == (delivery("d2"),)


def test_a_declined_delivery_goes_to_the_next_driver_at_once() -> None:
    past = given(DECIDER, registered("v1"), registered("v2"), requested("d1", offer("d1", "v1")))
    after = past.when(DeclineOffer("north", "d1", "v1", "rejected")).then(
        declined(False, None, offer("d1", "v2"))
    )
    assert after.state == Region("north", NOON, offers=Offers([offer("d1", "v2")]))


def test_a_driver_that_declines_and_stays_is_offered_other_deliveries_only() -> None:
    past = given(DECIDER, registered("v1"), requested("d1", offer("d1", "v1")), requested("d2"))
    after = past.when(DeclineOffer("north", "d1", "v1", "rejected", True, driver("v1"))).then(
        declined(True, "v1", offer("d2", "v1"))
    )
    assert after.state == Region(
        "north", NOON, Deliveries([delivery("d1", "v1")]), offers=Offers([offer("d2", "v1")])
    )


def test_an_excluded_driver_leaves_the_delivery_to_the_next_one() -> None:
    """The delivery and the driver wait side by side, and each meets whom it can."""
    excluded = region("excluded")
    assert tuple(excluded.state.waiting) == (delivery("d1", "v1"),)
    assert tuple(excluded.state.available) == (driver("v1"),)
    found = excluded.when(RegisterDriver("north", driver("v2"))).then(
        registered("v2", offer("d1", "v2", "v1"))
    )
    found.when(RequestDriver("north", delivery("d2"))).then(requested("d2", offer("d2", "v1")))


def test_a_driver_that_declines_is_at_the_end_of_the_queue() -> None:
    past = given(DECIDER, registered("v1"), requested("d1", offer("d1", "v1")), registered("v2"))
    later = past.when(DeclineOffer("north", "d1", "v1", "rejected", True, driver("v1"))).accepted()
    assert tuple(later.state.offers) == (offer("d1", "v2", "v1"),)
    assert tuple(later.state.available) == (driver("v1"),)


def test_what_very_many_drivers_do_not_want_is_offered_to_nobody() -> None:
    unwanted = delivery("d1", *(f"v{number}" for number in range(EXCLUDED_MAX)))
    assert pair((unwanted, delivery("d2")), (driver("v999"),)) == (offer("d2", "v999"),)
    full = given(DECIDER, registered("v999"), DriverRequested("north", unwanted, ()))
    assert tuple(full.state.available) == (driver("v999"),)


def test_a_cancelled_request_tells_the_driver_that_it_was_offered_to() -> None:
    """Its driver is free again only when its twin says so."""
    gone = (
        region("offered")
        .when(CancelRequest("north", "d1"))
        .then(RequestCancelled("north", "d1", "v1"))
    )
    assert gone.state == Region("north", NOON)
    gone.when(RegisterDriver("north", driver("v1"))).then(registered("v1"))
    region("d1_waits").when(CancelRequest("north", "d1")).then(
        RequestCancelled("north", "d1", None)
    )


def test_a_driver_that_declines_what_was_cancelled_waits_for_work() -> None:
    late = DeclineOffer("north", "d1", "v1", "rejected", True, driver("v1"))
    region("cancelled").when(late).then(registered("v1")).when(late).nothing()
    with_other = given(DECIDER, *SITUATIONS["cancelled"], requested("d2"))
    with_other.when(late).then(registered("v1", offer("d2", "v1")))


def test_a_delivery_that_has_lost_its_driver_meets_the_next_whatever_was_heard_first() -> None:
    """It may ask again before the region has heard that the driver had taken it.

    The deliveries and the drivers have logs of their own, which are read in any order.
    """
    past = given(DECIDER, *SITUATIONS["offered"], registered("v2"))
    asked_again = RequestDriver("north", delivery("d1", "v1"))
    after = past.when(asked_again).then(
        DriverRequested("north", delivery("d1", "v1"), (offer("d1", "v2", "v1"),))
    )
    assert after.state == Region("north", NOON, offers=Offers([offer("d1", "v2", "v1")]))
    after.when(ConfirmOffer("north", "d1", "v1")).rejected("no_such_offer")
    after.when(ConfirmOffer("north", "d1", "v2")).accepted()


def test_a_declined_delivery_waits_at_the_head_of_the_queue() -> None:
    past = given(DECIDER, registered("v1"), requested("d1", offer("d1", "v1")), requested("d2"))
    after = past.when(DeclineOffer("north", "d1", "v1", "rejected")).accepted()
    assert tuple(after.state.waiting) == (delivery("d1"), delivery("d2"))


def test_a_driver_that_declined_is_free_again_only_when_it_says_so() -> None:
    assert tuple(region("declined").state.available) == ()
    region("declined").when(RegisterDriver("north", driver("v1"))).then(
        registered("v1", offer("d1", "v1"))
    )


def test_a_withdrawn_driver_is_offered_nothing() -> None:
    gone = region("v1_waits").when(WithdrawDriver("north", "v1"))
    gone.then(DriverWithdrawn("north", "v1")).when(RequestDriver("north", delivery("d1"))).then(
        requested("d1")
    )


def test_a_region_writes_itself_to_the_log_when_its_snapshot_is_due() -> None:
    due_at = NOON + timedelta(hours=SNAPSHOT_HOURS)
    assert DECIDER.agenda(region("d1_waits").state) == (
        Wakeup(due_at, TakeRegionSnapshot("north")),
    )
    snapshot = RegionSnapshotted("north", (), (), (), {})
    state = DECIDER.evolve(region("d1_waits").state, snapshot, due_at)
    assert DECIDER.agenda(state)[0].at == due_at + timedelta(hours=SNAPSHOT_HOURS)


def test_evolve_takes_any_event_in_any_situation() -> None:
    """Past events are facts: evolve never raises, not even on an empty region."""
    events = {repr(event): event for past in SITUATIONS.values() for event in past}
    for situation, event in product(SITUATIONS, events.values()):
        row = region(situation).row
        state = DECIDER.evolve(None if row is None else row.state, event, NOON)
        assert state.region == "north"
        assert DECIDER.labels(state) == {}


def test_regions_keep_the_place_of_their_list() -> None:
    assert DECIDER.listed_at(region("offered").state) == DECIDER.listed_at(
        region("confirmed").state
    )
