"""Invariants that the industry has seen broken, each through the whole world in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.common.messages.order import (
    AcceptOrder,
    CancelledBy,
    CancelOrder,
    ConfirmPayment,
    ConfirmPreparation,
    OrderCreated,
    OrderScheduled,
    RecordDropoff,
    RefusalReason,
    RefuseOrder,
    StartPreparation,
    UndoRefusal,
)
from services.common.messages.restaurant import ConfigureRestaurant, OpeningHours
from services.common.values import Item
from services.order.domain import OrderStatus, PaymentStatus
from tests.process.outside import ASKS, SILENT
from tests.process.story import Story
from tests.process.world import PARTITIONS, partition_of


def test_one_ticket_per_order_whatever_is_retried() -> None:
    """Lost answers, a refusal that is taken back, crashes: the kitchen prints one ticket."""
    story = Story(ASKS)
    story.until_asked()
    outside = story.players.outside
    order_id = story.order.order_id
    for _ in range(3):
        outside.call(order_id)
        outside.arrive(0)
    story.do(story.players.answer, story.players.kitchens.refuse, story.players.kitchens.undo)
    story.do(story.players.answer)
    for number in range(PARTITIONS):
        story.world.lose_offsets("order", number, 100)
    while outside.answers:
        outside.hear(1)
    story.settle()
    story.finish()
    assert story.order.status is OrderStatus.DELIVERED
    assert [ticket.printed for ticket in outside.pos.of(order_id)] == [1]


def test_one_order_per_partner_reference() -> None:
    """The same reference is the same order; with another content it is refused."""
    story = Story()
    story.until_created()
    other = replace(story.submission, items=(Item("Tiramisu", 1, 700),))
    story.say("order", story.submission, story.submission, other)
    assert story.happened(OrderCreated) == 1
    assert story.refusals == ["reference_taken"]
    assert len(story.world.states("order")) == 1


def test_one_charge_per_order_whichever_way_its_outcome_comes() -> None:
    """Two calls under way, both answered, one answer twice: one key, one charge, one event."""
    story = Story()
    story.until_created()
    outside, order_id = story.players.outside, story.order.order_id
    outside.call(order_id)
    story.world.crash("order", partition_of(order_id), 10)
    outside.call(order_id)
    outside.arrive(0)
    outside.arrive(0)
    for name, call, answer in outside.answers * 2:
        story.world.report(name, call, answer)
        story.settle()
    # An answer that comes by another way has another command id, and the same charge.
    charge_id = story.order.charge_id or ""
    story.say("order", ConfirmPayment(order_id, charge_id))
    assert story.happened(OrderScheduled) == 1
    assert len(outside.provider.charges) == 1


def test_a_stuck_order_is_found() -> None:
    """An order whose payment stays open is flagged, and goes on as if nothing had been."""
    story = Story()
    story.until_created()
    labels = story.world.services["order"].decider.labels
    story.pass_seconds(899)
    assert "flagged" not in labels(story.order)
    story.pass_seconds(2)
    assert story.order.flags == ("payment_late",)
    assert labels(story.order)["flagged"] == "true"
    story.do(story.players.answer)
    assert not story.order.flags
    story.finish()
    assert story.order.status is OrderStatus.DELIVERED


def test_nothing_is_taken_after_a_cancellation() -> None:
    """A charge that is on its way when its order is cancelled is declined on arrival."""
    story = Story()
    story.until_created()
    story.players.outside.call(story.order.order_id)
    story.do(story.players.partners.cancel)
    story.do(story.players.answer)
    assert story.order.payment is PaymentStatus.VOIDED
    story.players.outside.arrive(0)
    story.players.outside.hear(1)
    story.settle()
    assert story.order.status is OrderStatus.CANCELLED
    assert story.kept_cents == 0


def test_a_charge_that_comes_before_its_void_is_given_back() -> None:
    """The money was taken, nobody has heard of it, and the order is cancelled: all comes back."""
    story = Story()
    story.until_created()
    story.players.outside.call(story.order.order_id)
    story.players.outside.arrive(0)
    assert story.kept_cents == story.order.amount_cents
    story.do(story.players.partners.cancel, story.players.answer)
    story.players.outside.hear(1)
    story.settle()
    assert (story.order.status, story.order.payment) == (
        OrderStatus.CANCELLED,
        PaymentStatus.VOIDED,
    )
    assert story.kept_cents == 0


def test_a_final_order_stays_final() -> None:
    """Late timers, answers, restaurants and drivers change nothing about a cancelled order."""
    story = Story()
    story.until_scheduled()
    order = story.order
    assert order.prepare_at is not None
    story.do(story.players.partners.cancel)
    story.say(
        "order",
        StartPreparation(order.order_id, order.prepare_at),
        ConfirmPayment(order.order_id, order.charge_id or ""),
        ConfirmPreparation(order.order_id, "ticket"),
        AcceptOrder(order.order_id),
        RefuseOrder(order.order_id, RefusalReason.CLOSED),
        UndoRefusal(order.order_id),
        RecordDropoff(order.order_id),
        CancelOrder(order.order_id, CancelledBy.OPERATOR, "again"),
    )
    story.do(story.players.kitchens.finish)
    story.finish()
    assert (story.order.status, story.order.payment) == (
        OrderStatus.CANCELLED,
        PaymentStatus.REFUNDED,
    )
    assert story.order.cancelled_by is CancelledBy.PARTNER
    assert "final" in story.refusals
    assert story.world.states("delivery") == {}


def test_a_refusal_can_be_taken_back_while_the_order_can_be_saved() -> None:
    """A restaurant's wrong click is undone in time, and the order is cooked and delivered."""
    story = Story()
    story.until_cooking()
    story.do(story.players.kitchens.refuse)
    assert story.order.refusal is not None
    story.pass_seconds(30)
    story.do(story.players.kitchens.undo)
    assert story.order.refusal is None
    story.pass_seconds(300)
    assert story.order.status is OrderStatus.IN_PREPARATION
    story.finish()
    assert story.order.status is OrderStatus.DELIVERED
    assert story.kept_cents == story.order.amount_cents


