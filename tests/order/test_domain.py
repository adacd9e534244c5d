"""What an order decides in every situation, and what it waits for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common import ids
from services.common.catalogue import catalogue
from services.common.decider import Rejected, Wakeup
from services.common.messages.order import (
    DELAY_SECONDS_MAX,
    ConfirmPayment,
    ConfirmPreparation,
    ConfirmRefund,
    DeclinePayment,
    DriverFound,
    FinishPreparation,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderEtaChanged,
    OrderPickedUp,
    OrderRejected,
    OrderScheduled,
    PaymentDelayed,
    PaymentRefunded,
    PreparationDelayed,
    PreparationDue,
    PreparationFinished,
    PreparationStarted,
    RecordDriver,
    RecordDropoff,
    RecordEta,
    RecordPickup,
    RefusePreparation,
    ReportPaymentDelay,
    ReportPreparationDelay,
    StartPreparation,
    SubmitOrder,
)
from services.common.values import GeoPoint, Item, Restaurant
from services.order.domain import (
    ChargePayment,
    OrderStatus,
    PaymentStatus,
    RefundPayment,
    RequestPreparation,
    agenda,
    charge_key,
    order_decider,
)
from tests.given import NOON, Given, cells, deterministic, given, outcome_word

PREPARATION_SECONDS = 900
DECIDER = order_decider(PREPARATION_SECONDS)
SUBMIT = SubmitOrder(
    partner="acme",
    reference="order 1",
    restaurant=Restaurant("trattoria", "north", GeoPoint(37.33, -121.88)),
    destination=GeoPoint(37.34, -121.87),
    items=(Item("Lasagne", 2, 1250), Item("Water", 1, 300)),
    currency="USD",
    payment_token="tok_visa",
    delay_seconds=60,
)
ORDER_ID = SUBMIT.order_id
DELIVERY_ID = ids.delivery_id(ORDER_ID)
PREPARE_AT = NOON + timedelta(seconds=60)
ETA_AT = NOON + timedelta(minutes=30)

CREATED = OrderCreated(
    order_id=ORDER_ID,
    partner="acme",
    reference="order 1",
    restaurant=SUBMIT.restaurant,
    destination=SUBMIT.destination,
    items=SUBMIT.items,
    currency="USD",
    amount_cents=2800,
    payment_token="tok_visa",
    delay_seconds=60,
)
SCHEDULED = OrderScheduled(ORDER_ID, "charge-1", PREPARE_AT)
DUE = PreparationDue(ORDER_ID)
STARTED = PreparationStarted(ORDER_ID, "ticket-1")
FINISHED = PreparationFinished(
    ORDER_ID, DELIVERY_ID, "north", SUBMIT.restaurant.location, SUBMIT.destination
)
FOUND = DriverFound(ORDER_ID, DELIVERY_ID, "driver-1", ETA_AT)
PICKED_UP = OrderPickedUp(ORDER_ID)
DELIVERED = OrderDelivered(ORDER_ID)
CANCELLED = OrderCancelled(ORDER_ID, "restaurant refused: closed")
REFUNDED = PaymentRefunded(ORDER_ID, "refund-1")
PAID = (CREATED, SCHEDULED)
COOKED = (*PAID, DUE, STARTED, FINISHED)

SITUATIONS: dict[str, tuple[Any, ...]] = {
    "unknown": (),
    "created": (CREATED,),
    "unpaid": (CREATED, PaymentDelayed(ORDER_ID, 5, "no answer")),
    "scheduled": PAID,
    "asked": (*PAID, DUE),
    "unanswered": (*PAID, DUE, PreparationDelayed(ORDER_ID, 5, "no answer")),
    "cooking": (*PAID, DUE, STARTED),
    "cooked": COOKED,
    "waiting": (*COOKED, FOUND),
    "driven": (*COOKED, FOUND, PICKED_UP),
    "delivered": (*COOKED, FOUND, PICKED_UP, DELIVERED),
    "rejected": (CREATED, OrderRejected(ORDER_ID, "payment declined: insufficient funds")),
    "cancelled": (*PAID, DUE, CANCELLED),
    "refunded": (*PAID, DUE, CANCELLED, REFUNDED),
}
FINAL = ("delivered", "rejected", "refunded")
COMMANDS: dict[str, Any] = {
    "SubmitOrder": SUBMIT,
    "ConfirmPayment": ConfirmPayment(ORDER_ID, "charge-1"),
    "second_charge": ConfirmPayment(ORDER_ID, "charge-2"),
    "DeclinePayment": DeclinePayment(ORDER_ID, "insufficient funds"),
    "ReportPaymentDelay": ReportPaymentDelay(ORDER_ID, 5, "no answer"),
    "StartPreparation": StartPreparation(ORDER_ID, PREPARE_AT),
    "ConfirmPreparation": ConfirmPreparation(ORDER_ID, "ticket-1"),
    "second_ticket": ConfirmPreparation(ORDER_ID, "ticket-2"),
    "RefusePreparation": RefusePreparation(ORDER_ID, "closed"),
    "ReportPreparationDelay": ReportPreparationDelay(ORDER_ID, 5, "no answer"),
    "FinishPreparation": FinishPreparation(ORDER_ID),
    "RecordDriver": RecordDriver(ORDER_ID, DELIVERY_ID, "driver-1", ETA_AT),
    "second_driver": RecordDriver(ORDER_ID, DELIVERY_ID, "driver-2", ETA_AT),
    "RecordEta": RecordEta(ORDER_ID, ETA_AT + timedelta(minutes=1)),
    "RecordPickup": RecordPickup(ORDER_ID),
    "RecordDropoff": RecordDropoff(ORDER_ID),
    "ConfirmRefund": ConfirmRefund(ORDER_ID, "refund-1"),
    "second_refund": ConfirmRefund(ORDER_ID, "refund-2"),
}

# + is one event, = a repeat, - refused as impossible now, ? refused as unknown.
TABLE = """
                       unknown created unpaid scheduled asked unanswered cooking cooked waiting driven delivered rejected cancelled refunded
