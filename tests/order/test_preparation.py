"""The cooking: one ticket, an answer in time, and the way out of a wrong click."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from services.common.decider import Wakeup
from services.common.messages.order import (
    PREPARATION_SECONDS_MAX,
    AcceptOrder,
    CancelledBy,
    CloseRefusal,
    ConfirmPreparation,
    ExpireAcceptance,
    OrderCancelled,
    OrderRefused,
    PreparationDue,
    PreparationStarted,
    RefusalReason,
    RefuseOrder,
    StartPreparation,
    UndoRefusal,
    UpdatePreparation,
)
from services.order.domain import OrderStatus, RequestPreparation, ticket_key
from tests.given import given
from tests.order.stories import (
    ACCEPT_BY,
    AMOUNT_CENTS,
    ASKED,
    AT,
    COMMANDS,
    DECIDER,
    DUE,
    FINAL_AT,
    FINISHED,
    ORDER_ID,
    POLICY,
    PREPARE_AT,
    PRINTED,
    READY_AT,
    REFUSED,
    SITUATIONS,
    SUBMIT,
    UNDONE,
    Story,
    order,
)

SECOND = timedelta(seconds=1)
ON_THE_ROAD = timedelta(
    seconds=SUBMIT.restaurant.location.distance_m(SUBMIT.destination) / POLICY.driver_speed_mps
)


def started(ticket_id: str | None, ready_at: datetime) -> PreparationStarted:
    """The restaurant cooks until an instant."""
    return PreparationStarted(ORDER_ID, ticket_id, ready_at, ready_at + ON_THE_ROAD)


def tickets(story: Story) -> list[RequestPreparation]:
    """The calls for a ticket that the order asks for."""
    return [each for each in DECIDER.agenda(story.state) if isinstance(each, RequestPreparation)]


def wakeups(story: Story) -> list[Any]:
    """The commands that the order wants at an instant."""
    return [each.command for each in DECIDER.agenda(story.state) if isinstance(each, Wakeup)]


def test_the_timer_starts_the_preparation() -> None:
    """The restaurant has until accept_by, as long as it was admitted with."""
    (wakeup, *_) = DECIDER.agenda(order("scheduled").state)
    assert wakeup == Wakeup(PREPARE_AT, StartPreparation(ORDER_ID, PREPARE_AT))
    order("scheduled").when(wakeup.command, wakeup.at).then(DUE)


def test_a_timer_for_another_instant_is_refused() -> None:
    early = StartPreparation(ORDER_ID, PREPARE_AT - SECOND)
    order("scheduled").when(early).rejected("impossible_now")


def test_a_preparation_that_would_start_much_too_late_ends_the_order() -> None:
    """The order is refunded, visibly; it is cooked where it is late by less."""
    latest = PREPARE_AT + timedelta(seconds=POLICY.lateness_seconds_max)
    event = PreparationDue(ORDER_ID, latest + timedelta(seconds=600))
    order("scheduled").when(COMMANDS["StartPreparation"], latest).then(event)
    too_late = OrderCancelled(ORDER_ID, CancelledBy.TIFFIN, "too_late", "", AMOUNT_CENTS)
    order("scheduled").when(COMMANDS["StartPreparation"], latest + SECOND).then(too_late)


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_one_ticket_per_order(situation: str) -> None:
    """It is asked for with one key while the restaurant may cook and no ticket is known."""
    is_wanted = situation in ("asked", "undone", "accepted")
    calls = tickets(order(situation))
    assert len(calls) == is_wanted
    for call in calls:
        assert call.idempotency_key == ticket_key(ORDER_ID)
        assert (call.restaurant_id, call.items) == ("trattoria", SUBMIT.items)
        assert call.round == (situation == "undone")


def test_a_second_ticket_is_refused_and_told() -> None:
    for situation in ("printed", "cooking", "cooked", "waiting"):
        second = ConfirmPreparation(ORDER_ID, "ticket-2")
        order(situation).when(second).rejected("impossible_now")


def test_the_restaurant_cooks_for_as_long_as_it_says() -> None:
    """Or for as long as it was admitted with, also where it says "no time at all"."""
    for seconds, wanted in ((900, 900), (None, 1200), (0, 0)):
        ready_at = AT + timedelta(seconds=wanted)
        confirmed = ConfirmPreparation(ORDER_ID, "ticket-1", seconds)
        order("asked").when(confirmed).accepted()
        order("asked").when(confirmed, AT).then(started("ticket-1", ready_at))
        order("printed").when(AcceptOrder(ORDER_ID, seconds), AT).then(
            started("ticket-1", ready_at)
        )


def test_an_order_is_accepted_before_its_ticket_is_known() -> None:
    """The ticket is asked for until it is known, and then changes nothing else."""
    ready_at = AT + timedelta(seconds=900)
    accepted = order("asked").when(AcceptOrder(ORDER_ID, 900), AT).then(started(None, ready_at))
    assert len(tickets(accepted)) == 1
    known = accepted.when(ConfirmPreparation(ORDER_ID, "ticket-1", 60), AT).then(PRINTED)
    assert known.state.expected_ready_at == ready_at
    assert known.state.status is OrderStatus.IN_PREPARATION
    assert tickets(known) == []


def test_a_silent_restaurant_has_the_order_cancelled_and_refunded() -> None:
    assert wakeups(order("asked")) == wakeups(order("printed"))
    (expire,) = wakeups(order("printed"))
    assert expire == ExpireAcceptance(ORDER_ID, ACCEPT_BY)
    event = OrderCancelled(ORDER_ID, CancelledBy.TIFFIN, "accept_timeout", "", AMOUNT_CENTS)
    order("printed").when(expire, ACCEPT_BY).then(event)
    order("cooking").when(expire, ACCEPT_BY).nothing()


@pytest.mark.parametrize("situation", ["asked", "printed", "accepted", "cooking"])
def test_a_refusal_waits_before_it_is_final(situation: str) -> None:
    """Nothing but its end is waited for; then the order is cancelled and refunded."""
    final_at = AT + timedelta(seconds=POLICY.refusal_grace_seconds)
    command = RefuseOrder(ORDER_ID, RefusalReason.TOO_BUSY, "full house")
    event = OrderRefused(ORDER_ID, RefusalReason.TOO_BUSY, "full house", final_at)
    refused = order(situation).when(command, AT).then(event)
    assert refused.state.status is order(situation).state.status
    close = Wakeup(final_at, CloseRefusal(ORDER_ID, final_at))
    assert DECIDER.agenda(refused.state) == (close,)
    for name in ("AcceptOrder", "ConfirmPreparation", "FinishPreparation"):
        refused.when(COMMANDS[name]).rejected("refused")
    cancelled = OrderCancelled(
        ORDER_ID, CancelledBy.RESTAURANT, "too_busy", "full house", AMOUNT_CENTS
    )
    refused.when(close.command, close.at).then(cancelled)


def test_the_restaurants_wrong_click_has_a_way_out_while_the_order_can_be_saved() -> None:
    """Undone before it is final: the restaurant is asked again, and its time is not stretched."""
    undone = order("refused").when(UndoRefusal(ORDER_ID), FINAL_AT - SECOND).then(UNDONE)
    assert undone.state.accept_by == ACCEPT_BY
    assert wakeups(undone) == [ExpireAcceptance(ORDER_ID, ACCEPT_BY)]
    assert [call.round for call in tickets(undone)] == [1]
    undone.when(CloseRefusal(ORDER_ID, FINAL_AT), FINAL_AT).nothing()
    undone.when(COMMANDS["ConfirmPreparation"]).accepted().when(COMMANDS["FinishPreparation"]).then(
        FINISHED
    )


def test_a_printed_ticket_is_not_asked_for_again_after_an_undone_refusal() -> None:
    assert tickets(given(DECIDER, *ASKED, PRINTED, REFUSED, UNDONE)) == []


def test_a_refusal_that_is_final_is_not_undone() -> None:
    order("refused").when(UndoRefusal(ORDER_ID), FINAL_AT).rejected("too_late")
    order("cancelled").when(UndoRefusal(ORDER_ID)).rejected("not_refused")


def test_a_refusal_does_not_stretch_the_time_to_answer() -> None:
    """A restaurant that refuses at the last moment does not accept after it."""
    refused = order("asked").when(COMMANDS["RefuseOrder"], ACCEPT_BY - SECOND).accepted()
    refused.when(UndoRefusal(ORDER_ID), ACCEPT_BY - SECOND).then(UNDONE)
    refused.when(UndoRefusal(ORDER_ID), ACCEPT_BY).rejected("too_late")
    order("unwilling").when(UndoRefusal(ORDER_ID), FINAL_AT - SECOND).then(UNDONE)


def test_a_point_of_sale_that_has_printed_the_ticket_has_not_refused_it() -> None:
    """Its refusal is one of before, which came late; the restaurant itself may refuse."""
    for situation in ("printed", "cooking"):
        order(situation).when(COMMANDS["RefusePreparation"]).rejected("impossible_now")
        order(situation).when(COMMANDS["RefuseOrder"]).accepted()


def test_a_restaurant_does_not_change_its_mind_for_ever() -> None:
    undone = (REFUSED, UNDONE) * POLICY.undo_max
    story = given(DECIDER, *ASKED, *undone, REFUSED)
    story.when(UndoRefusal(ORDER_ID)).rejected("undone_too_often")


def test_a_point_of_sale_that_refuses_an_accepted_order_has_refused_it() -> None:
    """The status never moves back: the order stays as it is until the refusal is final."""
    refused = order("accepted").when(COMMANDS["RefusePreparation"]).accepted()
    assert refused.state.status is OrderStatus.IN_PREPARATION
    assert refused.state.refusal is not None


def test_the_restaurant_moves_the_time_within_limits() -> None:
    """From a little ago, which is now for clocks that are behind, to a day ahead."""
    cooking = order("cooking")
    for ready_at in (AT - 60 * SECOND, AT + PREPARATION_SECONDS_MAX * SECOND):
        moved = cooking.when(UpdatePreparation(ORDER_ID, ready_at), AT).accepted()
        ready_at = max(ready_at, AT)
        assert moved.state.expected_ready_at == ready_at
        assert moved.state.eta_at == ready_at + ON_THE_ROAD
    for ready_at in (AT - 61 * SECOND, AT + (PREPARATION_SECONDS_MAX + 1) * SECOND):
        cooking.when(UpdatePreparation(ORDER_ID, ready_at), AT).rejected("ready_at_out_of_range")
    cooking.when(UpdatePreparation(ORDER_ID, READY_AT), READY_AT + timedelta(hours=1)).nothing()
    now = cooking.when(UpdatePreparation(ORDER_ID, AT - SECOND), AT).accepted()
    now.when(UpdatePreparation(ORDER_ID, AT - SECOND), AT + SECOND).nothing()


def test_instants_are_told_in_utc_whatever_offset_the_restaurant_uses() -> None:
    ready_at = (READY_AT + SECOND).astimezone(timezone(timedelta(hours=-8)))
    moved = order("cooking").when(UpdatePreparation(ORDER_ID, ready_at)).accepted()
    assert moved.state.expected_ready_at is not None
    assert moved.state.expected_ready_at.tzinfo is UTC


@pytest.mark.parametrize("situation", ["asked", "printed", "accepted", "cooking"])
def test_the_delivery_starts_when_the_restaurant_is_ready(situation: str) -> None:
    """Also where the restaurant has never said that it cooks."""
    finished = order(situation).when(COMMANDS["FinishPreparation"]).then(FINISHED)
    assert finished.state.is_accepted
    assert tickets(finished) == []
