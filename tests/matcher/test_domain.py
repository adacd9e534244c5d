"""How a region pairs deliveries that wait with drivers that are free."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common.decider import Rejected, Row, Wakeup, fold
from services.common.messages.matcher import (
    AvailableDriver,
    ConfirmOffer,
    DeclineOffer,
    DriverRegistered,
    DriverRequested,
    DriverWithdrawn,
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
from services.common.values import GeoPoint
from services.matcher.domain import Region, region_decider
from tests.given import (
    NOON,
    Given,
    cells,
    command_envelope,
    deterministic,
    event_envelope,
    given,
    outcome_word,
)

SNAPSHOT_HOURS = 24.0
DECIDER = region_decider(SNAPSHOT_HOURS)
HERE = GeoPoint(37.3, -121.9)


def delivery(name: str) -> WaitingDelivery:
    """A delivery of this name."""
    return WaitingDelivery(name, f"order-{name}", HERE, HERE)


def driver(name: str) -> AvailableDriver:
    """A driver of this name."""
    return AvailableDriver(name, HERE)


def offer(delivery_name: str, driver_name: str) -> Offer:
    """An offer of one to the other."""
    return Offer(delivery(delivery_name), driver(driver_name))


def requested(name: str, *offers: Offer) -> DriverRequested:
    """The delivery has come."""
    return DriverRequested("north", delivery(name), offers)


def registered(name: str, *offers: Offer) -> DriverRegistered:
    """The driver has come."""
    return DriverRegistered("north", driver(name), offers)


SITUATIONS: dict[str, tuple[Any, ...]] = {
    "unknown": (),
    "d1_waits": (requested("d1"),),
    "v1_waits": (registered("v1"),),
    "offered": (registered("v1"), requested("d1", offer("d1", "v1"))),
    "confirmed": (
        registered("v1"),
        requested("d1", offer("d1", "v1")),
        OfferConfirmed("north", "d1", "v1"),
    ),
    "declined": (
        registered("v1"),
        requested("d1", offer("d1", "v1")),
        OfferDeclined("north", "d1", "v1", "not_available", ()),
    ),
}
COMMANDS: dict[str, Any] = {
    "RequestDriver": RequestDriver("north", delivery("d1")),
    "RegisterDriver": RegisterDriver("north", driver("v1")),
    "WithdrawDriver": WithdrawDriver("north", "v1"),
    "ConfirmOffer": ConfirmOffer("north", "d1", "v1"),
    "DeclineOffer": DeclineOffer("north", "d1", "v1", "not_available"),
    "other_offer": ConfirmOffer("north", "d1", "v2"),
    "TakeRegionSnapshot": TakeRegionSnapshot("north"),
}

# + is one event, = a repeat, any other word the reason of the refusal.
TABLE = """
                   unknown       d1_waits      v1_waits      offered       confirmed     declined
