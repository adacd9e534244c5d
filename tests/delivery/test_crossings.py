"""What crosses on its way: the driver does one thing while somebody decides another."""

from typing import Any

import pytest

from services.common.messages.delivery import (
    AssignDriver,
    ConfirmDropoff,
    ConfirmRelease,
    DeliveryCompleted,
    DriverDismissed,
    DriverUnassigned,
    ReassignDelivery,
    ReportSilence,
)
from services.common.messages.driver import (
    AcceptOffer,
    DriverStatus,
    ReportPickup,
    ReportReturn,
    SetAvailability,
)
from services.common.values import GeoPoint
from services.delivery.domain import DeliveryStatus
from tests.delivery.past import (
    AWAY,
    CODE,
    DROPOFF,
    PICKUP,
    SITUATIONS,
    delivery,
)
from tests.given import Given
from tests.process.story import Story

HERE = GeoPoint(37.3, -121.9)


def taken_off() -> Given[Any, Any, Any]:
    """The delivery was taken from its driver, who has the goods."""
    return delivery("driven").when(ReassignDelivery("d", "driver-1", "broken down")).accepted()


def test_goods_that_were_handed_over_need_no_other_driver() -> None:
    """The driver had not heard yet that it was taken off; its region is told to seek no more."""
    done = (
        taken_off()
        .when(ConfirmDropoff("d", "driver-1"))
        .then(DeliveryCompleted("d", "o", "driver-1", "north"))
    )
    assert done.state.status is DeliveryStatus.DELIVERED
    assert (done.state.driver_id, done.state.taken_off) == ("driver-1", None)
    late = done.when(AssignDriver("d", "driver-2", AWAY))
    late.then(DriverDismissed("d", "o", "driver-2", "delivered"))
    done.when(ConfirmRelease("d", "driver-1")).nothing()


def test_only_who_was_taken_off_with_the_goods_has_handed_them_over() -> None:
    """And only as long as nobody else comes for them."""
    waits = taken_off()
    waits.when(ConfirmDropoff("d", "driver-2")).rejected("not_its_driver")
    comes = waits.when(AssignDriver("d", "driver-2", AWAY)).accepted()
    comes.when(ConfirmDropoff("d", "driver-1")).rejected("not_its_driver")
    before = delivery("assigned").when(ReassignDelivery("d", "driver-1", "slow")).accepted()
    before.when(ConfirmDropoff("d", "driver-1")).rejected("not_its_driver")


@pytest.mark.parametrize(("situation", "has_goods"), [("assigned", False), ("driven", True)])
def test_goods_are_left_only_where_they_are_known_to_be(situation: str, has_goods: bool) -> None:
    event = delivery(situation).when(ReassignDelivery("d", "driver-1", "slow")).result
    assert isinstance(event, DriverUnassigned)
    assert event.is_taken_off
    assert event.has_goods == has_goods


def test_a_driver_that_was_released_by_mistake_leaves_the_delivery_to_the_next_one() -> None:
    """Else the delivery would wait for a driver who knows nothing of it."""
    waits = (
        delivery("assigned")
        .when(ConfirmRelease("d", "driver-1"))
        .then(
            DriverUnassigned(
                "d", "o", "driver-1", "north", PICKUP, DROPOFF, CODE, (), "released", False
            )
        )
    )
    assert waits.state.status is DeliveryStatus.WAITING_FOR_DRIVER


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("name", ["driver-1", "driver-2"])
def test_who_takes_a_delivery_is_its_driver_or_is_told_that_it_is_not(
    situation: str, name: str
) -> None:
    """In every situation, so that no twin works on what is nobody's; also who had it before."""
    story = delivery(situation)
    outcome = story.when(AssignDriver("d", name, AWAY))
    if outcome.result is None:
        assert story.state.driver_id == name
        assert story.state.status not in ("DELIVERED", "RETURNED", "CANCELLED", "WRITTEN_OFF")
    else:
        assert outcome.accepted().state.driver_id == name or isinstance(
            outcome.result, DriverDismissed
        )


def test_a_vanished_driver_of_nobodys_goods_is_dismissed_once_more() -> None:
    """Nobody could write off what it has on board: its twin would work for ever."""
    silence = ReportSilence("d", "driver-2")
    delivery("driven").when(silence).then(DriverDismissed("d", "o", "driver-2", "has_a_driver"))
    delivery("cancelled").when(silence).then(DriverDismissed("d", "o", "driver-2", "cancelled"))


def test_goods_that_were_picked_up_as_the_driver_was_taken_off_come_back() -> None:
    """Through the whole world: nobody knew that they were on board, so they are not left anywhere.

    The next driver finds them where it looks for them.
    """
    story = Story(driver_count=2)
    story.until_assigned()
    name = story.delivery.delivery_id
    story.world.say("driver", ReportPickup("driver-0", name))
    story.world.say("delivery", ReassignDelivery(name, "driver-0", "stands still"))
    story.world.decide_next("delivery", 0)
    story.world.decide_next("delivery", 1)
    story.settle()
    work = story.driver(0).delivery
    assert work is not None
    assert work.returning
    assert story.delivery.pickup == work.pickup
    story.say("driver", ReportReturn("driver-0", name))
    assert story.driver(0).status is DriverStatus.UNAVAILABLE
    story.say("driver", SetAvailability("driver-1", True, "north", HERE))
    story.say("driver", AcceptOffer("driver-1", name))
    story.finish()
    assert story.delivery.status is DeliveryStatus.DELIVERED
    assert story.delivery.driver_id == "driver-1"


def test_a_driver_that_vanishes_with_goods_that_are_not_its_own_is_let_go() -> None:
    """Through the whole world: it is taken off as it picks up, and is never heard again."""
    story = Story()
    story.until_assigned()
    name = story.delivery.delivery_id
    story.world.say("driver", ReportPickup("driver-0", name))
    story.world.say("delivery", ReassignDelivery(name, "driver-0", "stands still"))
    story.world.decide_next("delivery", 0)
    story.world.decide_next("delivery", 1)
    story.settle()
    assert story.driver(0).delivery is not None
    story.pass_seconds(1_000)
    assert story.driver(0).status is DriverStatus.UNAVAILABLE
    assert story.driver(0).delivery is None