SubmitOrder            +       =       =      =         =     =          =       =      =       =      =         =        =         =
ConfirmPayment         ?       +       +      =         =     =          =       =      =       =      =         -        =         =
second_charge          ?       +       +      -         -     -          -       -      -       -      -         -        -         -
DeclinePayment         ?       +       +      -         -     -          -       -      -       -      -         =        -         -
ReportPaymentDelay     ?       +       =      =         =     =          =       =      =       =      =         =        =         =
StartPreparation       ?       -       -      +         =     =          =       =      =       =      =         -        =         =
ConfirmPreparation     ?       -       -      -         +     +          =       =      =       =      =         -        -         -
second_ticket          ?       -       -      -         +     +          -       =      =       =      =         -        -         -
RefusePreparation      ?       -       -      -         +     +          -       -      -       -      -         -        =         =
ReportPreparationDelay ?       =       =      =         +     =          =       =      =       =      =         =        =         =
FinishPreparation      ?       -       -      -         +     +          +       =      =       =      =         -        -         -
RecordDriver           ?       -       -      -         -     -          -       +      =       =      =         -        -         -
second_driver          ?       -       -      -         -     -          -       +      -       -      -         -        -         -
RecordEta              ?       =       =      =         =     =          =       =      +       +      =         =        =         =
RecordPickup           ?       -       -      -         -     -          -       -      +       =      =         -        -         -
RecordDropoff          ?       -       -      -         -     -          -       -      -       +      =         -        -         -
ConfirmRefund          ?       -       -      -         -     -          -       -      -       -      -         -        +         =
second_refund          ?       -       -      -         -     -          -       -      -       -      -         -        +         -
"""  # noqa: E501
WORDS = {"-": "impossible_now", "?": "unknown_order"}


def order(situation: str) -> Given[Any, Any, Any]:
    """The order in a situation."""
    return given(DECIDER, *SITUATIONS[situation])


@pytest.mark.parametrize(("command", "situation", "word"), cells(TABLE))
def test_every_command_has_an_answer_in_every_situation(
    command: str, situation: str, word: str
) -> None:
    """Accepted, refused with a reason, or a repeat; accepted once, the same again is nothing."""
    outcome = order(situation).when(COMMANDS[command])
    assert outcome_word(outcome) == WORDS.get(word, word)
    if word == "+":
        outcome.accepted().when(COMMANDS[command]).nothing()
    elif word != "=":
        outcome.rejected(WORDS[word])


@pytest.mark.parametrize(
    ("situation", "command", "event"),
    [
        ("unknown", "SubmitOrder", CREATED),
        ("created", "ConfirmPayment", SCHEDULED),
        ("unpaid", "ConfirmPayment", SCHEDULED),
        ("created", "DeclinePayment", SITUATIONS["rejected"][-1]),
        ("created", "ReportPaymentDelay", SITUATIONS["unpaid"][-1]),
        ("scheduled", "StartPreparation", DUE),
        ("asked", "ConfirmPreparation", STARTED),
        ("asked", "RefusePreparation", CANCELLED),
        ("asked", "ReportPreparationDelay", SITUATIONS["unanswered"][-1]),
        ("cooking", "FinishPreparation", FINISHED),
        ("asked", "FinishPreparation", FINISHED),
        ("cooked", "RecordDriver", FOUND),
        ("waiting", "RecordEta", OrderEtaChanged(ORDER_ID, ETA_AT + timedelta(minutes=1))),
        ("waiting", "RecordPickup", PICKED_UP),
        ("driven", "RecordDropoff", DELIVERED),
        ("cancelled", "ConfirmRefund", REFUNDED),
    ],
)
def test_an_accepted_command_is_this_one_event(situation: str, command: str, event: Any) -> None:
    order(situation).when(COMMANDS[command]).then(event)


@pytest.mark.parametrize(
    ("situation", "status", "payment"),
    [
        ("created", OrderStatus.CREATED, PaymentStatus.PENDING),
        ("unpaid", OrderStatus.CREATED, PaymentStatus.DELAYED),
        ("scheduled", OrderStatus.SCHEDULED, PaymentStatus.CHARGED),
        ("asked", OrderStatus.SCHEDULED, PaymentStatus.CHARGED),
        ("unanswered", OrderStatus.SCHEDULED, PaymentStatus.CHARGED),
        ("cooking", OrderStatus.IN_PREPARATION, PaymentStatus.CHARGED),
        ("cooked", OrderStatus.SCHEDULING_DELIVERY, PaymentStatus.CHARGED),
        ("waiting", OrderStatus.WAITING_FOR_DRIVER, PaymentStatus.CHARGED),
        ("driven", OrderStatus.IN_DELIVERY, PaymentStatus.CHARGED),
        ("delivered", OrderStatus.DELIVERED, PaymentStatus.CHARGED),
        ("rejected", OrderStatus.REJECTED, PaymentStatus.DECLINED),
        ("cancelled", OrderStatus.CANCELLED, PaymentStatus.REFUNDING),
        ("refunded", OrderStatus.CANCELLED, PaymentStatus.REFUNDED),
    ],
)
def test_the_customer_sees_this_status(
    situation: str, status: OrderStatus, payment: PaymentStatus
) -> None:
    state = order(situation).state
    assert (state.status, state.payment) == (status, payment)


def test_other_content_under_the_same_reference_is_refused() -> None:
    """One order per partner reference."""
    other = SubmitOrder(
        "acme", "order 1", SUBMIT.restaurant, SUBMIT.destination, SUBMIT.items, "USD", "tok_amex"
    )
    order("delivered").when(other).rejected("reference_taken")


def test_preparation_starts_a_delay_after_payment() -> None:
    paid_at = NOON + timedelta(minutes=5)
    event = OrderScheduled(ORDER_ID, "charge-1", paid_at + timedelta(seconds=60))
    order("created").when(COMMANDS["ConfirmPayment"], paid_at).then(event)


def wanted_at(ready_at: datetime) -> SubmitOrder:
    """An order that is wanted ready at an instant."""
    return SubmitOrder(
        partner="acme",
        reference="order 1",
        restaurant=SUBMIT.restaurant,
        destination=SUBMIT.destination,
        items=SUBMIT.items,
        currency="USD",
        payment_token="tok_visa",
        ready_at=ready_at,
    )


def prepare_at(ready_at: datetime, paid_at: datetime) -> datetime:
    """When the preparation of an order starts that is wanted at `ready_at`."""
    paid = (
        given(DECIDER)
        .when(wanted_at(ready_at))
        .accepted()
        .when(COMMANDS["ConfirmPayment"], paid_at)
    )
    assert isinstance(paid.result, OrderScheduled)
    return paid.result.prepare_at


def test_preparation_starts_earlier_than_ready_by_the_time_that_it_takes() -> None:
    ready_at = NOON + timedelta(hours=2)
    assert prepare_at(ready_at, NOON) == ready_at - timedelta(seconds=PREPARATION_SECONDS)


@deterministic
@for_all(ready_seconds=st.integers(1, 10_000), paid_seconds=st.integers(0, 20_000))
def test_preparation_never_starts_before_payment(ready_seconds: int, paid_seconds: int) -> None:
    paid_at = NOON + timedelta(seconds=paid_seconds)
    starts_at = prepare_at(NOON + timedelta(seconds=ready_seconds), paid_at)
    assert starts_at >= paid_at
    assert starts_at == paid_at or starts_at == NOON + timedelta(
        seconds=ready_seconds - PREPARATION_SECONDS
    )


def test_an_order_can_not_be_wanted_in_the_past() -> None:
    given(DECIDER).when(wanted_at(NOON)).rejected("ready_at_past")
    given(DECIDER).when(wanted_at(NOON + timedelta(microseconds=1))).accepted()


def test_an_order_is_not_taken_for_a_time_beyond_the_horizon() -> None:
    """The log keeps an order's events for longer than any order may lie ahead."""
    horizon = NOON + timedelta(seconds=DELAY_SECONDS_MAX)
    given(DECIDER).when(wanted_at(horizon)).accepted()
    given(DECIDER).when(wanted_at(horizon + timedelta(seconds=1))).rejected("ready_at_too_far")
    kept = timedelta(hours=catalogue()["order.events"].retention_hours)
    assert kept > timedelta(seconds=DELAY_SECONDS_MAX) + timedelta(days=7)


