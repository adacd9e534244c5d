"""A stuck order is found and told."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.common.decider import Wakeup
from services.common.messages.order import (
    CheckDeadline,
    CloseRefusal,
    ExpireAcceptance,
    OrderFlagged,
    UpdatePreparation,
)
from services.order.domain import Policy, order_decider
from tests.given import NOON, given
from tests.order.stories import (
    ASKED,
    COMMANDS,
    DECIDER,
    ORDER_ID,
    POLICY,
    PREPARE_AT,
    READY_AT,
    SITUATIONS,
    STARTED,
    UNDONE,
    Story,
    order,
)

GRACE = timedelta(seconds=POLICY.overdue_grace_seconds)
LAST = NOON + timedelta(seconds=POLICY.preparing_seconds_max)


def checks(story: Story) -> list[tuple[datetime, CheckDeadline]]:
    """When the order wants to be looked at, and what for."""
    return [
        (each.at, each.command)
        for each in story.decider.agenda(story.state)
        if isinstance(each, Wakeup) and isinstance(each.command, CheckDeadline)
    ]


def flagged(story: Story) -> Story:
    """The order after its next deadline."""
    at, command = checks(story)[0]
    return story.when(command, at).then(OrderFlagged(ORDER_ID, command.flag, command.since))


def moved(story: Story, ready_at: datetime, at: datetime) -> Story:
    """The order after its restaurant has said another time."""
    return story.when(UpdatePreparation(ORDER_ID, ready_at), at).accepted()


@pytest.mark.parametrize(
    ("situation", "flag", "since", "seconds"),
    [
        ("created", "payment_late", NOON, 900),
        ("admitted", "payment_late", NOON, 900),
        ("scheduled", "start_late", PREPARE_AT, 300),
        ("accepted", "preparation_overdue", READY_AT, 900),
        ("cooking", "preparation_overdue", READY_AT, 900),
        ("cooked", "no_driver", NOON, 900),
        ("waiting", "pickup_late", NOON, 2700),
        ("left", "pickup_late", NOON, 2700),
        ("driven", "dropoff_late", NOON, 5400),
        ("stranded", "dropoff_late", NOON, 5400),
        ("refunding", "refund_late", NOON, 3600),
        ("voiding", "refund_late", NOON, 3600),
    ],
)
def test_an_order_that_is_stuck_is_told_once(
    situation: str, flag: str, since: datetime, seconds: int
) -> None:
    """Never again while it stays as it is.

    The broker's clock, which stamps the command of a timer, may be a little behind the worker's: a
    timer that led to nothing would never fire again.
    """
    at = since + timedelta(seconds=seconds)
    check = CheckDeadline(ORDER_ID, flag, since)
    story = order(situation)
    assert checks(story) == [(at, check)]
    late = story.when(check, at - timedelta(milliseconds=20)).then(
        OrderFlagged(ORDER_ID, flag, since)
    )
    assert late.state.flags == (flag,)
    assert checks(late) == []


def test_a_cancelled_order_waits_for_its_money_and_for_its_kitchen() -> None:
    seconds = {check.flag: (at - NOON).total_seconds() for at, check in checks(order("cancelled"))}
    assert seconds == {"refund_late": 3600, "ticket_cancellation_late": 900}
    assert checks(order("settled")) == []


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_no_order_is_stuck_without_somebody_looking(situation: str) -> None:
    """Whatever is not at its end has an instant at which something happens."""
    state = order(situation).state
    wakeups = [each for each in DECIDER.agenda(state) if isinstance(each, Wakeup)]
    is_waiting = not state.is_final or any(
        not isinstance(each, Wakeup) for each in DECIDER.agenda(state)
    )
    assert bool(wakeups) == is_waiting
    bounds = (CheckDeadline, ExpireAcceptance, CloseRefusal)
    assert any(isinstance(each.command, bounds) for each in wakeups) == is_waiting


@pytest.mark.parametrize(
    ("situation", "command"),
    [
        ("admitted", "ConfirmPayment"),
        ("admitted", "CancelOrder"),
        ("scheduled", "StartPreparation"),
        ("cooking", "FinishPreparation"),
        ("cooked", "RecordDriver"),
        ("waiting", "RecordPickup"),
        ("driven", "RecordDropoff"),
        ("refunding", "ConfirmRefund"),
        ("voiding", "ConfirmVoid"),
        ("cancelled", "ConfirmTicketCancellation"),
    ],
)
def test_a_flag_ends_with_its_cause(situation: str, command: str) -> None:
    late = order(situation)
    for at, check in checks(late):
        late = late.when(check, at).accepted()
    gone = set(late.state.flags) - set(late.when(COMMANDS[command]).accepted().state.flags)
    assert len(gone) == 1


def test_a_restaurant_that_moves_the_time_is_late_by_the_new_time() -> None:
    late = flagged(order("cooking"))
    ready_at = READY_AT + GRACE + timedelta(minutes=5)
    later = moved(late, ready_at, READY_AT + GRACE)
    assert later.state.flags == ()
    assert checks(later) == [
        (ready_at + GRACE, CheckDeadline(ORDER_ID, "preparation_overdue", ready_at))
    ]


def test_a_restaurant_does_not_move_the_time_for_ever() -> None:
    """The last instant counts from the start, and what was told of it is not taken back."""
    check = CheckDeadline(ORDER_ID, "preparation_overdue", NOON)
    story = moved(order("cooking"), LAST, LAST - timedelta(hours=1))
    assert checks(story) == [(LAST, check)]
    late = flagged(story)
    assert moved(late, LAST + timedelta(hours=1), LAST).state.flags == ("preparation_overdue",)
    once = flagged(order("cooking"))
    again = moved(once, LAST + timedelta(hours=1), LAST + timedelta(minutes=1))
    assert checks(again) == [(LAST, check)]


def test_a_restaurant_that_said_the_last_instant_itself_does_not_move_it_either() -> None:
    """A timer of one instant has one event: its flag would never be set a second time."""
    for said_at in (LAST - GRACE, NOON):
        story = given(DECIDER, *ASKED, replace(STARTED, ready_at=said_at))
        late = flagged(story)
        story = moved(late, LAST + timedelta(hours=1), checks(story)[0][0])
        assert story.state.flags == ("preparation_overdue",)


def test_a_time_that_is_moved_back_is_late_anew() -> None:
    """However short the grace is: a time that has passed counts from when it was said."""
    decider = order_decider(Policy(overdue_grace_seconds=5))
    once = flagged(given(decider, *ASKED, STARTED))
    at = READY_AT + timedelta(seconds=10)
    again = moved(moved(once, READY_AT + timedelta(minutes=5), at), READY_AT, at)
    assert again.state.flags == ()
    assert checks(again) == [
        (at + timedelta(seconds=5), CheckDeadline(ORDER_ID, "preparation_overdue", at))
    ]


def test_an_order_that_starts_late_already_is_given_its_time_to_start() -> None:
    """It is counted from the payment where the preparation should have started before."""
    paid = replace(SITUATIONS["scheduled"][-1], prepare_at=NOON - timedelta(minutes=20))
    story = given(DECIDER, *SITUATIONS["admitted"], paid)
    assert checks(story)[0] == (
        NOON + timedelta(seconds=POLICY.start_seconds_max),
        CheckDeadline(ORDER_ID, "start_late", NOON),
    )


def test_a_pending_refusal_has_a_limit_of_its_own() -> None:
    assert checks(order("unwilling")) == []
    undone = given(DECIDER, *ASKED, STARTED, SITUATIONS["refused"][-1], UNDONE)
    assert [check.flag for _, check in checks(undone)] == ["preparation_overdue"]


def test_the_limits_are_settings() -> None:
    decider = order_decider(Policy(payment_seconds_max=1))
    story = given(decider, *SITUATIONS["admitted"])
    assert checks(story)[0][0] == NOON + timedelta(seconds=1)
