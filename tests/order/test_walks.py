"""Whatever happens to an order, in any order: something goes on, and no money is lost or twice.

Commands have the ids that the worker gives them, and one that has had its event has no other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.common import ids
from services.common.agenda import _outcome
from services.common.decider import Rejected, Wakeup, fold, is_repeat
from services.common.messages.order import (
    AcceptOrder,
    CancelledBy,
    CancelOrder,
    ConfirmAdmission,
    ConfirmPayment,
    ConfirmPreparation,
    ConfirmRefund,
    ConfirmTicket,
    ConfirmTicketCancellation,
    ConfirmVoid,
    DeclinePayment,
    FinishPreparation,
    RecordDriver,
    RecordDriverLoss,
    RecordDropoff,
    RecordFailure,
    RecordPickup,
    RefundItem,
    RefusalReason,
    RefuseOrder,
    RefusePreparation,
    RefuseRefund,
    RequestRefund,
    RetryRefund,
    StartPreparation,
    UndoRefusal,
    UpdatePreparation,
)
from services.order.domain import (
    CancelTicket,
    ChargePayment,
    Order,
    OrderStatus,
    Policy,
    RefundPayment,
    RefundStatus,
    RequestPreparation,
    VoidPayment,
    order_decider,
)
from tests.given import NOON, command_envelope, deterministic, event_envelope
from tests.order.stories import AMOUNT_CENTS, DELIVERY_ID, ETA_AT, ORDER_ID, SUBMIT

DECIDER = order_decider(Policy(overdue_grace_seconds=5, preparing_seconds_max=605))
REFUNDS = ("one", "two", "cancellation")
# What brings an order to its kitchen, out of it, and on the road.
BEGINNING = (ConfirmAdmission(ORDER_ID, None, 600, 600), ConfirmPayment(ORDER_ID, "c"))
COOKING = (AcceptOrder(ORDER_ID, 600), ConfirmTicket(ORDER_ID, "t"))
DRIVING = (
    FinishPreparation(ORDER_ID),
    RecordDriver(ORDER_ID, DELIVERY_ID, "d", ETA_AT),
    RecordPickup(ORDER_ID),
)


class Walk:
    """One order, the clock, and all that may happen next."""

    def __init__(self) -> None:
        self.at = NOON
        self.number = 0
        self.given_back: dict[str, int] = {}
        self.row: Any = None
        self.tell(SUBMIT)

    @property
    def order(self) -> Order:
        """The order as it is."""
        state: Order = self.row.state
        return state

    def tell(self, command: Any, command_id: str | None = None) -> None:
        """Decides a command, which is somebody's own wish where it has no id."""
        self.number += 1
        self.at += timedelta(milliseconds=1)
        envelope = command_envelope(command, self.at, command_id or f"wish-{self.number}")
        if is_repeat(self.row, envelope):
            return
        outcome = DECIDER.decide(command, self.row and self.row.state, self.at)
        if outcome is None or isinstance(outcome, Rejected):
            return
        version = 1 if self.row is None else self.row.version + 1
        self.row = fold(DECIDER, self.row, event_envelope(outcome, envelope, version), outcome)
        assert self.row is not None

    def answer(self, call: Any, number: int) -> None:
        """The outside world answers a call; it has given back what it says it has."""
        command = _answers(call)[number % len(_answers(call))]
        if isinstance(command, ConfirmRefund):
            self.given_back[call.idempotency_key] = call.amount_cents
        self.tell(command, outcome_id(call, command))

    def fire(self, wakeup: Wakeup) -> None:
        """A timer fires; the broker's clock is a little behind."""
        self.at = max(self.at, wakeup.at - timedelta(milliseconds=20))
        self.tell(wakeup.command, wakeup_id(wakeup))


def wakeup_id(wakeup: Wakeup) -> str:
    """The id of the command of a timer, as the worker makes it."""
    purpose = f"wakeup/{type(wakeup.command).__name__}/{wakeup.at.isoformat()}"
    if hasattr(wakeup.command, "flag"):
        purpose += f"/{wakeup.command.flag}"
    return ids.derive(ORDER_ID, purpose)


def outcome_id(call: Any, command: Any) -> str:
    """The id of the outcome of a call, as the worker makes it."""
    return ids.derive(ORDER_ID, _outcome(call, command))


def _answers(call: Any) -> Sequence[Any]:
    match call:
        case ChargePayment():
            return ConfirmPayment(ORDER_ID, "c"), DeclinePayment(ORDER_ID, "no funds")
        case VoidPayment():
            return (ConfirmVoid(ORDER_ID, None, None),)
        case RefundPayment(refund=refund):
            return ConfirmRefund(ORDER_ID, refund, "r"), RefuseRefund(ORDER_ID, refund, "closed")
        case RequestPreparation():
            return (
                ConfirmPreparation(ORDER_ID, "t", 600),
                ConfirmTicket(ORDER_ID, "t"),
                RefusePreparation(ORDER_ID, RefusalReason.CLOSED),
            )
        case CancelTicket():
            return (ConfirmTicketCancellation(ORDER_ID),)
        case _:
            raise AssertionError(call)