RequestDriver      +             =             +             =             +             =
RegisterDriver     +             +             =             =             +             +
WithdrawDriver     =             =             +             =             =             =
ConfirmOffer       no_such_offer no_such_offer no_such_offer +             no_such_offer no_such_offer
DeclineOffer       no_such_offer no_such_offer no_such_offer +             no_such_offer no_such_offer
other_offer        no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer
TakeRegionSnapshot =             =             =             =             =             =
"""  # noqa: E501


def region(situation: str) -> Given[Any, Any, Any]:
    """The region in a situation."""
    return given(DECIDER, *SITUATIONS[situation])


@pytest.mark.parametrize(("command", "situation", "word"), cells(TABLE))
def test_every_command_has_an_answer_in_every_situation(
    command: str, situation: str, word: str
) -> None:
    """Accepted, refused with a reason, or a repeat; accepted once, the loop knows it again.

    A delivery that has its driver is forgotten here; that its request was applied is known to the
    row by the version of its source.
    """
    outcome = region(situation).when(COMMANDS[command])
    assert outcome_word(outcome) == word
    if word == "+":
        outcome.accepted()
    elif word != "=":
        outcome.rejected(word)


def test_a_request_meets_the_driver_that_has_waited_longest() -> None:
    two = given(DECIDER, registered("v1"), registered("v2"))
    after = two.when(RequestDriver("north", delivery("d1"))).then(
        requested("d1", offer("d1", "v1"))
    )
    assert after.state.available == (driver("v2"),)
    assert after.state.offers == (offer("d1", "v1"),)


def test_a_driver_meets_the_delivery_that_has_waited_longest() -> None:
    two = given(DECIDER, requested("d1"), requested("d2"))
    after = two.when(RegisterDriver("north", driver("v1"))).then(
        registered("v1", offer("d1", "v1"))
    )
    assert after.state.waiting == (delivery("d2"),)


def test_a_declined_delivery_goes_to_the_next_driver_at_once() -> None:
    past = given(DECIDER, registered("v1"), registered("v2"), requested("d1", offer("d1", "v1")))
    after = past.when(DeclineOffer("north", "d1", "v1", "not_available")).then(
        OfferDeclined("north", "d1", "v1", "not_available", (offer("d1", "v2"),))
    )
    assert after.state == Region("north", NOON, offers=(offer("d1", "v2"),))


def test_a_declined_delivery_waits_at_the_head_of_the_queue() -> None:
    past = given(DECIDER, registered("v1"), requested("d1", offer("d1", "v1")), requested("d2"))
    after = past.when(DeclineOffer("north", "d1", "v1", "not_available")).accepted()
    assert after.state.waiting == (delivery("d1"), delivery("d2"))


def test_a_driver_that_declined_is_free_again_only_when_it_says_so() -> None:
    assert region("declined").state.available == ()
    region("declined").when(RegisterDriver("north", driver("v1"))).then(
        registered("v1", offer("d1", "v1"))
    )


def test_a_withdrawn_driver_is_offered_nothing() -> None:
    gone = region("v1_waits").when(WithdrawDriver("north", "v1"))
    gone.then(DriverWithdrawn("north", "v1")).when(RequestDriver("north", delivery("d1"))).then(
        requested("d1")
    )


STEPS = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))


def step(story: Given[Region, Any, Any], kind: int, first: int, second: int) -> Any:
    """One of the commands that can come to the region next."""
    offers = story.state.offers if story.row is not None else ()
    if kind > 2 and offers:
        chosen = offers[first % len(offers)]
        pair = (chosen.delivery.delivery_id, chosen.driver.driver_id)
        if kind == 3:
            return ConfirmOffer("north", *pair)
        return DeclineOffer("north", *pair, "not_available")
    if kind == 0:
        return RequestDriver("north", delivery(f"d{first}{second}"))
    if kind == 1:
        return RegisterDriver("north", driver(f"v{first}"))
    return WithdrawDriver("north", f"v{first}")


def stories(steps: list[tuple[int, int, int]]) -> list[Given[Region, Any, Any]]:
    """The region after each step."""
    story: Given[Region, Any, Any] = given(DECIDER)
    passed = []
    for each in steps:
        outcome = story.when(step(story, *each))
        if outcome.result is not None and not isinstance(outcome.result, Rejected):
            story = outcome.accepted()
            passed.append(story)
    return passed


@deterministic
@for_all(steps=st.lists(STEPS, max_size=60))
def test_a_waiting_delivery_and_a_free_driver_always_meet(
    steps: list[tuple[int, int, int]],
) -> None:
    """Never does one wait beside the other, and nobody waits twice or has two offers."""
    for story in stories(steps):
        state = story.state
        assert not (state.waiting and state.available)
        deliveries = [*state.waiting, *(each.delivery for each in state.offers)]
        drivers = [*state.available, *(each.driver for each in state.offers)]
        assert len(deliveries) == len({each.delivery_id for each in deliveries})
        assert len(drivers) == len({each.driver_id for each in drivers})


@deterministic
@for_all(steps=st.lists(STEPS, max_size=40))
def test_a_snapshot_holds_the_whole_region_at_any_version(
    steps: list[tuple[int, int, int]],
) -> None:
    """A fold that begins at the snapshot leads to the state before, and goes on like it."""
    for story in stories(steps):
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
