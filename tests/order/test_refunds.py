"""The money that is given back: never more than was paid, and nothing twice."""

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common import ids
from services.common.messages.order import (
    CancelledBy,
    CancelOrder,
    ConfirmRefund,
    PaymentRefunded,
    RefundDelayed,
    RefundItem,
    RefundRefused,
    RefundRequested,
    RefundRetried,
    RefuseRefund,
    ReportRefundDelay,
    RequestRefund,
    RetryRefund,
)
from services.order.domain import PaymentStatus, RefundPayment, RefundStatus, charge_key
from services.order.domain.refunds import REFUNDS_MAX
from tests.given import deterministic
from tests.order.stories import (
    AMOUNT_CENTS,
    COMMANDS,
    DECIDER,
    ORDER_ID,
    WATER,
    Story,
    follow,
    order,
)

LASAGNE, WATERS, NAPKINS = 0, 1, 2
NAMES = ("one", "two", "three")
REFUND_COMMANDS: list[Any] = [
    *(RequestRefund(ORDER_ID, name, "cold") for name in NAMES),
    *(
        RequestRefund(ORDER_ID, name, "cold", (RefundItem(line, quantity),))
        for name in NAMES
        for line in (LASAGNE, WATERS, NAPKINS)
        for quantity in (1, 2)
    ),
    *(
        make(ORDER_ID, name, text)
        for name in (*NAMES, "cancellation")
        for make, text in ((ConfirmRefund, "refund"), (RefuseRefund, "expired_card"))
    ),
    *(RetryRefund(ORDER_ID, name) for name in (*NAMES, "cancellation")),
    CancelOrder(ORDER_ID, CancelledBy.OPERATOR, "an accident"),
]


def request(refund: str, *items: tuple[int, int]) -> RequestRefund:
    """A refund of so many of these lines, or of all that is left."""
    return RequestRefund(ORDER_ID, refund, "cold", tuple(RefundItem(*each) for each in items))


def payments(story: Story) -> list[RefundPayment]:
    """The calls for refunds that the order asks for."""
    return [each for each in DECIDER.agenda(story.state) if isinstance(each, RefundPayment)]


@pytest.mark.parametrize("situation", ["scheduled", "cooking", "cooked", "driven", "delivered"])
def test_an_item_is_refunded_from_payment_on(situation: str) -> None:
    refunding = order(situation).when(COMMANDS["RequestRefund"]).then(WATER)
    assert refunding.state.payment is PaymentStatus.REFUNDING
    call = RefundPayment(
        partner="acme",
        idempotency_key=ids.derive(ORDER_ID, "refund/water/1"),
        charge_idempotency_key=charge_key(ORDER_ID),
        amount_cents=300,
        reason="no water",
        refund="water",
    )
    assert payments(refunding) == [call]
    event = PaymentRefunded(ORDER_ID, "water", "refund-1", 300)
    refunded = refunding.when(COMMANDS["ConfirmRefund"]).then(event)
    assert refunded.state.payment is PaymentStatus.PARTLY_REFUNDED
    assert payments(refunded) == []


def test_a_refund_without_items_is_all_that_is_left() -> None:
    event = RefundRequested(ORDER_ID, "all", AMOUNT_CENTS - 300, "cold")
    both = order("refunding").when(request("all")).then(event)
    both.when(request("more")).rejected("nothing_left")
    both.when(request("lasagne", (LASAGNE, 1))).rejected("nothing_left")
    done = both.when(COMMANDS["ConfirmRefund"]).accepted()
    done = done.when(ConfirmRefund(ORDER_ID, "all", "refund-2")).accepted()
    assert done.state.payment is PaymentStatus.REFUNDED


def test_the_same_name_is_the_same_refund() -> None:
    order("refunded").when(COMMANDS["RequestRefund"]).nothing()
    order("refunding").when(request("water")).rejected("refund_taken")
    order("delivered").when(request("cancellation")).rejected("reserved_name")


def test_no_more_of_an_item_is_refunded_than_was_ordered() -> None:
    """Over all refunds, and over the lines of one, which may name an item twice."""
    delivered = order("delivered")
    delivered.when(request("lasagne", (LASAGNE, 2))).accepted()
    delivered.when(request("lasagne", (LASAGNE, 3))).rejected("already_refunded")
    delivered.when(request("twice", (LASAGNE, 1), (LASAGNE, 2))).rejected("already_refunded")
    order("refunding").when(request("again", (WATERS, 1))).rejected("already_refunded")
    order("refunded").when(request("again", (WATERS, 1))).rejected("already_refunded")
    order("kept").when(request("again", (WATERS, 1))).accepted()


@pytest.mark.parametrize(
    ("situation", "asked", "reason"),
    [
        ("delivered", request("soup", (3, 1)), "unknown_item"),
        ("delivered", request("napkins", (NAPKINS, 1)), "nothing_to_refund"),
        ("created", request("all"), "not_paid"),
        ("cancelled", request("all"), "final"),
        ("declined", request("all"), "final"),
    ],
)
def test_what_can_not_be_refunded_is_refused(
    situation: str, asked: RequestRefund, reason: str
) -> None:
    order(situation).when(asked).rejected(reason)


def test_a_refund_of_more_than_is_left_is_refused() -> None:
    """A refund that was refused leaves its money and its items to others."""
    story = order("delivered").when(request("one", (LASAGNE, 1))).accepted()
    story = story.when(RefuseRefund(ORDER_ID, "one", "expired_card")).accepted()
    story = story.when(request("two", (LASAGNE, 2))).accepted()
    story.when(RetryRefund(ORDER_ID, "one")).rejected("already_refunded")
    story = order("kept").when(request("all")).accepted()
    story.when(RetryRefund(ORDER_ID, "water")).rejected("nothing_left")


