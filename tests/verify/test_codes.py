"""The rules about codes and about goods that come back name each kind of breakage."""

from infra.verify.rules.codes import check_codes
from infra.verify.rules.returns import check_returns
from tests.verify.road import CODE, Trip, changes_hands, goes_back, on_the_road, whole
from tests.verify.story import REGION, Story, texts


class TestCodes:
    """Goods with a code are handed over to who names it."""

    def _trip(self) -> Trip:
        return on_the_road(Story(), "r-1", code=CODE)

    def test_goods_for_a_wrong_code(self) -> None:
        """The driver hands them over to somebody else."""
        trip = self._trip()
        trip.dropped_off("driver-1")
        story = trip.story
        story.change(story.find("driver.commands", "ReportDropoff"), code="9999")
        assert "who has not named the code" in texts(story.judged(check_codes))

    def test_goods_after_too_many_guesses(self) -> None:
        """No more codes are taken, and the goods are handed over."""
        trip = self._trip()
        trip.wrong_code("driver-1", 1, is_locked=True)
        trip.wrong_code("driver-1", 2)
        assert "wrong code 2 is taken, after no more" in texts(trip.story.judged(check_codes))
        trip = self._trip()
        trip.wrong_code("driver-1", 1, is_locked=True)
        trip.dropped_off("driver-1")
        assert "handed over after 1 wrong codes" in texts(trip.story.judged(check_codes))

    def test_more_guesses_than_any_deployment_takes(self) -> None:
        """However it is set, ten are the most; and none is counted twice or left out."""
        trip = self._trip()
        for count in range(1, 12):
            trip.wrong_code("driver-1", count)
        found = texts(trip.story.judged(check_codes))
        assert found.count("is taken, after no more are") == 1
        trip.wrong_code("driver-1", 13)
        assert "wrong code 13 follows on 11" in texts(trip.story.judged(check_codes))

    def test_a_lifted_code(self) -> None:
        """An operator has the goods handed over without one, and no code is refused any more."""
        trip = self._trip()
        trip.wrong_code("driver-1", 1, is_locked=True)
        lifted = {"driver_id": "driver-1"}
        trip.step("driver", "LiftCode", "CodeLifted", **lifted)
        trip.dropped_off("driver-1")
        story = trip.story
        story.change(story.find("driver.commands", "ReportDropoff", -1), code=None)
        assert texts(story.judged(check_codes)) == ""
        trip.wrong_code("driver-1", 1)
        assert "refused where none is needed" in texts(story.judged(check_codes))

    def test_a_code_that_changes_on_its_way(self) -> None:
        """In any log; a code that is gone was waived."""
        for topic, type_ in (
            ("order.events", "PreparationFinished"),
            ("delivery.events", "DeliveryStarted"),
            ("driver.events", "DeliveryOffered"),
            ("driver.events", "DeliveryAccepted"),
        ):
            for code in ("9999", None):
                story = Story()
                trip = changes_hands(story, "r-1")
                story.change(story.find(topic, type_), code=code)
                found = texts(story.judged(check_codes))
                assert f"{type_} has another code than its order" in found
                why = {"driver_id": "driver-4", "reason": "old phone"}
                trip.step("delivery", "WaiveCode", "CodeWaived", **why)
                assert bool(texts(story.judged(check_codes))) is (code is not None)

    def test_a_code_that_was_not_asked_for(self) -> None:
        """The partner asks for one, and it is four digits."""
        story = whole()
        story.change(story.find("order.events", "OrderCreated"), code=CODE)
        assert "it has no code though" in texts(story.judged(check_codes))
        story = Story()
        changes_hands(story, "r-1")
        story.change(story.find("order.events", "OrderCreated"), code="42")
        assert "is not of four digits" in texts(story.judged(check_codes))


class TestReturns:
    """Goods picked up end delivered, returned or written off."""

    def test_goods_that_are_out(self) -> None:
        """They are told, with the age."""
        story = Story()
        on_the_road(story, "r-1")
        verdict = story.judged(check_returns)
        assert texts(verdict) == ""
        assert verdict.notes[0].text == "its goods are out: PICKED_UP for 3600 s"

    def test_a_delivery_that_ends_without_its_goods(self) -> None:
        """Cancelled, as if nobody had picked them up."""
        story = Story()
        goes_back(story, "r-1")
        end = {"type": "DeliveryCancelled", "region": REGION, "reason": "late"}
        story.change(story.find("delivery.events", "DeliveryReturned"), **end)
        assert "it has ended as CANCELLED" in texts(story.judged(check_returns))

    def test_goods_that_go_back_from_an_order_that_goes_on(self) -> None:
        """The customer waits for what is on its way back."""
        story = Story()
        goes_back(story, "r-1")
        story.drop(story.find("order.events", "OrderCancelled"))
        found = texts(story.judged(check_returns))
        assert "its goods go back, but its order is IN_DELIVERY" in found

    def test_an_order_that_arrived_without_its_goods(self) -> None:
        """The restaurant has them back."""
        story = Story()
        goes_back(story, "r-1")
        story.change(story.find("order.events", "OrderCancelled"), type="OrderDelivered")
        assert "but its goods are not" in texts(story.judged(check_returns))

    def test_a_driver_who_leaves_the_goods(self) -> None:
        """It is released while it has them, and nobody has let it go; a taken-off driver may."""
        for is_taken_off in (False, True):
            story = Story()
            trip = on_the_road(story, "r-1")
            if is_taken_off:
                trip.unassigned(None, "driver-1")
            told = {"driver_id": "driver-1", "reason": "late"}
            trip.step("driver", "ReleaseDriver", "DriverReleased", **told)
            found = texts(story.judged(check_returns))
            assert ("are nowhere" in found) is not is_taken_off

    def test_goods_that_are_written_off(self) -> None:
        """An operator has given up on them."""
        story = Story()
        trip = on_the_road(story, "r-1")
        trip.failed("driver-1")
        why = {"driver_id": "driver-1", "reason": "gone"}
        lost = trip.step("delivery", "WriteOffDelivery", "DeliveryWrittenOff", **why)
        trip.step("driver", "ReleaseDriver", "DriverReleased", lost, **why)
        assert texts(story.judged(check_returns)) == ""
