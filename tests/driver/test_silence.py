"""A driver with a delivery that is not heard from is found out, and one that is heard is not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.common.decider import Wakeup
from services.common.messages.driver import (
    CheckSilence,
    ConfirmSilence,
    DriverFellSilent,
    DriverHeard,
    DriverStatus,
    ReleaseDriver,
    ReportLocation,
    SilenceSuspected,
)
from tests.driver.situations import (
    ASSIGNED,
    COMMANDS,
    DECIDER,
    HOME,
    LIMITS,
    LOCATED,
    PICKED_UP,
    PICKUP,
    SITUATIONS,
    SOON,
    SUSPECTED,
    driver,
)
from tests.given import NOON, Given, given

LONG = timedelta(seconds=LIMITS.silence_seconds_max)
GRACE = timedelta(seconds=LIMITS.silence_grace_seconds)


def silences(story: Given[Any, Any, Any]) -> list[Wakeup]:
    """When the driver is looked at for its silence."""
    agenda = DECIDER.agenda(story.state)
    return [each for each in agenda if isinstance(each.command, CheckSilence | ConfirmSilence)]


@pytest.mark.parametrize("name", [name for name in SITUATIONS if name != "unknown"])
def test_whoever_has_a_delivery_is_looked_at_until_its_silence_is_known(name: str) -> None:
    """No driver keeps a delivery for ever unheard."""
    state = driver(name).state
    assert bool(silences(driver(name))) == (state.delivery is not None and not state.is_silent)


def test_a_driver_is_suspected_first_and_loses_the_delivery_after_a_grace() -> None:
    """Without goods; it rests until its phone says otherwise, and may be asked again."""
    (wakeup,) = silences(driver("assigned"))
    assert wakeup == Wakeup(NOON + LONG, CheckSilence("v", NOON))
    suspected = driver("assigned").when(wakeup.command, wakeup.at).then(SilenceSuspected("v"))
    (wakeup,) = silences(suspected)
    assert wakeup == Wakeup(NOON + LONG + GRACE, ConfirmSilence("v", NOON + LONG))
    lost = suspected.when(wakeup.command, wakeup.at).then(
        DriverFellSilent("v", "d1", "o1", "north", has_goods=False)
    )
    assert (lost.state.status, lost.state.delivery) == (DriverStatus.UNAVAILABLE, None)
    assert (lost.state.suspected_at, lost.state.rejected) == (None, ())
    back = lost.when(COMMANDS["SetAvailability"]).accepted()
    back.when(COMMANDS["OfferDelivery"]).accepted().when(COMMANDS["AcceptOffer"]).accepted()


def test_a_silent_driver_who_has_the_goods_keeps_the_delivery() -> None:
    """Nobody else can bring them; it is told of once, until the driver is heard."""
    suspected = given(DECIDER, *ASSIGNED, PICKED_UP, SUSPECTED)
    silent = suspected.when(ConfirmSilence("v", NOON)).then(
        DriverFellSilent("v", "d1", "o1", "north", has_goods=True)
    )
    assert silent.state.is_silent
    assert silent.state.delivery is not None
    heard = silent.when(ReportLocation("v", PICKUP, SOON), SOON).accepted()
    assert not heard.state.is_silent
    assert silences(heard)[0].at == SOON + LONG


@pytest.mark.parametrize(
    "command", ["ReportLocation", "ReportPickup", "GiveUpDelivery", "ReportLocation/ahead"]
)
def test_whatever_the_phone_says_ends_the_suspicion(command: str) -> None:
    """Also a location that a wrong clock makes worthless."""
    heard = driver("suspected").when(COMMANDS[command], SOON).accepted()
    assert heard.state.suspected_at is None
    assert heard.state.heard_at == SOON
    heard.when(ConfirmSilence("v", NOON), SOON + GRACE).nothing()


def test_locations_that_come_late_in_a_heap_keep_the_delivery() -> None:
    """After an outage of ours they are older than the last one, or too near to it."""
    late = given(DECIDER, *ASSIGNED, LOCATED, SUSPECTED)
    for recorded_at in (NOON, SOON, SOON + timedelta(seconds=0.1)):
        heard = late.when(ReportLocation("v", HOME, recorded_at)).then(DriverHeard("v"))
        heard.when(ReportLocation("v", HOME, recorded_at)).nothing()


@pytest.mark.parametrize("goods", [(), (PICKED_UP,)])
@pytest.mark.parametrize("seconds_before", [0, 1, 60])
def test_what_is_read_again_hides_no_silence(goods: tuple[Any, ...], seconds_before: int) -> None:
    """A lost offset has locations of before the silence read again, at their own instants.

    They end the suspicion; the next look is another one, so that its command counts, and finds the
    driver silent.
    """
    story = given(DECIDER, *ASSIGNED, *goods, LOCATED)
    asked: list[Wakeup] = []
    for _ in range(3):
        (check,) = silences(story)
        story = story.when(check.command, check.at).accepted()
        again = ReportLocation("v", PICKUP, SOON)
        at = NOON - timedelta(seconds=seconds_before)
        story = story.when(again, at).then(DriverHeard("v"))
        asked.append(check)
    assert len(set(asked)) == len(asked)
    for _ in range(2):
        (wakeup,) = silences(story)
        assert wakeup not in asked
        story = story.when(wakeup.command, wakeup.at).accepted()
    assert story.state.is_silent or story.state.delivery is None


def test_a_silent_driver_that_is_heard_is_looked_at_anew() -> None:
    """Also when what it says is as old as what it last said."""
    heard = driver("silent").when(COMMANDS["ReportLocation/ahead"]).then(DriverHeard("v"))
    assert not heard.state.is_silent
    (check,) = silences(heard)
    heard.when(check.command, check.at).then(SilenceSuspected("v"))


def test_who_is_to_take_goods_back_and_has_vanished_is_let_go() -> None:
    """Its delivery, which is another driver's now, tells so once it hears of the silence."""
    back = driver("silent").when(COMMANDS["ReleaseDriver"]).accepted()
    assert back.state.delivery is not None
    assert back.state.delivery.returning
    assert back.when(COMMANDS["RecallGoods"]).result is None
    gone = back.when(ReleaseDriver("v", "d1", "has_a_driver")).accepted()
    assert (gone.state.delivery, gone.state.status) == (None, DriverStatus.UNAVAILABLE)
    driver("returning").when(COMMANDS["ReleaseDriver"]).nothing()


def test_a_check_of_an_earlier_silence_says_nothing() -> None:
    """The driver was heard since."""
    heard = given(DECIDER, *ASSIGNED).when(COMMANDS["ReportPickup"], SOON).accepted()
    heard.when(CheckSilence("v", NOON), NOON + LONG).nothing()
    heard.when(CheckSilence("v", SOON), SOON + LONG).then(SilenceSuspected("v"))


def test_a_clock_of_the_log_that_is_behind_delays_no_check() -> None:
    """A timer fires once: a check that was refused as too early would never come again."""
    early = NOON + LONG - timedelta(seconds=1)
    driver("assigned").when(CheckSilence("v", NOON), early).then(SilenceSuspected("v"))


def test_a_location_of_a_silent_driver_is_still_a_location() -> None:
    located = replace(LOCATED, delivery_id="d1", order_id="o1")
    driver("silent").when(COMMANDS["ReportLocation"]).then(located)
