"""The charge of an order: once, and not after its end."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.common import ids
from services.common.messages.order import (
    ConfirmVoid,
    OrderRejected,
    OrderScheduled,
    PaymentDelayed,
    PaymentVoided,
)
from services.order.domain import ChargePayment, PaymentStatus, VoidPayment, charge_key
from tests.given import NOON, given
from tests.order.stories import (
    ADMITTED,
    AMOUNT_CENTS,
    COMMANDS,
    DECIDER,
    ORDER_ID,
    SITUATIONS,
    SUBMIT,
    order,
)


def prepare_at(ready_at: datetime, paid_at: datetime) -> datetime:
    """When the preparation of an order starts that is wanted at `ready_at`."""
    wanted = replace(SUBMIT, delay_seconds=0, ready_at=ready_at)
    created = given(DECIDER).when(wanted).accepted()
    admitted = created.when(COMMANDS["ConfirmAdmission"]).then(ADMITTED)
    paid = admitted.when(COMMANDS["ConfirmPayment"], paid_at)
    assert isinstance(paid.result, OrderScheduled)
    return paid.result.prepare_at


@pytest.mark.parametrize("situation", ["admitted", "unpaid"])
def test_the_key_derives_from_the_order_and_not_from_the_attempt(situation: str) -> None:
    """The one charge of an order, whatever was heard of it before."""
    charge = ChargePayment("acme", charge_key(ORDER_ID), AMOUNT_CENTS, "USD", "tok_visa")
    calls = [call for call in DECIDER.agenda(order(situation).state) if call == charge]
    assert calls == [charge]
    assert charge.idempotency_key == ids.derive(ORDER_ID, "charge")


def test_preparation_starts_a_delay_after_payment() -> None:
    paid_at = NOON + timedelta(minutes=5)
    event = OrderScheduled(ORDER_ID, "charge-1", paid_at + timedelta(seconds=60))
    order("admitted").when(COMMANDS["ConfirmPayment"], paid_at).then(event)


@pytest.mark.parametrize("paid_minutes", [0, 5, 200])
def test_preparation_starts_earlier_than_ready_by_what_the_restaurant_takes(
    paid_minutes: int,
) -> None:
    """However late the payment comes, the instant is not moved."""
    ready_at = NOON + timedelta(hours=2)
    starts_at = prepare_at(ready_at, NOON + timedelta(minutes=paid_minutes))
    assert starts_at == ready_at - timedelta(seconds=ADMITTED.preparation_seconds)


def test_a_declined_charge_ends_the_order() -> None:
    event = OrderRejected(ORDER_ID, "payment_declined", "no funds")
    declined = order("admitted").when(COMMANDS["DeclinePayment"]).then(event)
    assert declined.state.payment is PaymentStatus.DECLINED
    assert DECIDER.agenda(declined.state) == ()


def test_an_unknown_outcome_is_neither_paid_nor_declined() -> None:
    """It is told once, and still called for."""
    event = PaymentDelayed(ORDER_ID, 5, "no answer")
    delayed = order("admitted").when(COMMANDS["ReportPaymentDelay"]).then(event)
    assert delayed.state.payment is PaymentStatus.DELAYED
    assert any(isinstance(call, ChargePayment) for call in DECIDER.agenda(delayed.state))


@pytest.mark.parametrize(
    "situation", [name for name in SITUATIONS if name not in ("unknown", "admitted", "unpaid")]
)
def test_no_capture_after_cancel(situation: str) -> None:
    """Nothing but an admitted order that is not paid asks for a charge."""
    calls = DECIDER.agenda(order(situation).state)
    assert not any(isinstance(call, ChargePayment) for call in calls)


def test_a_charge_that_may_be_under_way_is_voided_when_the_order_is_cancelled() -> None:
    """A late word of the charge is refused: the void settles it."""
    voiding = order("unpaid").when(COMMANDS["CancelOrder"]).accepted()
    assert voiding.state.payment is PaymentStatus.VOIDING
    void = VoidPayment(
        "acme", ids.derive(ORDER_ID, "void"), charge_key(ORDER_ID), "changed my mind"
    )
    assert DECIDER.agenda(voiding.state)[0] == void
    voiding.when(COMMANDS["ConfirmPayment"]).rejected("final")
    voiding.when(COMMANDS["DeclinePayment"]).rejected("final")
    event = PaymentVoided(ORDER_ID, "charge-1", "refund-1")
    voided = voiding.when(ConfirmVoid(ORDER_ID, "charge-1", "refund-1")).then(event)
    assert voided.state.payment is PaymentStatus.VOIDED
    assert DECIDER.agenda(voided.state) == ()
    voided.when(COMMANDS["ConfirmPayment"]).rejected("final")


@pytest.mark.parametrize(
    ("situation", "payment"),
    [
        ("created", PaymentStatus.PENDING),
        ("unpaid", PaymentStatus.DELAYED),
        ("scheduled", PaymentStatus.CHARGED),
        ("delivered", PaymentStatus.CHARGED),
        ("refunding", PaymentStatus.REFUNDING),
        ("refunded", PaymentStatus.PARTLY_REFUNDED),
        ("kept", PaymentStatus.CHARGED),
        ("unadmitted", PaymentStatus.VOIDED),
        ("declined", PaymentStatus.DECLINED),
        ("dropped", PaymentStatus.VOIDED),
        ("voiding", PaymentStatus.VOIDING),
        ("voided", PaymentStatus.VOIDED),
        ("cancelled", PaymentStatus.REFUNDING),
        ("settled", PaymentStatus.REFUNDED),
    ],
)
def test_where_the_money_is(situation: str, payment: PaymentStatus) -> None:
    assert order(situation).state.payment is payment
