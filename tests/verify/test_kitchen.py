"""The rules about admissions, tickets and schedules name each kind of breakage."""

from datetime import timedelta
from typing import Any

from infra.verify.rules.admissions import check_admissions
from infra.verify.rules.schedule import check_schedule
from infra.verify.rules.tickets import check_tickets
from tests.verify.kitchen import (
    called_off,
    cancelled,
    created,
    paid,
    paid_and_due,
    refused,
    ticket,
)
from tests.verify.road import whole
from tests.verify.story import LATER, NOON, Story, texts


class TestTickets:
    """At most one printed ticket, once the order is paid."""

    def test_a_second_ticket(self) -> None:
        """What a doubled call with another key leaves."""
        story = whole()
        order_id = story.tickets[0]["order_id"]
        ticket(story, order_id, idempotency_key="rolled", id="ticket-2")
        found = texts(story.judged(check_tickets))
        assert "2 tickets are printed" in found
        assert "a ticket has the key rolled" in found

    def test_a_ticket_of_an_order_that_was_not_paid(self) -> None:
        """Food that nobody pays for."""
        story = Story()
        ticket(story, created(story, "r-1"))
        ticket(story, "unknown")
        found = texts(story.judged(check_tickets))
        assert found.count("never paid and due") == 2

    def test_a_ticket_that_the_restaurant_has_not(self) -> None:
        """The log tells of a ticket that was never printed."""
        story = whole()
        story.tickets.pop(0)
        assert "which the point of sale has not" in texts(story.judged(check_tickets))

    def test_a_ticket_of_another_restaurant(self) -> None:
        """The wrong kitchen cooks."""
        story = whole()
        story.tickets[0]["restaurant_id"] = "other"
        assert "of another restaurant than grill" in texts(story.judged(check_tickets))

    def test_a_ticket_that_outlives_its_order(self) -> None:
        """The kitchen cooks for a customer who has the money back."""
        story = Story()
        called_off(story, "r-1")
        story.tickets[0]["status"] = "received"
        assert "though its cancellation is told" in texts(story.judged(check_tickets))
        story.drop(story.find("order.events", "TicketCancelled"))
        assert "its ticket is cooked still" in texts(story.judged(check_tickets))
        young = story.evidence(age=timedelta(seconds=59))
        assert texts(check_tickets(young)) == ""

    def test_a_ticket_that_operators_know_of(self) -> None:
        """The point of sale can't be told, and the order is flagged for it."""
        story = Story()
        order_id = called_off(story, "r-1")
        story.tickets[0]["status"] = "received"
        flagged = story.find("order.events", "TicketCancelled")
        told = {"flag": "ticket_cancellation_late", "since": flagged["occurred_at"]}
        story.change(flagged, type="OrderFlagged", order_id=order_id, **told)
        assert texts(story.judged(check_tickets)) == ""

    def test_a_ticket_that_is_cancelled_for_nothing(self) -> None:
        """Nobody cooks for an order that goes on."""
        story = whole()
        story.tickets[0]["status"] = "cancelled"
        assert "its ticket is cancelled, but the order" in texts(story.judged(check_tickets))

    def test_a_received_ticket_that_the_point_of_sale_has_not(self) -> None:
        """The restaurant can't answer what it has never seen."""
        story = Story()
        called_off(story, "r-1")
        story.tickets.clear()
        assert "which the point of sale has not" in texts(story.judged(check_tickets))


