"""What holds of a driver's twin whatever comes, in whatever order, and whenever."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from msgspec import structs

from services.common.decider import Rejected, Row, Wakeup, fold
from services.common.messages.driver import (
    DeliveryAccepted,
    DriverEvent,
    DriverHeard,
    DriverSnapshotted,
    DriverStatus,
    GoodsDroppedOff,
    GoodsReturned,
    TakeDriverSnapshot,
)
from services.common.values import INSTANT_MAX, INSTANT_MIN
from services.driver.domain import Driver
from tests.driver.situations import (
    COMMANDS,
    DECIDER,
    HOME,
    LIMITS,
    LOCATED,
    SITUATIONS,
    SNAPSHOT_HOURS,
    driver,
)
from tests.given import NOON, Given, command_envelope, deterministic, event_envelope

KNOWN = [name for name in SITUATIONS if name != "unknown"]
# A timer that the twin itself asks for; and what is due next of a phone that does all that is asked
# of it, so that stories get far.
FIRE, NEXT = "fire", "next"
NAMES = st.one_of(
    st.just(NEXT),
    st.sampled_from(
        [FIRE, "ReportDropoff/wrong", "RecallGoods", "ReportFailure", "ReportLocation/ahead"]
    ),
    st.sampled_from(sorted(set(COMMANDS) - {"TakeDriverSnapshot"})),
)
STEPS = st.lists(st.tuples(NAMES, st.integers(0, 20)), min_size=15, max_size=30)
STARTS = st.sampled_from(sorted(SITUATIONS))
Steps = list[tuple[str, int]]
many = settings(deterministic, max_examples=300)
Story = Given[Driver, Any, Any]


def stories(start: str, steps: Steps) -> Iterator[tuple[Story, DriverEvent, Story, datetime]]:
    """The driver before and after each command that led to an event, with the event."""
    story: Story = driver(start)
    at = NOON
    for name, seconds in steps:
        at += timedelta(seconds=seconds)
        command = COMMANDS.get(name)
        if name == NEXT:
            command = COMMANDS[next_name(None if story.row is None else story.state)]
        elif name == FIRE:
            wakeups = [] if story.row is None else timers(story.state)
            if not wakeups:
                continue
            command, at = wakeups[0].command, max(at, wakeups[0].at)
        outcome = story.when(command, at)
        if outcome.result is not None and not isinstance(outcome.result, Rejected):
            before, story = story, outcome.accepted()
            yield before, outcome.result, story, at


def next_name(state: Driver | None) -> str:
    """What is due next of a driver that does all that is asked of it."""
    if state is None or state.status is DriverStatus.UNAVAILABLE:
        return "SetAvailability"
    if state.delivery is None:
        return "OfferDelivery" if state.offer is None else "AcceptOffer"
    if state.delivery.returning:
        return "ReportReturn"
    return "ReportDropoff" if state.delivery.picked_up else "ReportPickup"


def timers(state: Driver) -> list[Wakeup]:
    """What the twin waits for, but to write itself whole."""
    agenda = DECIDER.agenda(state)
    return [each for each in agenda if not isinstance(each.command, TakeDriverSnapshot)]


@many
@for_all(start=STARTS, steps=STEPS)
def test_a_driver_never_has_two_deliveries_nor_an_offer_and_a_delivery(
    start: str, steps: Steps
) -> None:
    """A delivery is begun only by its own offer, in time, and ended before another begins."""
    for before, event, after, at in stories(start, steps):
        state = after.state
        assert (state.status is DriverStatus.ON_DELIVERY) == (state.delivery is not None)
        assert (state.status is DriverStatus.OFFERED) == (state.offer is not None)
        assert (state.assigned_at is None) == (state.delivery is None)
        was = None if before.row is None else before.state
        if isinstance(event, DeliveryAccepted):
            assert was is not None
            assert was.delivery is None
            assert was.offer is not None
            assert was.offer.delivery_id == event.delivery_id
            assert at < was.offer.expires_at
        elif was is not None and state.delivery is not None:
            assert was.delivery is not None
            assert was.delivery.delivery_id == state.delivery.delivery_id


@many
@for_all(start=STARTS, steps=STEPS)
def test_the_dropoff_never_comes_before_the_pickup(start: str, steps: Steps) -> None:
    """Nor of goods that go back, nor with a wrong code; and goods on board are never forgotten."""
    for before, event, after, _ in stories(start, steps):
        work = None if before.row is None else before.state.delivery
        if isinstance(event, GoodsDroppedOff):
            assert work is not None
            assert work.picked_up
            assert not work.returning
            assert work.code is None or work.wrong_codes < LIMITS.wrong_codes_max
        elif isinstance(event, GoodsReturned):
            assert work is not None
            assert work.returning
        if after.state.delivery is not None:
            assert after.state.delivery.picked_up or not after.state.delivery.returning
            assert after.state.delivery.wrong_codes <= LIMITS.wrong_codes_max


@many
@for_all(start=STARTS, steps=STEPS)
def test_whoever_has_an_offer_or_a_delivery_is_waited_for(start: str, steps: Steps) -> None:
    """By a timer whose command leads to an event when it fires; a silent one has the goods."""
    for _, _, after, at in stories(start, steps):
        state = after.state
        if state.is_silent:
            assert state.delivery is not None
            assert state.delivery.picked_up
        assert state.suspected_at is None or state.delivery is not None
        is_busy = state.offer is not None or (state.delivery is not None and not state.is_silent)
        assert len(timers(state)) == int(is_busy)
        for wakeup in timers(state):
            after.when(wakeup.command, max(at, wakeup.at)).accepted()


@many
@for_all(start=STARTS, steps=STEPS)
def test_a_snapshot_holds_the_whole_twin_at_any_version(start: str, steps: Steps) -> None:
    """A fold that begins at the snapshot leads to the same row, memory included, as one before.

    Only when the delivery was accepted is not kept; the snapshot's own instant stands for it.
    """
    for _, _, story, _ in stories(start, steps):
        row = story.row
        assert row is not None
        assert DECIDER.snapshot is not None
        remembering = Row(row.version, row.changed_at, {"matcher/north": 7}, (), row.state)
        later = NOON + timedelta(hours=SNAPSHOT_HOURS)
        command = command_envelope(TakeDriverSnapshot("v"), later, "snapshot")
        event = DECIDER.snapshot("v", remembering)
        envelope = event_envelope(event, command, row.version + 1)
        begun = fold(DECIDER, None, envelope, event)
        went_on = fold(DECIDER, remembering, envelope, event)
        assert begun is not None
        assert begun == went_on
        assigned_at = None if row.state.delivery is None else later
        assert begun.state == structs.replace(row.state, snapshot_at=later, assigned_at=assigned_at)
        assert begun.sources == {"matcher/north": 7}


def test_the_stories_get_everywhere() -> None:
    """Every event but the snapshot happens in them, so that the properties say something."""
    happened: set[str] = set()

    @many
    @for_all(start=STARTS, steps=STEPS)
    def collect(start: str, steps: Steps) -> None:
        happened.update(type(event).__name__ for _, event, _, _ in stories(start, steps))

    collect()
    assert happened == {each.__name__ for each in get_args(DriverEvent)} - {"DriverSnapshotted"}


@settings(deterministic, max_examples=30)
@for_all(at=st.datetimes(INSTANT_MIN.replace(tzinfo=None), INSTANT_MAX.replace(tzinfo=None)))
@pytest.mark.parametrize("situation", SITUATIONS)
def test_decide_never_raises(situation: str, at: datetime) -> None:
    """Whatever the situation, the command and the instant, nor does what the state waits for."""
    at = at.replace(tzinfo=NOON.tzinfo)
    for command in COMMANDS.values():
        outcome = driver(situation).when(command, at)
        if outcome.result is not None and not isinstance(outcome.result, Rejected):
            DECIDER.agenda(outcome.accepted().state)


@pytest.mark.parametrize("situation", KNOWN)
def test_evolve_takes_any_event_in_any_situation(situation: str) -> None:
    """Past events are facts: evolve never raises."""
    snapshot = DriverSnapshotted(
        "v",
        DriverStatus.AVAILABLE,
        "north",
        HOME,
        None,
        NOON,
        None,
        False,
        None,
        None,
        None,
        (),
        {},
    )
    facts = {event for events in SITUATIONS.values() for event in events}
    for event in (*facts, DriverHeard("v"), LOCATED, snapshot):
        assert DECIDER.evolve(driver(situation).state, event, NOON).driver_id == "v"


def test_a_twin_writes_itself_to_the_log_when_its_snapshot_is_due() -> None:
    due_at = NOON + timedelta(hours=SNAPSHOT_HOURS)
    state = driver("available").state
    assert DECIDER.agenda(state) == (Wakeup(due_at, TakeDriverSnapshot("v")),)
    assert DECIDER.agenda(driver("back").state)[0].at == due_at
    assert DECIDER.snapshot is not None
    row = driver("available").row
    assert row is not None
    renewed = DECIDER.evolve(state, DECIDER.snapshot("v", row), due_at)
    assert DECIDER.agenda(renewed)[0].at == due_at + timedelta(hours=SNAPSHOT_HOURS)


def test_a_second_time_with_the_same_delivery_is_another_time() -> None:
    """What was said of the first time is no repeat of what is said of the second."""
    later = NOON + timedelta(minutes=30)
    lost = driver("lost").when(COMMANDS["SetAvailability"], later).accepted()
    again = lost.when(COMMANDS["OfferDelivery"], later).accepted()
    again = again.when(COMMANDS["AcceptOffer"], later).accepted()
    assert again.state.assigned_at == later
    assert driver("assigned").state.assigned_at == NOON
