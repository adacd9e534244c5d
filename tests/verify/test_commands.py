"""The rules about commands and their answers name each kind of breakage."""

from datetime import timedelta

from infra.verify.rules.commands import check_answers, check_commands
from tests.verify.kitchen import created
from tests.verify.road import whole
from tests.verify.story import Story, texts


class TestCommands:
    """One accepted command is one event."""

    def test_two_events_of_a_command(self) -> None:
        """A command that was decided twice."""
        story = whole()
        event = story.find("order.events", "OrderDelivered")
        story.repeat(event, version=event["version"] + 1)
        assert "second event of command" in texts(story.judged(check_commands))

    def test_an_event_without_a_command(self) -> None:
        """An event out of nowhere."""
        story = whole()
        story.drop(story.find("order.commands", "RecordDropoff"))
        assert "which is not in the log" in texts(story.judged(check_commands))

    def test_refused_and_accepted_is_a_note(self) -> None:
        """Decision 001: a refused command may be followed by an event after a crash."""
        story = whole()
        story.refuse(story.find("order.commands", "RecordDropoff"))
        verdict = story.judged(check_commands)
        assert texts(verdict) == ""
        assert "also refused" in verdict.notes[0].text


class TestAnswers:
    """Every command has its event, its rejection or its dead letter."""

    def test_a_command_that_was_lost(self) -> None:
        """What an early commit and a crash leave of a payment."""
        story = Story()
        order_id = created(story, "r-1")
        command = story.command(
            "order", "ConfirmPayment", {"order_id": order_id, "charge_id": "ch"}
        )
        verdict = story.judged(check_answers)
        assert "ConfirmPayment has no event" in texts(verdict)
        assert verdict.violations[0].place == command.place
        story.refuse(command)
        assert texts(story.judged(check_answers)) == ""

    def test_a_repeat_needs_no_answer(self) -> None:
        """The same report a second time."""
        story = whole()
        ready = story.find("order.commands", "FinishPreparation")
        story.command("order", "FinishPreparation", {"order_id": ready["order_id"]})
        assert texts(story.judged(check_answers)) == ""

    def test_a_lost_offer(self) -> None:
        """An offer that the driver's twin never answered."""
        story = whole()
        story.drop(story.find("driver.events", "DeliveryOffered"))
        assert "OfferDelivery has no event" in texts(story.judged(check_answers))

    def test_an_admission_that_was_lost(self) -> None:
        """A restaurant that never answered an order."""
        story = whole()
        story.drop(story.find("restaurant.events", "AdmissionGranted"))
        assert "AdmitOrder has no event" in texts(story.judged(check_answers))

    def test_one_refund_is_not_another(self) -> None:
        """A second refund that was lost is no repeat of the first."""
        story = whole()
        order_id = story.find("order.events", "RefundRequested")["order_id"]
        for name in ("cold", "late"):
            asked = {"order_id": order_id, "refund": name, "reason": "it was cold"}
            story.command("order", "RequestRefund", asked)
        [violation] = story.judged(check_answers).violations
        assert violation.place == story.find("order.commands", "RequestRefund", -1).place

    def test_a_bad_record_without_a_dead_letter(self) -> None:
        """A record that can't be taken is put aside, never passed over."""
        story = whole()
        bad = story.record("delivery.commands", "x", {"type": "Nothing"})
        assert "has no dead letter" in texts(story.judged(check_answers))
        story.put_aside(bad)
        assert texts(story.judged(check_answers)) == ""

    def test_a_young_command_has_time(self) -> None:
        """What was sent a moment ago may still be on its way."""
        story = Story()
        told = {"order_id": created(story, "r-1"), "charge_id": "ch"}
        story.command("order", "ConfirmPayment", told)
        assert texts(check_answers(story.evidence(age=timedelta(seconds=9)))) == ""
