"""Invariants of drivers that the industry has seen broken, through the whole world in memory."""

import pytest

from services.common.messages.delivery import ConfirmDropoff, ReassignDelivery
from services.common.messages.driver import (
    AcceptOffer,
    DeliveryAccepted,
    DriverStatus,
    GoodsDroppedOff,
    GoodsPickedUp,
    ReportDropoff,
    ReportPickup,
)
from services.common.messages.order import (
    RecordDropoff,
)
from services.delivery.domain import DeliveryStatus
from services.order.domain import OrderStatus, PaymentStatus
from tests.process.story import Story
from tests.process.world import PARTITIONS


def test_a_dropoff_after_a_cancellation_takes_no_money() -> None:
    """The driver hands over goods of a cancelled order: the order stays so, all is given back."""
    story = Story()
    story.until_picked_up()
    # The drop-off is decided before the recall reaches the twin.
    story.players.operators.cancel(0)
    story.players.phones.work(0)
    for number in range(PARTITIONS):
        while story.world.decide_next("order", number):
            pass
        while story.world.decide_next("driver", number):
            pass
    story.settle()
    assert story.order.status is OrderStatus.CANCELLED
    assert story.delivery.status is DeliveryStatus.DELIVERED
    story.finish()
    assert story.order.payment is PaymentStatus.REFUNDED
    assert story.kept_cents == 0


def test_one_live_driver_per_delivery() -> None:
    """Only who is asked may accept, and who was taken off brings it no more."""
    story = Story(driver_count=2)
    story.until_offered()
    delivery_id = story.delivery.delivery_id
    story.do(story.players.phones.announce, number=1)
    story.say("driver", AcceptOffer("driver-1", delivery_id))
    assert story.refusals == ["no_such_offer"]
    story.do(story.players.phones.accept)
    story.say("driver", AcceptOffer("driver-0", delivery_id), AcceptOffer("driver-1", delivery_id))
    assert story.happened(DeliveryAccepted) == 1
    story.say("delivery", ReassignDelivery(delivery_id, "driver-0", "flat tyre"))
    story.do(story.players.phones.accept, number=1)
    assert story.delivery.driver_id == story.order.driver_id == "driver-1"
    assert story.driver(0).status is DriverStatus.UNAVAILABLE
    story.say("driver", ReportPickup("driver-0", delivery_id))
    assert story.refusals[-1] == "not_assigned"


def test_assignment_counts_once_and_pickup_comes_before_dropoff() -> None:
    """An acceptance that comes again is nothing; goods that were not fetched can't be dropped."""
    story = Story()
    story.until_assigned()
    delivery_id = story.delivery.delivery_id
    story.say(
        "driver", AcceptOffer("driver-0", delivery_id), ReportDropoff("driver-0", delivery_id)
    )
    assert story.happened(DeliveryAccepted) == 1
    assert story.refusals == ["not_picked_up"]
    assert story.happened(GoodsDroppedOff) == 0
    pickup, dropoff = ReportPickup("driver-0", delivery_id), ReportDropoff("driver-0", delivery_id)
    story.say("driver", pickup, pickup, dropoff, pickup, dropoff)
    assert (story.happened(GoodsPickedUp), story.happened(GoodsDroppedOff)) == (1, 1)
    assert story.order.status is OrderStatus.DELIVERED


@pytest.mark.parametrize("is_driver_first", [True, False])
def test_who_waits_and_who_is_free_meet(is_driver_first: bool) -> None:
    """Whoever comes first; who rejects is not asked again, and the next one is."""
    story = Story(driver_count=2)
    phones = story.players.phones
    if is_driver_first:
        story.do(phones.announce)
        story.until_cooked()
    else:
        story.until_cooked()
        story.do(phones.announce)
    assert story.driver(0).offer is not None
    story.do(phones.reject)
    assert story.driver(0).status is DriverStatus.AVAILABLE
    assert story.driver(0).offer is None
    story.do(phones.announce, number=1)
    assert story.driver(1).offer is not None
    story.pass_seconds(31)
    assert story.driver(1).status is DriverStatus.UNAVAILABLE
    assert story.delivery.status is DeliveryStatus.WAITING_FOR_DRIVER
    story.do(phones.announce, phones.accept, number=1)
    assert story.order.driver_id == "driver-1"


def test_a_dropoff_without_a_driver_is_refused_and_told() -> None:
    """Who has no such delivery drops nothing off, on either side of the log."""
    story = Story()
    story.until_cooked()
    story.do(story.players.phones.announce, story.players.phones.rest)
    delivery_id = story.delivery.delivery_id
    story.say("driver", ReportDropoff("driver-0", delivery_id))
    story.say("delivery", ConfirmDropoff(delivery_id, "driver-0"))
    story.say("order", RecordDropoff(story.order.order_id))
    assert sorted(story.refusals) == ["impossible_now", "not_assigned", "not_its_driver"]
    assert story.order.status is OrderStatus.SCHEDULING_DELIVERY
