"""The way to the door, as the order hears of it."""

from datetime import timedelta

from services.common.messages.order import (
    CancelledBy,
    OrderCancelled,
    OrderEtaChanged,
    RecordDriver,
)
from services.order.domain import OrderStatus, PaymentStatus
from tests.order.stories import (
    AMOUNT_CENTS,
    COMMANDS,
    DELIVERED,
    DELIVERY_ID,
    ETA_AT,
    FOUND,
    LOST,
    ORDER_ID,
    PICKED_UP,
    order,
)

OTHER = RecordDriver(ORDER_ID, DELIVERY_ID, "driver-2", ETA_AT)


def test_an_order_goes_to_the_door_step_by_step() -> None:
    story = order("cooked").when(COMMANDS["RecordDriver"]).then(FOUND)
    moved = OrderEtaChanged(ORDER_ID, ETA_AT + timedelta(minutes=1))
    story = story.when(COMMANDS["RecordEta"]).then(moved)
    story = story.when(COMMANDS["RecordPickup"]).then(PICKED_UP)
    story = story.when(COMMANDS["RecordDropoff"]).then(DELIVERED)
    assert story.state.status is OrderStatus.DELIVERED
    assert story.state.delivered_at is not None


def test_nothing_is_picked_up_or_delivered_without_a_driver() -> None:
    """Impossible transitions are refused and told."""
    for situation in ("cooking", "cooked", "left"):
        order(situation).when(COMMANDS["RecordPickup"]).rejected("impossible_now")
    for situation in ("cooked", "waiting", "left"):
        order(situation).when(COMMANDS["RecordDropoff"]).rejected("impossible_now")


def test_a_driver_who_was_taken_off_may_have_handed_over_before() -> None:
    """The customer has the goods: that is the truth, whoever else was being sought."""
    order("stranded").when(COMMANDS["RecordDropoff"]).then(DELIVERED)


def test_at_most_one_live_driver() -> None:
    """A second driver comes only after the first was lost."""
    order("waiting").when(OTHER).rejected("impossible_now")
    order("left").when(OTHER).accepted()


def test_a_lost_driver_moves_no_status_back() -> None:
    """Another one is found, before the pickup and after it."""
    for situation in ("waiting", "driven"):
        before = order(situation).state
        lost = order(situation).when(COMMANDS["RecordDriverLoss"]).then(LOST)
        assert (lost.state.driver_id, lost.state.eta_at) == (None, None)
        found = lost.when(OTHER).accepted()
        assert found.state.status is lost.state.status is before.status
        assert found.state.status_since == before.status_since
        assert found.state.driver_id == "driver-2"
        found.when(COMMANDS["RecordDriverLoss"]).rejected("impossible_now")


def test_a_delivery_that_fails_ends_the_order_with_all_its_money() -> None:
    """The delivery takes the goods back by itself: it is not told to end."""
    event = OrderCancelled(
        ORDER_ID, CancelledBy.TIFFIN, "delivery_failed", "no answer", AMOUNT_CENTS, None
    )
    failed = order("driven").when(COMMANDS["RecordFailure"]).then(event)
    assert failed.state.payment is PaymentStatus.REFUNDING
    assert failed.state.delivery_id == DELIVERY_ID