def test_a_refusal_becomes_final_and_gives_the_money_back() -> None:
    """After the grace the order is cancelled, and what comes to undo it comes too late."""
    story = Story()
    story.until_cooking()
    story.do(story.players.kitchens.refuse)
    story.pass_seconds(61)
    assert story.order.status is OrderStatus.CANCELLED
    assert story.order.cancelled_by is CancelledBy.RESTAURANT
    story.do(story.players.kitchens.undo)
    assert story.order.status is OrderStatus.CANCELLED
    story.finish()
    assert story.kept_cents == 0
    assert [ticket.status for ticket in story.players.outside.pos.tickets.values()] == ["cancelled"]


def test_instants_are_utc_whatever_offset_they_were_told_in() -> None:
    """An order wanted at 16:00 in a zone two hours ahead of UTC is prepared for 14:00 UTC."""
    ahead = timezone(timedelta(hours=2))
    story = Story(ready_at=datetime(2030, 1, 31, 16, tzinfo=ahead), zone="Europe/Athens")
    story.until_scheduled()
    assert story.order.ready_at == datetime(2030, 1, 31, 14, tzinfo=UTC)
    for instant in (story.order.ready_at, story.order.prepare_at, story.order.created_at):
        assert instant is not None
        assert instant.utcoffset() == timedelta(0)
    assert story.order.zone == "Europe/Athens"


@pytest.mark.parametrize(
    ("ready_at", "is_open"),
    [
        # Rome opens at 18:00: 17:00 UTC in winter, 16:00 in summer, from 31 March 2030 on.
        (datetime(2030, 3, 30, 16, 30, tzinfo=UTC), False),
        (datetime(2030, 3, 30, 17, 30, tzinfo=UTC), True),
        (datetime(2030, 3, 31, 15, 30, tzinfo=UTC), False),
        (datetime(2030, 3, 31, 16, 30, tzinfo=UTC), True),
        # The hours of Saturday end at 02:30 on Sunday, be it that the clock jumps at 02:00.
        (datetime(2030, 3, 31, 0, 45, tzinfo=UTC), True),
        (datetime(2030, 3, 31, 1, 15, tzinfo=UTC), False),
    ],
)
def test_opening_hours_follow_the_restaurants_wall_clock(ready_at: datetime, is_open: bool) -> None:
    """A time is judged in the restaurant's zone, on both sides of a change of the clock."""
    story = Story(ready_at=ready_at, zone="Europe/Rome")
    story.world.pass_time(ready_at - timedelta(hours=5))
    hours = tuple(OpeningHours(day, 18 * 60, 2 * 60 + 30) for day in range(1, 8))
    story.say("restaurant", ConfigureRestaurant("trattoria", "Europe/Rome", hours))
    story.do(story.players.partners.submit)
    if not is_open:
        assert story.order.status is OrderStatus.REJECTED
        assert story.order.reason == "outside_opening_hours"
        return
    story.do(story.players.answer)
    assert story.order.prepare_at == ready_at - timedelta(seconds=60)


def test_an_order_whose_point_of_sale_stays_away_ends_with_its_money_back() -> None:
    """It waits visibly, then ends; the ticket that comes through late is not printed."""
    story = Story()
    story.until_asked()
    order_id = story.order.order_id
    story.players.outside.call(order_id)
    story.do(story.players.kitchens.delay)
    assert story.order.is_preparation_delayed
    story.pass_seconds(700)
    assert story.order.status is OrderStatus.CANCELLED
    assert story.order.reason == "accept_timeout"
    story.do(story.players.answer)
    assert story.kept_cents == 0
    story.players.outside.arrive(0)
    story.players.outside.hear(1)
    story.settle()
    assert [ticket.printed for ticket in story.players.outside.pos.of(order_id)] == [0]


def test_a_restaurant_that_never_answers_costs_nobody_money() -> None:
    """Its ticket was printed, and is cancelled; the customer has all back."""
    story = Story(SILENT)
    story.until_asked()
    story.do(story.players.answer)
    story.pass_seconds(700)
    story.finish()
    assert (story.order.status, story.order.reason) == (OrderStatus.CANCELLED, "accept_timeout")
    assert story.kept_cents == 0
    tickets = story.players.outside.pos.of(story.order.order_id)
    assert [ticket.status for ticket in tickets] == ["cancelled"]
