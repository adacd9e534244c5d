"""Whether the restaurant takes an order in at all."""

import pytest

from services.common.messages.order import (
    ConfirmAdmission,
    OrderRejected,
    SubmitOrder,
)
from services.order.domain import ChargePayment, OrderStatus, PaymentStatus
from tests.order.stories import ADMITTED, COMMANDS, DECIDER, ORDER_ID, SUBMIT, order


def charges(situation: str) -> list[ChargePayment]:
    """The charges that the order asks for in a situation."""
    agenda = DECIDER.agenda(order(situation).state)
    return [each for each in agenda if isinstance(each, ChargePayment)]


def test_an_order_is_charged_only_after_its_restaurant_has_admitted_it() -> None:
    assert charges("created") == []
    order("created").when(COMMANDS["ConfirmAdmission"]).then(ADMITTED)
    assert len(charges("admitted")) == 1
    order("created").when(COMMANDS["ConfirmPayment"]).rejected("impossible_now")


def test_what_the_restaurant_has_said_is_kept() -> None:
    state = order("admitted").state
    assert state.is_admitted
    assert (state.zone, state.preparation_seconds, state.accept_seconds_max) == (
        "America/Los_Angeles",
        1200,
        600,
    )


def test_an_order_that_is_not_admitted_ends_and_was_never_charged() -> None:
    event = OrderRejected(ORDER_ID, "restaurant_paused", "until noon")
    rejected = order("created").when(COMMANDS["RefuseAdmission"]).then(event)
    assert rejected.state.status is OrderStatus.REJECTED
    assert rejected.state.payment is PaymentStatus.VOIDED
    assert (rejected.state.reason, rejected.state.detail) == ("restaurant_paused", "until noon")
    assert DECIDER.agenda(rejected.state) == ()


@pytest.mark.parametrize(("preparation", "accept"), [(-1, 600), (2**62, 600), (900, 2**62)])
def test_a_restaurant_without_sense_for_time_is_refused(preparation: int, accept: int) -> None:
    """No sum of an instant and an admitted time overflows."""
    command = ConfirmAdmission(ORDER_ID, None, preparation, accept)
    order("created").when(command).rejected("seconds_out_of_range")


def test_the_same_submission_after_the_admission_is_the_same_order() -> None:
    assert isinstance(SUBMIT, SubmitOrder)
    order("admitted").when(SUBMIT).nothing()