class TestSchedule:
    """No preparation before its time."""

    def test_an_early_start(self) -> None:
        """Two milliseconds are too early; one may be cut off by the broker."""
        story = whole()
        due = story.find("order.events", "PreparationDue")
        scheduled = story.find("order.events", "OrderScheduled")
        for milliseconds, is_early in ((1, False), (2, True)):
            prepare_at = due.instant("occurred_at") + timedelta(milliseconds=milliseconds)
            scheduled = story.change(scheduled, prepare_at=prepare_at.isoformat())
            assert ("starts at" in texts(story.judged(check_schedule))) is is_early

    def test_a_ticket_before_its_time(self) -> None:
        """The point of sale's clock tells as well."""
        story = whole()
        prepare_at = (story.now + timedelta(minutes=1)).isoformat()
        story.change(story.find("order.events", "OrderScheduled"), prepare_at=prepare_at)
        assert "its ticket is of" in texts(story.judged(check_schedule))

    def test_a_delay_that_was_forgotten(self) -> None:
        """prepare_at is before the delay that was asked for has passed."""
        story = whole()
        story.change(story.find("order.events", "OrderCreated"), delay_seconds=60)
        assert "sooner than its delay" in texts(story.judged(check_schedule))

    def test_an_order_for_a_time(self) -> None:
        """Its preparation is due as long before as the restaurant cooks, no sooner and no later."""
        wanted = NOON + LATER
        for early, text in ((901, "sooner than"), (900, ""), (899, "later than")):
            story = Story()
            paid(story, "r-1", ready_at=wanted.isoformat())
            prepare_at = (wanted - timedelta(seconds=early)).isoformat()
            story.change(story.find("order.events", "OrderScheduled"), prepare_at=prepare_at)
            found = texts(story.judged(check_schedule))
            assert text in found
            assert bool(text) == bool(found)

    def test_less_time_to_answer_than_was_granted(self) -> None:
        """The restaurant was promised more when it admitted the order."""
        story = whole()
        due = story.find("order.events", "PreparationDue")
        story.change(due, accept_by=due["occurred_at"])
        assert "its restaurant has to answer by" in texts(story.judged(check_schedule))

    def test_an_impatient_end(self) -> None:
        """The restaurant had time left to answer, or has answered."""
        story = Story()
        order_id = paid_and_due(story, "r-1")
        about = {"order_id": order_id}
        end = {**about, "by": "tiffin", "reason": "accept_timeout", "refund_cents": 900}
        due = story.find("order.events", "PreparationDue")
        asked = {**about, "accept_by": due["accept_by"]}
        early = story.step("order", "ExpireAcceptance", "OrderCancelled", end, asked=asked)
        assert "counts as silent before" in texts(story.judged(check_schedule))
        story.change(early, occurred_at=due["accept_by"])
        assert texts(story.judged(check_schedule)) == ""
        refused(story, order_id)
        story.repeat(early, version=9)
        assert "has answered, and counts as silent" in texts(story.judged(check_schedule))

    def test_a_refusal_that_is_final_too_soon(self) -> None:
        """The restaurant's wrong click had a way out."""
        story = Story()
        cancelled(story, "r-1")
        refusal = story.find("order.events", "OrderRefused")
        story.change(refusal, final_at=story.after(refusal, 60))
        assert "its refusal is final before its time" in texts(story.judged(check_schedule))

    def test_a_refusal_that_is_undone_too_late(self) -> None:
        """What is final is not undone."""
        story = whole()
        refusal = story.find("order.events", "OrderRefused")
        story.change(refusal, final_at=refusal["occurred_at"])
        assert "its refusal is undone after" in texts(story.judged(check_schedule))


class TestAdmissions:
    """An order is taken in as its restaurant says."""

    def _said(self, type_: str, **told: Any) -> Story:
        """A restaurant that has said something, and admits an order all the same."""
        story = Story()
        story.step("restaurant", f"Command{type_}", type_, {"restaurant_id": "grill", **told})
        created(story, "r-1")
        return story

    def test_an_order_of_a_restaurant_that_takes_none(self) -> None:
        """It is paused when the order is to be cooked."""
        for until, is_wrong in (
            (None, True),
            ((NOON + LATER).isoformat(), True),
            ((NOON - LATER).isoformat(), False),
        ):
            told = {"status": "PAUSED", "busy_seconds": 0, "until": until}
            found = texts(self._said("RestaurantStatusChanged", **told).judged(check_admissions))
            assert ("is admitted while it is PAUSED" in found) is is_wrong

    def test_an_order_of_what_is_not_there(self) -> None:
        """The restaurant is out of soup, until it says otherwise."""
        story = self._said("ItemSnoozed", item="soup", until=None)
        assert "an order of soup is admitted" in texts(story.judged(check_admissions))
        story = self._said("ItemSnoozed", item="bread", until=None)
        assert texts(story.judged(check_admissions)) == ""

    def test_an_order_that_was_never_admitted(self) -> None:
        """Its own log says so, and the restaurant's does not."""
        story = whole()
        story.drop(story.find("restaurant.events", "AdmissionGranted"))
        assert "has not admitted it" in texts(story.judged(check_admissions))

    def test_an_order_that_was_admitted_otherwise(self) -> None:
        """The restaurant has said how long it cooks."""
        story = whole()
        story.change(story.find("order.events", "OrderAdmitted"), preparation_seconds=1)
        assert "is admitted otherwise than" in texts(story.judged(check_admissions))

    def test_an_order_that_is_answered_twice(self) -> None:
        """The second answer is another one."""
        story = whole()
        grant = story.find("restaurant.events", "AdmissionGranted")
        story.repeat(grant, version=99)
        assert "AdmissionGranted after AdmissionGranted" in texts(story.judged(check_admissions))

    def test_an_order_of_another_restaurant(self) -> None:
        """The wrong one is asked."""
        story = whole()
        event = story.find("order.events", "OrderCreated")
        other = {**event["restaurant"], "restaurant_id": "other"}
        story.change(event, restaurant=other)
        assert "it admits an order of other" in texts(story.judged(check_admissions))
