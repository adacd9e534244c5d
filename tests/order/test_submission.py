"""How an order is taken in, and what it is listed by."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common.catalogue import catalogue
from services.common.messages.order import DELAY_SECONDS_MAX, OrderFlagged, SubmitOrder
from services.common.values import Item
from services.order.domain import Policy, content, order_decider
from tests.given import NOON, deterministic, given
from tests.order.stories import CREATED, DECIDER, SUBMIT, order


def wanted_at(ready_at: datetime) -> SubmitOrder:
    """An order that is wanted ready at an instant."""
    return replace(SUBMIT, delay_seconds=0, ready_at=ready_at)


def code(submission: SubmitOrder, secret: str = "secret") -> str | None:
    """The code of the order of a submission."""
    decider = order_decider(Policy(code_secret=secret))
    return given(decider).when(submission).accepted().state.code


def test_a_submission_creates_one_order() -> None:
    given(DECIDER).when(SUBMIT).then(CREATED).when(SUBMIT).nothing()


@pytest.mark.parametrize(
    "other",
    [
        replace(SUBMIT, payment_token="tok_amex"),
        replace(SUBMIT, requires_code=True),
        replace(SUBMIT, customer="cust-42"),
        replace(SUBMIT, restaurant=replace(SUBMIT.restaurant, zone="Europe/Rome")),
        replace(SUBMIT, items=(Item("Lasagne", 1, 1250),)),
    ],
)
def test_one_order_per_partner_reference(other: SubmitOrder) -> None:
    """Other content under the same reference is refused."""
    order("delivered").when(other).rejected("reference_taken")


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
    """ready_at keeps its instant and loses its offset; it is the same order with any offset."""
    ready_at = (NOON + timedelta(hours=6)).astimezone(timezone(timedelta(hours=2)))
    created = given(DECIDER).when(wanted_at(ready_at)).accepted()
    assert created.state.ready_at == ready_at
    assert created.state.ready_at.tzinfo is UTC
    created.when(wanted_at(ready_at)).nothing()


@pytest.mark.parametrize(("customer", "problem"), [(" ", "is empty"), ("x" * 201, "at most 200")])
def test_a_customer_is_a_short_text_or_none(customer: str, problem: str) -> None:
    """As long as a reference may be."""
    with pytest.raises(ValueError, match=f"customer .*{problem}"):
        replace(SUBMIT, customer=customer)


def test_an_order_costs_no_more_than_a_provider_could_charge() -> None:
    """The sum of all lines has a limit, besides each price and quantity."""
    dear = Item("gold leaf", 1_000, 10_000_000)
    with pytest.raises(ValueError, match="cost"):
        replace(SUBMIT, items=(dear,))


@deterministic
@for_all(reference=st.text("abc123", min_size=1, max_size=20))
def test_a_code_has_four_digits_and_derives_from_the_order_and_the_secret(reference: str) -> None:
    """Whoever decides anew names the same code; who has no secret can not tell it."""
    submission = replace(SUBMIT, reference=reference, requires_code=True)
    named = code(submission)
    assert named is not None
    assert len(named) == 4
    assert named.isdecimal()
    assert code(submission) == named


def test_codes_differ_between_orders_and_between_secrets() -> None:
    asked = [replace(SUBMIT, reference=f"order {n}", requires_code=True) for n in range(100)]
    codes = [code(each) for each in asked]
    assert len(set(codes)) > 90
    others = [code(each, "another secret") for each in asked]
    assert sum(one == other for one, other in zip(codes, others, strict=True)) < 5


def test_an_order_has_a_code_only_where_the_partner_asks_for_one() -> None:
    assert code(SUBMIT) is None
    asked = replace(SUBMIT, requires_code=True)
    created = given(DECIDER).when(asked).accepted()
    assert content(created.state) == content(asked)
    created.when(SUBMIT).rejected("reference_taken")


def test_an_order_is_listed_by_what_people_look_for() -> None:
    """Status, partner and restaurant; and customer and idempotency key, where they are told."""
    labels = {"status": "IN_PREPARATION", "partner": "acme", "restaurant": "trattoria"}
    assert DECIDER.labels(order("cooking").state) == labels
    named = replace(SUBMIT, idempotency_key="key", customer="cust-42")
    state = given(DECIDER).when(named).accepted().state
    assert DECIDER.labels(state)["idempotency_key"] == "key"
    assert DECIDER.labels(state)["customer"] == "cust-42"
    assert DECIDER.listed_at(state) == NOON


def test_an_order_that_is_late_is_listed_as_flagged() -> None:
    late = OrderFlagged(CREATED.order_id, "payment_late", NOON)
    assert DECIDER.labels(given(DECIDER, CREATED, late).state)["flagged"] == "true"