def _wishes(at: datetime, seconds: int) -> Sequence[Any]:
    return (
        *BEGINNING,
        RefuseOrder(ORDER_ID, RefusalReason.OTHER),
        UndoRefusal(ORDER_ID),
        *[AcceptOrder(ORDER_ID, seconds)] * 3,
        *[UpdatePreparation(ORDER_ID, at + timedelta(seconds=seconds - 30))] * 4,
        *[UpdatePreparation(ORDER_ID, NOON + timedelta(minutes=5 * (seconds % 7)))] * 4,
        FinishPreparation(ORDER_ID),
        RecordDriver(ORDER_ID, DELIVERY_ID, "d", ETA_AT),
        RecordDriverLoss(ORDER_ID, DELIVERY_ID, "d", "silent"),
        RecordPickup(ORDER_ID),
        RecordDropoff(ORDER_ID),
        RecordFailure(ORDER_ID, "nobody there"),
        CancelOrder(ORDER_ID, CancelledBy.CUSTOMER, "late"),
        *(
            wish
            for name in REFUNDS
            for wish in (
                RequestRefund(ORDER_ID, name, "cold"),
                RequestRefund(ORDER_ID, name, "cold", (RefundItem(seconds % 3, 1),)),
                RetryRefund(ORDER_ID, name),
            )
        ),
    )


def _step(walk: Walk, choice: int, number: int) -> None:
    agenda = DECIDER.agenda(walk.order)
    wakeups = sorted((each for each in agenda if isinstance(each, Wakeup)), key=lambda w: w.at)
    calls = [each for each in agenda if not isinstance(each, Wakeup)]
    if choice == 0 and wakeups:
        walk.fire(wakeups[0])
        assert wakeups[0] not in DECIDER.agenda(walk.order), "it fires once, and has led to nothing"
    elif choice == 1 and calls:
        walk.answer(calls[number % len(calls)], number // 8)
    elif choice == 2:
        # Nothing fires late by itself: time passes up to the next timer.
        until = walk.at + timedelta(seconds=number % 700)
        walk.at = max(walk.at, min([until, *(each.at for each in wakeups[:1])]))
    else:
        wishes = _wishes(walk.at, (0, 600, 30, 1, 90)[number // 64 % 5])
        walk.tell(wishes[number % len(wishes)])


def _check_goes_on(walk: Walk) -> None:
    order, recent = walk.order, walk.row.recent
    agenda = DECIDER.agenda(order)
    for each in agenda:
        if isinstance(each, Wakeup):
            assert wakeup_id(each) not in recent, f"{each} has had its event"
        else:
            for command in _answers(each):
                assert outcome_id(each, command) not in recent or isinstance(
                    command, ConfirmTicket
                ), f"{command} has had its event"
    if not order.is_final:
        assert order.flags or any(isinstance(each, Wakeup) for each in agenda)


def _check_money(walk: Walk) -> None:
    order = walk.order
    assert sum(walk.given_back.values()) == order.refunded_cents <= AMOUNT_CENTS
    for line, item in enumerate(order.items):
        counted = [each for refund in order.refunds if refund.counts for each in refund.items]
        assert sum(each.quantity for each in counted if each.line == line) <= item.quantity
    refused = [each for each in order.refunds if each.status is RefundStatus.REFUSED]
    if order.status is OrderStatus.CANCELLED and order.prepare_at is not None:
        # What is neither back nor under way is what an operator is told to try again.
        assert order.left_cents == sum(each.amount_cents for each in refused)
    is_owed = any(
        not isinstance(DECIDER.decide(RetryRefund(ORDER_ID, each.name), order, walk.at), Rejected)
        for each in refused
    )
    assert ("refund_refused" in order.flags) == is_owed


def _begun(stage: int) -> Walk:
    """The order when it is created, paid, to be cooked, cooked, or on the road."""
    walk = Walk()
    for begins in BEGINNING if stage else ():
        walk.tell(begins)
    if stage > 1 and walk.order.prepare_at is not None:
        walk.fire(Wakeup(walk.order.prepare_at, StartPreparation(ORDER_ID, walk.order.prepare_at)))
    for command in (*COOKING[: 2 * (stage > 2)], *DRIVING[: 3 * (stage > 3)]):
        walk.tell(command)
    return walk


@settings(deterministic, max_examples=400)
@for_all(
    stage=st.integers(0, 4),
    steps=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**12 - 1)), max_size=40),
)
def test_an_order_goes_on_and_its_money_is_whole(stage: int, steps: list[tuple[int, int]]) -> None:
    """No timer and no call waits for a command that counts as had already."""
    walk = _begun(stage)
    for choice, number in steps:
        _step(walk, choice, number)
        _check_goes_on(walk)
        _check_money(walk)