def test_instants_are_told_in_utc_whatever_offset_the_partner_uses() -> None:
    """ready_at and prepare_at keep their instant and lose their offset."""
    ready_at = (NOON + timedelta(hours=6)).astimezone(timezone(timedelta(hours=2)))
    created = given(DECIDER).when(wanted_at(ready_at)).accepted()
    assert created.state.ready_at == ready_at
    assert created.state.ready_at.tzinfo is UTC
    assert prepare_at(ready_at, NOON).tzinfo is UTC
    created.when(wanted_at(ready_at)).nothing()


def test_an_order_costs_no_more_than_a_provider_could_charge() -> None:
    """The sum of all lines has a limit, besides each price and quantity."""
    dear = Item("gold leaf", 1_000, 10_000_000)
    with pytest.raises(ValueError, match="cost"):
        replace(SUBMIT, items=(dear,))


def test_a_timer_for_another_instant_is_refused() -> None:
    early = StartPreparation(ORDER_ID, PREPARE_AT - timedelta(seconds=1))
    order("scheduled").when(early).rejected("impossible_now")


def test_an_order_waits_for_one_thing_at_a_time() -> None:
    """The agenda of every situation, each call with a key that derives from the order."""
    charge = ChargePayment(SUBMIT.partner, charge_key(ORDER_ID), 2800, "USD", "tok_visa")
    wakeup = Wakeup(PREPARE_AT, StartPreparation(ORDER_ID, PREPARE_AT))
    request = RequestPreparation(ids.derive(ORDER_ID, "ticket"), "trattoria", SUBMIT.items)
    refund = RefundPayment(
        SUBMIT.partner,
        ids.derive(ORDER_ID, "refund"),
        charge_key(ORDER_ID),
        2800,
        "restaurant refused: closed",
    )
    wanted = {
        "created": charge,
        "unpaid": charge,
        "scheduled": wakeup,
        "asked": request,
        "unanswered": request,
        "cancelled": refund,
    }
    for situation in SITUATIONS:
        if situation != "unknown":
            expected = (wanted[situation],) if situation in wanted else ()
            assert agenda(order(situation).state) == expected, situation


