"""The rule about drivers names each kind of breakage."""

from typing import Any

import pytest

from infra.verify.rules.drivers import check_drivers
from tests.verify.road import (
    WAY,
    changes_hands,
    delivered,
    goes_back,
    on_the_road,
    ready,
    whole,
)
from tests.verify.story import HERE, REGION, Story, texts


class TestDrivers:
    """One live driver per delivery, one live delivery per driver."""

    def test_a_driver_of_two_deliveries(self) -> None:
        """A driver takes a second one before the first is done."""
        story = whole()
        for type_ in ("GoodsPickedUp", "GoodsDroppedOff"):
            story.drop(story.find("driver.events", type_))
        delivered(story, "r-9", "driver-1")
        found = texts(story.judged(check_drivers))
        assert "DriverBecameAvailable while on" in found
        assert "takes" in found

    def test_a_delivery_of_two_drivers(self) -> None:
        """Two twins take the same delivery."""
        story = whole()
        first = story.find("driver.events", "DeliveryAccepted")
        second = story.find("driver.events", "DeliveryAccepted", 1)
        story.change(second, delivery_id=first["delivery_id"])
        assert f"which driver-1 took at {first.place}" in texts(story.judged(check_drivers))

    def test_a_delivery_that_changes_hands(self) -> None:
        """A second driver is assigned, and delivers."""
        story = whole()
        story.change(story.find("delivery.events", "DeliveryCompleted"), driver_id="driver-9")
        found = texts(story.judged(check_drivers))
        assert "DeliveryCompleted by driver-9, but driver-1 drives it" in found

    def test_a_drop_off_before_the_pickup(self) -> None:
        """In the driver's log, and in the delivery's."""
        story = whole()
        story.drop(story.find("driver.events", "GoodsPickedUp"))
        story.drop(story.find("delivery.events", "DeliveryPickedUp"))
        found = texts(story.judged(check_drivers))
        assert "drops off" in found
        assert "DeliveryCompleted while it is DRIVER_ASSIGNED" in found

    def test_services_that_disagree(self) -> None:
        """An order, a delivery or a region that names another driver than the one who took it."""
        for topic, type_ in (
            ("order.events", "DriverFound"),
            ("delivery.events", "DriverAssigned"),
            ("matcher.events", "OfferConfirmed"),
        ):
            story = whole()
            story.change(story.find(topic, type_), driver_id="driver-9")
            found = texts(story.judged(check_drivers))
            assert f"{type_} names driver-9, but driver-1 took the delivery" in found

    def test_two_open_offers(self) -> None:
        """A delivery, and a driver, that is offered twice at a time."""
        story = whole()
        registered = story.find("matcher.events", "DriverRegistered", 1)
        [offer] = registered["offers"]
        other_driver = {**offer, "driver": {**offer["driver"], "driver_id": "driver-9"}}
        other_delivery = {**offer, "delivery": {**offer["delivery"], "delivery_id": "d-9"}}
        for other, text in (
            (other_driver, "is offered to driver-9 and to driver-2"),
            (other_delivery, "driver-2 is offered d-9 while another offer is open"),
        ):
            registered = story.change(registered, offers=[offer, other])
            assert text in texts(story.judged(check_drivers))

    def test_a_delivery_of_another_order(self) -> None:
        """A delivery's id derives from its order's."""
        story = whole()
        story.change(story.find("delivery.events", "DeliveryStarted"), order_id="other")
        assert "not the delivery of its order" in texts(story.judged(check_drivers))

    def test_a_driver_who_is_offered_what_it_did_not_want(self) -> None:
        """By its region, or by its twin."""
        story = Story()
        trip = ready(story, "r-1")
        trip.accepted("driver-1")
        trip.given_up("driver-1")
        trip.offered("driver-1", ["driver-1"])
        found = texts(story.judged(check_drivers))
        assert "who does not want it" in found
        assert "which it did not want" in found

    def test_a_delivery_that_is_assigned_to_who_gave_it_up(self) -> None:
        """Its own log knows who wants no more of it."""
        story = Story()
        changes_hands(story, "r-1")
        lost = story.find("delivery.events", "DriverUnassigned")
        story.change(lost, excluded=["driver-3", "driver-4"])
        assert "driver-4 is assigned, who wants no more" in texts(story.judged(check_drivers))

    def test_an_offer_that_had_ended(self) -> None:
        """What is taken was offered, and is still."""
        story = Story()
        delivered(story, "r-1")
        offered = story.find("driver.events", "DeliveryOffered")
        story.change(offered, expires_at=offered["occurred_at"])
        assert "after its offer ended" in texts(story.judged(check_drivers))
        story.drop(story.find("driver.events", "DeliveryOffered"))
        assert "DeliveryAccepted of" in texts(story.judged(check_drivers))

    def test_an_offer_that_no_region_has_made(self) -> None:
        """The twin is asked out of nowhere."""
        story = Story()
        ready(story, "r-1").offered("driver-1")
        story.change(story.find("matcher.events", "DriverRegistered"), offers=[])
        assert "which no region has offered it" in texts(story.judged(check_drivers))

    def test_who_waits_for_each_other_meets(self) -> None:
        """A free driver and a waiting delivery, and nothing is offered."""
        story = Story()
        ready(story, "r-1").offered("driver-1")
        story.change(story.find("matcher.events", "DriverRegistered"), offers=[])
        assert "and driver-1 wait for each other" in texts(story.judged(check_drivers))

    def test_an_offer_of_what_does_not_wait(self) -> None:
        """A delivery that was cancelled, or a driver who is gone."""
        story = Story()
        trip = ready(story, "r-1")
        told = {"region": REGION, "delivery_id": trip.delivery_id, "driver_id": None}
        story.step("matcher", "CancelRequest", "RequestCancelled", told)
        trip.offered("driver-1")
        assert "is offered to driver-1, and does not wait" in texts(story.judged(check_drivers))
        story.step("matcher", "CancelRequest", "RequestCancelled", {**told, "delivery_id": "d-9"})
        assert "the request of d-9 is cancelled, which" in texts(story.judged(check_drivers))

    def test_a_second_offer_of_a_driver(self) -> None:
        """A twin has one offer at a time, and answers it before it leaves."""
        story = Story()
        ready(story, "r-1").offered("driver-1")
        ready(story, "r-2").offered("driver-1")
        found = texts(story.judged(check_drivers))
        assert "DriverBecameAvailable while it is offered" in found
        assert "while another offer is open" in found

    def test_a_driver_off_duty_is_offered_nothing(self) -> None:
        """It has said that it takes no work."""
        story = Story()
        trip = ready(story, "r-1")
        trip.offered("driver-1")
        gone = story.find("driver.events", "DriverBecameAvailable")
        story.change(gone, type="DriverBecameUnavailable")
        assert "while it takes no work" in texts(story.judged(check_drivers))

    @pytest.mark.parametrize(
        ("type_", "told", "text"),
        [
            ("GoodsReturned", {}, "returns"),
            ("DropoffFailed", {"reason": "no"}, ""),
            ("ReturnOrdered", {"reason": "no"}, ""),
            ("DeliveryGivenUp", {"reason": "no", "region": REGION}, "gives up"),
            ("GoodsPickedUp", {}, "picks up"),
            ("SilenceSuspected", {}, ""),
            ("DriverFellSilent", {"region": REGION, "has_goods": True}, "without being suspected"),
            ("DriverFellSilent", {"region": REGION, "has_goods": False}, "falls silent on"),
        ],
    )
    def test_what_a_driver_with_goods_can_do(
        self, type_: str, told: dict[str, Any], text: str
    ) -> None:
        """It hands them over, fails to, or is called back; it neither leaves nor drops them."""
        story = Story()
        trip = on_the_road(story, "r-1")
        trip.step("driver", "Command", type_, driver_id="driver-1", **told)
        found = "\n".join(
            line for line in texts(story.judged(check_drivers)).split("\n") if "driver/" in line
        )
        assert text in found
        assert bool(text) == bool(found)

    def test_goods_that_go_back_are_not_dropped_off(self) -> None:
        """A driver who was called back goes back."""
        story = Story()
        trip = on_the_road(story, "r-1")
        trip.failed("driver-1")
        trip.step("driver", "ReportDropoff", "GoodsDroppedOff", driver_id="driver-1")
        trip.step("delivery", "ConfirmDropoff", "DeliveryCompleted", driver_id="driver-1")
        found = texts(story.judged(check_drivers))
        assert "drops off" in found
        assert "DeliveryCompleted after its driver had failed" in found

    def test_a_driver_who_was_heard_is_not_silent(self) -> None:
        """What came from the phone has ended the suspicion."""
        story = Story()
        trip = ready(story, "r-1")
        trip.accepted("driver-1")
        story.step("driver", "CheckSilence", "SilenceSuspected", {"driver_id": "driver-1"})
        trip.located("driver-1")
        told = {"driver_id": "driver-1", "region": REGION, "has_goods": False}
        silent = trip.step("driver", "ConfirmSilence", "DriverFellSilent", **told)
        trip.unassigned(silent, "driver-1")
        assert "without being suspected" in texts(story.judged(check_drivers))

    def test_a_snapshot_that_differs(self) -> None:
        """Of the offer, and of what becomes of the goods."""
        story = Story()
        trip = goes_back(story, "r-1")
        now = story.now.isoformat()
        work = {**trip.ids, **WAY, "region": REGION}
        told: dict[str, Any] = {
            "driver_id": "driver-5",
            "status": "ON_DELIVERY",
            "region": REGION,
            "location": HERE,
            "located_at": None,
            "heard_at": now,
            "suspected_at": None,
            "is_silent": False,
            "offer": {**work, "delivery_id": "d-9", "code": None, "expires_at": now},
            "delivery": {**work, "picked_up": True, "returning": True},
            "last_delivery_id": None,
            "rejected": [],
            "sources": {},
        }
        story.step("driver", "TakeDriverSnapshot", "DriverSnapshotted", told)
        found = texts(story.judged(check_drivers))
        assert "(returning), not None" in found
        assert "its snapshot has the offer d-9, not None" in found