def test_all_that_is_left_is_its_items_too() -> None:
    """What was in it is not given back again, whatever becomes of other refunds."""
    story = order("delivered").when(request("lasagne", (LASAGNE, 2))).accepted()
    story = story.when(request("all")).then(RefundRequested(ORDER_ID, "all", 300, "cold"))
    story = story.when(RefuseRefund(ORDER_ID, "lasagne", "expired_card")).accepted()
    story.when(request("water", (WATERS, 1))).rejected("already_refunded")
    story.when(request("all")).nothing()
    story.when(request("all", (WATERS, 1), (NAPKINS, 4))).rejected("refund_taken")
    story.when(RetryRefund(ORDER_ID, "lasagne")).accepted()


def test_a_refused_refund_that_another_has_made_good_is_flagged_no_more() -> None:
    """Nobody could try it again; it is flagged again when the other is refused as well."""
    story = order("kept").when(request("again", (WATERS, 1))).accepted()
    assert story.state.flags == ()
    story.when(RetryRefund(ORDER_ID, "water")).rejected("already_refunded")
    story = story.when(RefuseRefund(ORDER_ID, "again", "expired_card")).accepted()
    assert story.state.flags == ("refund_refused",)
    story.when(RetryRefund(ORDER_ID, "water")).accepted()


def test_an_order_has_a_limit_of_refunds() -> None:
    """A refund that is refused counts: each is kept in the state."""
    story = order("delivered")
    for number in range(REFUNDS_MAX):
        story = story.when(request(f"refund-{number}", (WATERS, 1))).accepted()
        story = story.when(RefuseRefund(ORDER_ID, f"refund-{number}", "expired_card")).accepted()
    story.when(request("one-more", (WATERS, 1))).rejected("too_many_refunds")


def test_a_refused_refund_is_flagged_until_it_is_tried_again_under_a_key_of_its_own() -> None:
    event = RefundRefused(ORDER_ID, "water", "expired_card")
    kept = order("refunding").when(COMMANDS["RefuseRefund"]).then(event)
    assert kept.state.flags == ("refund_refused",)
    assert payments(kept) == []
    retried = kept.when(RetryRefund(ORDER_ID, "water")).then(RefundRetried(ORDER_ID, "water", 2))
    assert retried.state.flags == ()
    keys = [call.idempotency_key for call in payments(retried)]
    assert keys == [ids.derive(ORDER_ID, "refund/water/2")]


def test_a_delay_is_told_once_for_each_attempt() -> None:
    event = RefundDelayed(ORDER_ID, "water", 5, "no answer")
    delayed = order("refunding").when(ReportRefundDelay(ORDER_ID, "water", 5, "no answer"))
    story = delayed.then(event)
    assert story.state.payment is PaymentStatus.REFUNDING
    assert len(payments(story)) == 1
    story = story.when(COMMANDS["RefuseRefund"]).accepted()
    story = story.when(COMMANDS["RetryRefund"]).accepted()
    story.when(ReportRefundDelay(ORDER_ID, "water", 9, "no answer")).accepted()


def test_a_second_refund_of_the_provider_for_one_name_is_refused_and_told() -> None:
    second = ConfirmRefund(ORDER_ID, "water", "refund-2")
    order("refunded").when(second).rejected("impossible_now")


def test_a_cancelled_order_gives_back_what_no_refund_gives_back() -> None:
    """Open refunds go on; the money of refused ones is in the one of the cancellation."""
    story = order("cooking").when(request("open", (WATERS, 1))).accepted()
    story = story.when(request("refused", (LASAGNE, 1))).accepted()
    story = story.when(RefuseRefund(ORDER_ID, "refused", "expired_card")).accepted()
    story = story.when(COMMANDS["CancelOrder"]).accepted()
    assert [(each.name, each.amount_cents, each.status) for each in story.state.refunds] == [
        ("open", 300, RefundStatus.OPEN),
        ("refused", 1250, RefundStatus.SUPERSEDED),
        ("cancellation", 2500, RefundStatus.OPEN),
    ]
    assert story.state.flags == ()
    story.when(RetryRefund(ORDER_ID, "refused")).rejected("impossible_now")


def test_nothing_is_owed_by_a_cancelled_order_that_had_given_all_back() -> None:
    story = order("cooking").when(request("all")).accepted()
    story = story.when(ConfirmRefund(ORDER_ID, "all", "refund-1")).accepted()
    story = story.when(COMMANDS["CancelOrder"]).accepted()
    assert [each.name for each in story.state.refunds] == ["all"]
    assert story.state.payment is PaymentStatus.REFUNDED


@deterministic
@for_all(commands=st.lists(st.sampled_from(REFUND_COMMANDS), max_size=30))
def test_no_more_is_given_back_than_was_paid(commands: list[Any]) -> None:
    """Whatever is asked, confirmed, refused, tried again or cancelled, in any order."""
    story = order("driven")
    for command in commands:
        story = follow(story, story.when(command))
        state = story.state
        called = sum(call.amount_cents for call in payments(story))
        assert state.refunded_cents + called <= AMOUNT_CENTS
        assert state.left_cents == AMOUNT_CENTS - state.refunded_cents - called
        for line, item in enumerate(state.items):
            counted = [each for refund in state.refunds if refund.counts for each in refund.items]
            assert sum(each.quantity for each in counted if each.line == line) <= item.quantity
