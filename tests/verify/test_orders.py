"""The rules about an order's status and its end name each kind of breakage."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from infra.verify.evidence import Patience
from infra.verify.rules.orders import check_orders, open_orders
from infra.verify.rules.statuses import check_statuses
from tests.verify.kitchen import (
    ask_refund,
    called_off,
    cancelled,
    cooked,
    created,
    paid_and_due,
    refused,
    rejected,
)
from tests.verify.road import delivered, goes_back, whole
from tests.verify.story import LATER, NOON, Story, texts

FINAL: Mapping[str, Callable[[Story, str], str]] = {
    "DELIVERED": delivered,
    "REJECTED": rejected,
    "CANCELLED": cancelled,
}


class TestStatuses:
    """Status never moves back, and final is final."""

    def test_a_step_back(self) -> None:
        """An order on the road is cooked again."""
        story = whole()
        event = story.find("order.events", "OrderPickedUp")
        story.change(event, type="PreparationStarted")
        found = texts(story.judged(check_statuses))
        assert "PreparationStarted while it is WAITING_FOR_DRIVER" in found

    def test_an_event_after_the_end(self) -> None:
        """A delivered order gets another ETA."""
        story = whole()
        end = story.find("order.events", "OrderDelivered")
        eta_at = end["occurred_at"]
        story.repeat(end, type="OrderEtaChanged", version=end["version"] + 1, eta_at=eta_at)
        assert "OrderEtaChanged while it is DELIVERED" in texts(story.judged(check_statuses))

    @pytest.mark.parametrize("status", ["DELIVERED", "REJECTED", "CANCELLED"])
    def test_a_final_order_that_goes_on(self, status: str) -> None:
        """It is cooked, found a driver, and ended again."""
        told = {
            "ticket_id": None,
            "charge_id": "ch",
            "delivery_id": "d",
            "driver_id": "driver-9",
            "by": "operator",
            "reason": "closed",
            "detail": "",
        }
        told |= dict.fromkeys(("ready_at", "eta_at", "prepare_at", "final_at"), NOON.isoformat())
        for type_ in (
            "PreparationStarted",
            "DriverFound",
            "OrderRefused",
            "OrderScheduled",
            "OrderCancelled",
        ):
            story = Story()
            order_id = FINAL[status](story, "r-1")
            story.step("order", "Command", type_, {**told, "order_id": order_id})
            assert f"{type_} while it is {status}" in texts(story.judged(check_statuses))

    def test_what_happens_once(self) -> None:
        """Neither the clock, nor the point of sale, nor the provider says it again."""
        for type_ in ("OrderAdmitted", "PreparationDue", "TicketReceived", "TicketCancelled"):
            story = Story()
            called_off(story, "r-1")
            event = story.find("order.events", type_)
            place = story.entries["order.events"].index(event)
            story.drop(*story.entries["order.events"][place + 1 :])
            story.repeat(event, version=event["version"] + 1)
            assert f"a second {type_}" in texts(story.judged(check_statuses))

    def test_what_needs_something_before(self) -> None:
        """No charge without an admission, and no kitchen before the time."""
        for type_, missing in (
            ("OrderScheduled", "OrderAdmitted"),
            ("OrderRefused", "PreparationDue"),
            ("PreparationStarted", "PreparationDue"),
        ):
            story = whole()
            story.drop(story.find("order.events", missing))
            assert f"{type_} without {missing}" in texts(story.judged(check_statuses))

    def test_a_refused_order_that_is_cooked(self) -> None:
        """The restaurant has to undo its refusal first, and can do so three times."""
        story = whole()
        story.drop(story.find("order.events", "RefusalUndone"))
        found = texts(story.judged(check_statuses))
        assert "PreparationStarted while it is refused" in found
        story = Story()
        order_id = paid_and_due(story, "r-1")
        for _ in range(4):
            refused(story, order_id)
            story.step("order", "UndoRefusal", "RefusalUndone", {"order_id": order_id})
        assert "undone for more than 3 times" in texts(story.judged(check_statuses))
        story.step("order", "UndoRefusal", "RefusalUndone", {"order_id": order_id})
        assert "undone that there is not" in texts(story.judged(check_statuses))

    def test_a_second_driver(self) -> None:
        """One is found while another brings it, and one is lost who does not."""
        story = whole()
        story.drop(story.find("order.events", "DriverLost"))
        found = texts(story.judged(check_statuses))
        assert "driver-4 is found while driver-3 brings it" in found
        story = whole()
        story.change(story.find("order.events", "DriverLost"), driver_id="driver-9")
        found = texts(story.judged(check_statuses))
        assert "driver-9 is lost, but driver-3 brings it" in found

    def test_an_end_on_the_road(self) -> None:
        """Only operators, or a driver whom nobody opens, end an order on the road."""
        for by, is_wrong in (("customer", True), ("operator", False)):
            story = Story()
            goes_back(story, "r-1")
            story.change(story.find("order.events", "OrderCancelled"), by=by)
            found = texts(story.judged(check_statuses))
            assert ("is cancelled on the road by" in found) is is_wrong

    def test_a_flag_of_another_status(self) -> None:
        """Of another status, of a time to come, or told twice."""
        story = Story()
        order_id = created(story, "r-1")
        since = story.now.isoformat()
        for flag in ("dropoff_late", "payment_late", "payment_late"):
            told = {"order_id": order_id, "flag": flag, "since": since}
            story.step("order", "CheckDeadline", "OrderFlagged", told)
        found = texts(story.judged(check_statuses))
        assert "it is flagged dropoff_late while it is CREATED" in found
        assert found.count("twice") == 1
        told["since"] = (story.now + LATER).isoformat()
        story.step("order", "CheckDeadline", "OrderFlagged", told)
        assert "before its time" in texts(story.judged(check_statuses))


class TestOrders:
    """Every acknowledged order is taken, and ends."""

    def test_a_lost_order(self) -> None:
        """What an early commit and a crash leave of a submission."""
        story = whole()
        order_id = created(story, "lost")
        story.drop(story.find("order.events", "OrderAdmitted", -1))
        story.drop(story.find("order.events", "OrderCreated", -1))
        verdict = story.judged(check_orders)
        assert "is lost" in texts(verdict)
        assert verdict.violations[0].order_id == order_id
        assert texts(check_orders(story.evidence(age=timedelta(seconds=9)))) == ""

    def test_a_refused_order_is_not_lost(self) -> None:
        """A rejection is an answer, and so is a dead letter."""
        for answer in (Story.refuse, Story.put_aside):
            story = Story()
            created(story, "refused")
            story.drop(story.find("order.events", "OrderCreated"))
            answer(story, story.find("order.commands", "SubmitOrder"))
            assert texts(story.judged(check_orders)) == ""

    def test_an_open_order_is_told_with_its_age(self) -> None:
        """It is a violation only when somebody has said how long it may take."""
        story = whole()
        order_id = cooked(story, "open")
        [note] = story.judged(check_orders).notes
        assert (note.order_id, note.text) == (order_id, "SCHEDULING_DELIVERY for 3601 s")
        verdict = story.judged(check_orders, Patience(open_seconds_max=3600))
        assert "SCHEDULING_DELIVERY" in texts(verdict)

    def test_a_flag_is_told(self) -> None:
        """An open order is told with what operators were told of."""
        story = Story()
        order_id = cooked(story, "open")
        told = {"order_id": order_id, "flag": "no_driver", "since": story.now.isoformat()}
        story.step("order", "CheckDeadline", "OrderFlagged", told)
        [order] = open_orders(story.evidence())
        assert order.status == "SCHEDULING_DELIVERY, flagged no_driver"

    def test_a_kitchen_that_was_not_told_yet(self) -> None:
        """A cancelled order is open until its ticket is."""
        story = Story()
        called_off(story, "r-1")
        story.drop(story.find("order.events", "TicketCancelled"))
        [order] = open_orders(story.evidence())
        assert order.status == "CANCELLED, ticket open"

    def test_a_refused_refund_is_with_people(self) -> None:
        """It is told, and however old it is no violation."""
        story = Story()
        order_id = delivered(story, "r-1")
        ask_refund(story, order_id)
        told = {"order_id": order_id, "refund": "cold", "reason": "card_closed"}
        story.step("order", "RefuseRefund", "RefundRefused", told)
        verdict = story.judged(check_orders, Patience(open_seconds_max=1))
        assert texts(verdict) == ""
        assert verdict.notes[0].text.startswith("DELIVERED, refund refused for")

    def test_an_acknowledgement_that_only_the_partner_knows(self) -> None:
        """An order that was acknowledged over HTTP and never reached the log."""
        story = whole()
        evidence = replace(story.evidence(), acknowledged=frozenset({"never-seen"}))
        assert texts(check_orders(evidence)).startswith("order/never-seen: it was acknowledged")
