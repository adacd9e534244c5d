"""How an order is ended before it is delivered, and that it stays ended."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common.messages.order import (
    CancelledBy,
    CancelOrder,
    CheckDeadline,
    OrderCancelled,
    TicketCancelled,
)
from services.order.domain import CancelTicket, OrderStatus, PaymentStatus, ticket_key
from tests.given import NOON, deterministic, given, outcome_word
from tests.order.stories import (
    AMOUNT_CENTS,
    COMMANDS,
    DECIDER,
    DELIVERY_ID,
    LATE,
    ORDER_ID,
    SITUATIONS,
    SUBMIT,
    follow,
    order,
)

FINALS = (OrderStatus.DELIVERED, OrderStatus.REJECTED, OrderStatus.CANCELLED)
PEOPLE = [by for by in CancelledBy if by is not CancelledBy.TIFFIN]
BEFORE_PICKUP = [
    "scheduled",
    "asked",
    "printed",
    "refused",
    "accepted",
    "cooking",
    "unwilling",
    "cooked",
    "waiting",
    "left",
]


@pytest.mark.parametrize("by", PEOPLE)
@pytest.mark.parametrize("situation", BEFORE_PICKUP)
def test_anybody_ends_an_order_before_its_pickup(situation: str, by: CancelledBy) -> None:
    """What was paid is given back, and the delivery, where there is one, is to end."""
    before = order(situation)
    event = OrderCancelled(ORDER_ID, by, "why not", "", AMOUNT_CENTS, before.state.delivery_id)
    cancelled = before.when(CancelOrder(ORDER_ID, by, "why not")).then(event)
    assert cancelled.state.status is OrderStatus.CANCELLED
    assert cancelled.state.payment is PaymentStatus.REFUNDING
    assert cancelled.state.cancelled_by is by
    assert cancelled.state.refusal is None
    assert (cancelled.state.delivery_id is not None) == (situation in ("cooked", "waiting", "left"))


@pytest.mark.parametrize("by", PEOPLE)
def test_only_an_operator_ends_an_order_on_the_road(by: CancelledBy) -> None:
    outcome = order("driven").when(CancelOrder(ORDER_ID, by, "an accident"))
    if by is CancelledBy.OPERATOR:
        assert outcome.accepted().state.delivery_id == DELIVERY_ID
    else:
        outcome.rejected("picked_up")


def test_nobody_ends_an_order_in_the_name_of_tiffin() -> None:
    command = CancelOrder(ORDER_ID, CancelledBy.TIFFIN, "a limit")
    order("scheduled").when(command).rejected("not_yours")


def test_an_order_that_was_never_charged_owes_nothing() -> None:
    """What was not asked for is void at once; what may be under way is voided."""
    for situation, payment in (
        ("created", PaymentStatus.VOIDED),
        ("admitted", PaymentStatus.VOIDING),
    ):
        command = CancelOrder(ORDER_ID, CancelledBy.PARTNER, "a test")
        event = OrderCancelled(ORDER_ID, CancelledBy.PARTNER, "a test")
        cancelled = order(situation).when(command).then(event)
        assert cancelled.state.payment is payment
        assert cancelled.state.refunds == ()


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_a_kitchen_that_may_have_a_ticket_is_told_of_the_end(situation: str) -> None:
    """It is told under the ticket's own key until it knows."""
    ended = follow(order(situation), order(situation).when(COMMANDS["by_operator"]))
    if ended.state.status is not OrderStatus.CANCELLED or situation == "settled":
        return
    calls = [each for each in DECIDER.agenda(ended.state) if isinstance(each, CancelTicket)]
    if not ended.state.is_preparation_due:
        assert calls == []
        return
    assert ended.state.reason is not None
    assert calls == [CancelTicket("trattoria", ticket_key(ORDER_ID), ended.state.reason)]
    known = ended.when(COMMANDS["ConfirmTicketCancellation"]).then(TicketCancelled(ORDER_ID))
    assert not any(isinstance(each, CancelTicket) for each in DECIDER.agenda(known.state))


@deterministic
@for_all(names=st.lists(st.sampled_from(sorted(COMMANDS)), max_size=40), is_late=st.booleans())
def test_a_final_state_is_final(names: list[str], is_late: bool) -> None:
    """Any sequence of commands: no step back, no way out of a final status, nothing twice."""
    ranks = list(OrderStatus)
    story = given(DECIDER).when(SUBMIT).accepted()
    for name in names:
        before = story.state
        at = LATE if is_late and isinstance(COMMANDS[name], CheckDeadline) else NOON
        story = follow(story, story.when(COMMANDS[name], at))
        assert ranks.index(story.state.status) >= ranks.index(before.status)
        if before.status in FINALS:
            assert story.state.status is before.status
            assert story.state.status_since == before.status_since


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_nothing_brings_a_final_order_back_to_the_kitchen(situation: str) -> None:
    """A cancelled order does not appear next morning as being prepared."""
    if order(situation).state.status not in FINALS:
        return
    for command in COMMANDS.values():
        after = follow(order(situation), order(situation).when(command, LATE))
        assert after.state.status is order(situation).state.status, command


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_evolve_takes_any_event_in_any_situation(situation: str) -> None:
    """Past events are facts: evolve never raises, and never changes whose order it is."""
    for past in SITUATIONS.values():
        for event in past:
            assert DECIDER.evolve(order(situation).state, event, NOON).order_id == ORDER_ID


def test_decide_never_raises_at_either_end_of_time() -> None:
    """Every command in every situation, in the first and in the last year that is taken."""
    for situation in SITUATIONS:
        for command in COMMANDS.values():
            for year in (2000, 2200):
                assert outcome_word(order(situation).when(command, NOON.replace(year=year)))
