"""The rule about drivers names each kind of breakage in the log of a delivery."""

from typing import Any

import pytest

from infra.verify.rules.drivers import check_drivers
from tests.verify.road import CODE, WAY, Trip, on_the_road, ready
from tests.verify.story import LATER, REGION, Story, texts


class TestDeliveries:
    """A delivery has one driver, and ends once."""

    def _trip(self) -> Trip:
        return on_the_road(Story(), "r-1", code=CODE)

    @pytest.mark.parametrize(
        ("type_", "told", "text"),
        [
            ("DriverAssigned", {"eta_at": "2030-01-01T00:00:00Z"}, "DriverAssigned while it is"),
            ("DriverDismissed", {"reason": "no"}, "driver-1 is dismissed, who drives it"),
            ("DriverUnassigned", {"is_taken_off": False}, "is unassigned, who has the goods"),
            ("DeliveryCancelling", {"reason": "no"}, "DeliveryCancelling while it is PICKED_UP"),
            ("DeliveryCancelled", {"reason": "no"}, "DeliveryCancelled while it is PICKED_UP"),
            ("DeliveryReturned", {}, "DeliveryReturned while it is PICKED_UP"),
            ("DeliveryWrittenOff", {"reason": "no"}, "DeliveryWrittenOff while it is PICKED_UP"),
            ("DeliveryPickedUp", {}, "DeliveryPickedUp while it is PICKED_UP"),
            ("DeliveryFlagged", {"flag": "no_driver"}, "flagged no_driver while it is PICKED_UP"),
        ],
    )
    def test_what_a_delivery_on_the_road_cannot_do(
        self, type_: str, told: dict[str, Any], text: str
    ) -> None:
        """Its goods are on board: they are handed over, or go back first."""
        trip = self._trip()
        others = {
            **WAY,
            "driver_id": "driver-1",
            "region": REGION,
            "code": CODE,
            "since": trip.story.now.isoformat(),
            "excluded": [],
            "reason": "no",
        }
        event = trip.step("delivery", "Command", type_, **{**others, **told})
        assert text in texts(trip.story.judged(check_drivers)), event

    def test_a_flag_that_is_told_twice(self) -> None:
        """Once is enough, and not before the time that it counts from."""
        trip = self._trip()
        for since in (trip.story.now, trip.story.now, trip.story.now + LATER):
            told = {"flag": "dropoff_late", "since": since.isoformat()}
            trip.step("delivery", "CheckDeliveryDeadline", "DeliveryFlagged", **told)
        found = texts(trip.story.judged(check_drivers))
        assert found.count("twice") == 1
        assert found.count("before its time") == 1

    def test_a_recalled_delivery_may_arrive_all_the_same(self) -> None:
        """The customer has the goods: it is the truth."""
        trip = self._trip()
        why = {"driver_id": "driver-1", "reason": "late"}
        trip.step("delivery", "CancelDelivery", "DeliveryRecalled", **why)
        trip.step("driver", "ReportDropoff", "GoodsDroppedOff", driver_id="driver-1")
        trip.step("delivery", "ConfirmDropoff", "DeliveryCompleted", driver_id="driver-1")
        assert texts(trip.story.judged(check_drivers)) == ""

    def test_a_driver_who_was_taken_off_may_know_it_late(self) -> None:
        """The next one may take the delivery before the first one's twin is told."""
        trip = ready(Story(), "r-1")
        trip.accepted("driver-1")
        trip.unassigned(None, "driver-1")
        trip.accepted("driver-2", ["driver-1"])
        found = texts(trip.story.judged(check_drivers))
        assert "driver/driver-1: is still on" in found
        released = {"driver_id": "driver-1", "reason": "flat tyre"}
        trip.step("driver", "ReleaseDriver", "DriverReleased", **released)
        assert texts(trip.story.judged(check_drivers)) == ""

    def test_a_delivery_whose_driver_has_left(self) -> None:
        """The twin rests, and the delivery waits for it for ever."""
        trip = self._trip()
        trip.story.drop(trip.story.find("driver.events", "GoodsPickedUp"))
        why = {"driver_id": "driver-1", "region": REGION, "reason": "flat tyre"}
        trip.step("driver", "GiveUpDelivery", "DeliveryGivenUp", **why)
        found = texts(trip.story.judged(check_drivers))
        assert "driver-1 is to drive it, and is on None" in found
