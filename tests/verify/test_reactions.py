"""The rules about reactions and outcomes name each kind of breakage."""

from datetime import timedelta

import pytest

from infra.verify.rules.outcomes import check_outcomes
from infra.verify.rules.reactions import check_reactions
from tests.verify.detours import detours
from tests.verify.kitchen import (
    charge,
    cooked,
    created,
    paid_and_due,
    refunded,
    refused,
    voided,
)
from tests.verify.road import changes_hands, delivered, ready, whole
from tests.verify.story import Story, texts


class TestReactions:
    """What one service says reaches those who act on it."""

    @pytest.mark.parametrize(
        ("topic", "type_", "before"),
        [
            ("delivery.events", "DeliveryStarted", "PreparationFinished"),
            ("matcher.events", "DriverRequested", "DeliveryStarted"),
            ("restaurant.events", "AdmissionGranted", "OrderCreated"),
            ("order.events", "OrderAdmitted", "AdmissionGranted"),
            ("restaurant.events", "AdmissionRefused", "OrderCreated"),
            ("delivery.events", "DriverUnassigned", "DeliveryGivenUp"),
            ("order.events", "DriverLost", "DriverUnassigned"),
            ("delivery.events", "DeliveryFailed", "DropoffFailed"),
            ("delivery.events", "DeliveryReturned", "GoodsReturned"),
            ("matcher.events", "OfferConfirmed", "DeliveryAccepted"),
            ("delivery.events", "DriverAssigned", "DeliveryAccepted"),
            ("order.events", "DriverFound", "DriverAssigned"),
            ("delivery.events", "DeliveryPickedUp", "GoodsPickedUp"),
            ("order.events", "OrderPickedUp", "DeliveryPickedUp"),
            ("delivery.events", "DeliveryCompleted", "GoodsDroppedOff"),
            ("order.events", "OrderDelivered", "DeliveryCompleted"),
            ("matcher.commands", "RegisterDriver", "DriverBecameAvailable"),
            ("delivery.commands", "TrackDriver", "DriverLocated"),
            ("order.commands", "RecordEta", "DeliveryEtaChanged"),
        ],
    )
    def test_a_reaction_that_was_dropped(self, topic: str, type_: str, before: str) -> None:
        """Each is missed by the event before it, once it is settled."""
        story = whole()
        story.drop(story.find(topic, type_))
        assert f"{before} " in texts(story.judged(check_reactions))
        assert texts(check_reactions(story.evidence(age=-timedelta(minutes=1)))) == ""

    @pytest.mark.parametrize(
        ("topic", "type_", "before"),
        [
            ("matcher.commands", "CancelRequest", "DeliveryCancelled"),
            ("driver.commands", "WithdrawOffer", "RequestCancelled"),
            ("matcher.events", "OfferDeclined", "DeliveryDeclined"),
            ("delivery.events", "DeliveryCancelled", "OrderCancelled"),
            ("driver.commands", "ReleaseDriver", "DeliveryCancelling"),
            ("delivery.commands", "ConfirmRelease", "DriverReleased"),
            ("delivery.events", "DriverDismissed", "DeliveryAccepted"),
            ("driver.commands", "RecallGoods", "DeliveryRecalled"),
            ("delivery.commands", "ReportSilence", "DriverFellSilent"),
            ("delivery.commands", "ReportWrongCodes", "CodeRefused"),
            ("driver.commands", "LiftCode", "CodeWaived"),
        ],
    )
    def test_a_detour_that_was_dropped(self, topic: str, type_: str, before: str) -> None:
        """What does not go straight to the door is told as well."""
        story = detours()
        story.drop(story.find(topic, type_))
        assert f"{before} " in texts(story.judged(check_reactions))

    def test_an_offer_that_was_dropped(self) -> None:
        """The twin never heard of it, and the delivery waits for it for ever."""
        story = Story()
        ready(story, "r-1").offered("driver-1")
        story.drop(story.find("driver.events", "DeliveryOffered"))
        found = texts(story.judged(check_reactions))
        assert "driver-1 has no DeliveryOffered or DeliveryDeclined in driver.events" in found

    def test_a_second_search_that_was_dropped(self) -> None:
        """The first one is no answer: the delivery has lost its driver since."""
        for topic, type_, before in (
            ("matcher.events", "DriverRequested", "DriverUnassigned"),
            ("delivery.events", "DriverAssigned", "DeliveryAccepted"),
            ("order.events", "DriverFound", "DriverAssigned"),
            ("matcher.events", "OfferConfirmed", "DeliveryAccepted"),
        ):
            story = Story()
            changes_hands(story, "r-1")
            story.drop(story.find(topic, type_, 1))
            assert f"{before} " in texts(story.judged(check_reactions))

    def test_a_reaction_that_was_refused_is_a_note(self) -> None:
        """A refusal is an answer."""
        story = whole()
        story.drop(story.find("order.events", "OrderDelivered"))
        story.refuse(story.find("order.commands", "RecordDropoff"))
        verdict = story.judged(check_reactions)
        assert texts(verdict) == ""
        assert "refused" in verdict.notes[0].text