def test_the_timer_starts_the_preparation() -> None:
    """The wakeup's own command is accepted at its instant."""
    (wakeup,) = agenda(order("scheduled").state)
    assert isinstance(wakeup, Wakeup)
    order("scheduled").when(wakeup.command, wakeup.at).then(DUE)


def test_an_order_is_listed_by_status_partner_and_idempotency_key() -> None:
    assert DECIDER.labels(order("cooking").state) == {
        "status": "IN_PREPARATION",
        "partner": "acme",
    }
    keyed = SubmitOrder(
        "acme", "r", SUBMIT.restaurant, SUBMIT.destination, SUBMIT.items, "USD", "t", 0, None, "key"
    )
    state = given(DECIDER).when(keyed).accepted().state
    assert DECIDER.labels(state)["idempotency_key"] == "key"
    assert DECIDER.listed_at(state) == NOON


@deterministic
@for_all(names=st.lists(st.sampled_from(sorted(COMMANDS)), max_size=40))
def test_whatever_comes_statuses_only_move_forward_and_final_ones_stay(names: list[str]) -> None:
    """Any sequence of commands: no step back, no way out of a final status, nothing twice."""
    ranks = list(OrderStatus)
    finals = (OrderStatus.DELIVERED, OrderStatus.REJECTED, OrderStatus.CANCELLED)
    story = given(DECIDER).when(SUBMIT).accepted()
    for name in names:
        before = story.state
        outcome = story.when(COMMANDS[name])
        if outcome.result is None or isinstance(outcome.result, Rejected):
            continue
        story = outcome.accepted()
        story.when(COMMANDS[name]).nothing()
        assert ranks.index(story.state.status) >= ranks.index(before.status)
        if before.status in finals:
            assert story.state.status is before.status


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_evolve_takes_any_event_in_any_situation(situation: str) -> None:
    """Past events are facts: evolve never raises, and never changes whose order it is."""
    for past in SITUATIONS.values():
        for event in past:
            assert DECIDER.evolve(order(situation).state, event, NOON).order_id == ORDER_ID
