"""What becomes of an order's view by its events."""

from typing import Any

import pytest

from services.common.messages import order as orders
from services.common.messages.order import CancelledBy, OrderEvent, RefusalReason
from services.web.views import OrderView, changes, order_after
from tests.web.written import (
    ADMITTED,
    AT,
    CREATED,
    DELIVERED,
    FINISHED,
    FOUND,
    LIFE,
    ORDER_ID,
    PICKED_UP,
    SCHEDULED,
)


def after(*events: OrderEvent) -> OrderView:
    """The order after these events, all of one instant."""
    order: OrderView | None = None
    for event in events:
        order = order_after(order, event, AT)
    assert order is not None
    return order


def test_an_order_goes_through_its_statuses() -> None:
    """As the order service tells them."""
    statuses = [after(*LIFE[: count + 1]).status for count in range(len(LIFE))]
    assert statuses == [
        "CREATED",
        "CREATED",
        "SCHEDULED",
        "IN_PREPARATION",
        "SCHEDULING_DELIVERY",
        "WAITING_FOR_DRIVER",
        "IN_DELIVERY",
        "DELIVERED",
    ]


def refunded(refund: str, amount_cents: int) -> orders.PaymentRefunded:
    """The money of a refund is back."""
    return orders.PaymentRefunded(ORDER_ID, refund, "r", amount_cents)


CANCELLED = orders.OrderCancelled(ORDER_ID, CancelledBy.CUSTOMER, "late", "", 600)
NOT_CHARGED = orders.OrderCancelled(ORDER_ID, CancelledBy.CUSTOMER, "late")
SOME = orders.RefundRequested(ORDER_ID, "cold", 300, "cold")


@pytest.mark.parametrize(
    ("events", "payment"),
    [
        ([CREATED], "PENDING"),
        ([CREATED, orders.OrderRejected(ORDER_ID, "closed")], "VOIDED"),
        ([CREATED, ADMITTED, orders.OrderRejected(ORDER_ID, "declined")], "DECLINED"),
        ([CREATED, ADMITTED, orders.PaymentDelayed(ORDER_ID, 5, "")], "DELAYED"),
        ([CREATED, NOT_CHARGED], "VOIDED"),
        ([CREATED, ADMITTED, NOT_CHARGED], "VOIDING"),
        ([CREATED, ADMITTED, SCHEDULED], "CHARGED"),
        ([CREATED, ADMITTED, SCHEDULED, CANCELLED], "REFUNDING"),
        (
            [CREATED, ADMITTED, SCHEDULED, CANCELLED, refunded("cancellation", 600)],
            "REFUNDED",
        ),
        (
            [CREATED, ADMITTED, SCHEDULED, SOME, refunded("cold", 300)],
            "PARTLY_REFUNDED",
        ),
        (
            [CREATED, ADMITTED, SCHEDULED, SOME, orders.RefundRefused(ORDER_ID, "cold", "no")],
            "CHARGED",
        ),
    ],
)
def test_where_the_money_is(events: list[Any], payment: str) -> None:
    """As the order service tells it."""
    assert after(*events).payment == payment


def test_a_driver_who_is_lost_is_not_shown() -> None:
    """Nor an arrival that nobody can tell."""
    lost = after(CREATED, FINISHED, FOUND, orders.DriverLost(ORDER_ID, "d", "driver-1", "gave up"))
    assert (lost.driver_id, lost.eta_at) == (None, None)


def test_a_customer_can_cancel_until_the_order_is_on_the_road() -> None:
    """After that an operator can."""
    assert after(CREATED, FINISHED, FOUND).can_be_cancelled
    assert not after(CREATED, FINISHED, FOUND, PICKED_UP).can_be_cancelled
    assert not after(CREATED, DELIVERED).can_be_cancelled


def test_a_refusal_is_shown_until_it_is_undone() -> None:
    """The restaurant may take it back."""
    refused = orders.OrderRefused(ORDER_ID, RefusalReason.TOO_BUSY, "", AT)
    assert after(CREATED, refused).refusal == "too_busy"
    assert after(CREATED, refused, orders.RefusalUndone(ORDER_ID)).refusal is None


def test_a_flag_lasts_as_long_as_the_status() -> None:
    """A new status begins without."""
    flagged: list[OrderEvent] = [CREATED, SCHEDULED, orders.OrderFlagged(ORDER_ID, "overdue", AT)]
    assert after(*flagged).flags == ("overdue",)
    assert after(*flagged, FINISHED).flags == ()


def test_events_before_the_beginning_of_an_order_tell_nothing() -> None:
    """The log may have forgotten it."""
    assert order_after(None, DELIVERED, AT) is None


def test_a_change_names_what_was_and_what_is() -> None:
    """And nothing that has stayed."""
    before = after(CREATED)
    change = changes(before, order_after(before, ADMITTED, AT), OrderView.public)
    assert (change.before, change.after) == ({"is_admitted": False}, {"is_admitted": True})
    assert changes(None, before, OrderView.public).before == {}
    assert "code" not in changes(None, before, OrderView.public).after


@pytest.mark.parametrize(
    ("event", "name", "was", "is_"),
    [
        (orders.TicketReceived(ORDER_ID, "t_2"), "ticket_id", None, "t_2"),
        (orders.PreparationDelayed(ORDER_ID, 5, "late"), "is_preparation_delayed", False, True),
        (orders.TicketCancelled(ORDER_ID), "is_ticket_cancelled", False, True),
        (orders.RefusalUndone(ORDER_ID), "undone_refusals", 0, 1),
    ],
)
def test_what_the_restaurant_says_changes_something(
    event: OrderEvent, name: str, was: object, is_: object
) -> None:
    """So that a story shows it."""
    before = after(CREATED, ADMITTED, SCHEDULED)
    change = changes(before, order_after(before, event, AT), OrderView.public)
    assert (change.before, change.after) == ({name: was}, {name: is_})