class TestOutcomes:
    """What the outside world and the clock did is told in the log."""

    def test_a_charge_that_is_not_told(self) -> None:
        """The provider has charged, and the order still waits."""
        story = Story()
        charge(story, created(story, "r-1"))
        assert "a succeeded charge" in texts(story.judged(check_outcomes))
        assert texts(check_outcomes(story.evidence(age=timedelta(seconds=59)))) == ""

    def test_a_due_time_that_passed(self) -> None:
        """A timer that never fired."""
        story = Story()
        paid_and_due(story, "r-1")
        story.drop(story.find("order.events", "PreparationDue"))
        assert "the due time" in texts(story.judged(check_outcomes))

    def test_tickets_and_refunds_that_are_not_told(self) -> None:
        """Each has its event."""
        story = whole()
        for type_ in ("PreparationStarted", "PreparationFinished"):
            story.drop(story.find("order.events", type_))
        story.drop(story.find("order.events", "PaymentRefunded"))
        found = texts(story.judged(check_outcomes))
        assert "a ticket, accepted," in found
        assert "a refund" in found

    def test_a_ticket_whose_refusal_was_undone(self) -> None:
        """A refusal that was taken back tells nothing of a ticket that is cooked."""
        story = Story()
        cooked(story, "r-1")
        for type_ in ("PreparationStarted", "PreparationFinished"):
            story.drop(story.find("order.events", type_))
        assert "a ticket, accepted," in texts(story.judged(check_outcomes))
        story.drop(story.find("order.events", "RefusalUndone"))
        assert "a ticket, accepted," not in texts(story.judged(check_outcomes))

    def test_one_refund_does_not_tell_of_another(self) -> None:
        """Each has its own event, also one that was refused; a void has its own as well."""
        for type_ in ("RefundRefused", "PaymentRefunded"):
            story = Story()
            refunded(story, delivered(story, "r-1"))
            story.drop(story.find("order.events", type_))
            assert f"has no {type_}" in texts(story.judged(check_outcomes))
        story = Story()
        voided(story, "r-1")
        story.drop(story.find("order.events", "PaymentVoided"))
        assert "a void of" in texts(story.judged(check_outcomes))

    def test_a_restaurant_that_never_answers(self) -> None:
        """The clock answers for it, and ends a refusal that nobody takes back."""
        story = Story()
        order_id = paid_and_due(story, "r-1")
        assert "the time to accept it" in texts(story.judged(check_outcomes))
        refused(story, order_id)
        assert "the end of a refusal" in texts(story.judged(check_outcomes))

    def test_an_offer_that_nobody_answers(self) -> None:
        """Its time is over, and the driver is held by it for ever."""
        story = Story()
        ready(story, "r-1").offered("driver-1")
        assert "its offer of" in texts(story.judged(check_outcomes))
        assert "its offer of" not in texts(
            check_outcomes(story.evidence(age=timedelta(seconds=89)))
        )

    def test_a_status_that_lasts_too_long(self) -> None:
        """A restaurant that was to open again, and did not."""
        story = Story()
        told = {"restaurant_id": "grill", "status": "PAUSED", "busy_seconds": 0}
        until = {"until": story.now.isoformat()}
        story.step("restaurant", "Set", "RestaurantStatusChanged", {**told, **until})
        assert "it is PAUSED, which ended at" in texts(story.judged(check_outcomes))
        open_again = {**told, "status": "OPEN", "until": None}
        story.step("restaurant", "Resume", "RestaurantStatusChanged", open_again)
        assert texts(story.judged(check_outcomes)) == ""

    def test_an_order_that_says_that_it_waits(self) -> None:
        """A provider that is down is no violation."""
        story = Story()
        order_id = created(story, "r-1")
        charge(story, order_id)
        told = {"order_id": order_id, "attempts": 5, "error": "no answer"}
        story.step("order", "ReportPaymentDelay", "PaymentDelayed", told)
        verdict = story.judged(check_outcomes)
        assert texts(verdict) == ""
        assert len(verdict.notes) == 1
