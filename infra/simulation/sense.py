"""What an event may make of its aggregate, whatever its service's own rules say."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from infra.simulation.violation import expect
from services.common.decider import Envelope, Row
from services.common.messages.delivery import DeliveryCompleted
from services.common.messages.driver import (
    DeliveryAccepted,
    DeliveryDeclined,
    DeliveryGivenUp,
    DeliveryOffered,
    GoodsDroppedOff,
    GoodsReturned,
    ReportDropoff,
)
from services.common.messages.order import (
    OrderCancelled,
    OrderDelivered,
    OrderEvent,
    PreparationDue,
    RefusalUndone,
)
from services.delivery.domain import FINAL as FINAL_DELIVERY
from services.driver.domain import Driver
from services.order.domain import Order, OrderStatus, RefundStatus

RANK = {status: rank for rank, status in enumerate(OrderStatus)}


class Sense:
    """Remembers who was asked what, and who has which goods.

    Args:
        row: the aggregate of a service as the log has it, by owner and key.
    """

    def __init__(self, row: Callable[[str, str], Row[Any] | None]) -> None:
        self._row = row
        self._noes: set[tuple[str, str]] = set()  # driver and delivery
        self._holders: dict[str, set[str]] = defaultdict(set)  # drivers by delivery

    def check(
        self,
        owner: str,
        before: Row[Any] | None,
        envelope: Envelope,
        event: Any,
        after: Row[Any],
        causes: Sequence[Any],
    ) -> None:
        """Raises ViolationError when the event makes no sense.

        Args:
            causes: the commands that the event may have come from.
        """
        old = None if before is None else before.state
        match owner:
            case "order":
                _check_order(old, envelope, event, after.state)
            case "delivery" if old is not None:
                expect(
                    old.status not in FINAL_DELIVERY or after.state.status is old.status,
                    "final_is_final",
                    f"{envelope.type} after {old.status}",
                )
                if isinstance(event, DeliveryCompleted):
                    expect(old.picked_up_at is not None, "pickup_comes_before_dropoff", f"{event}")
            case "driver":
                self._check_driver(old, event, after.state, envelope, causes)

    def _check_driver(
        self,
        old: Driver | None,
        event: Any,
        new: Driver,
        envelope: Envelope,
        causes: Sequence[Any],
    ) -> None:
        name = new.driver_id
        match event:
            case DeliveryOffered(delivery_id=delivery_id):
                expect(
                    (name, delivery_id) not in self._noes,
                    "no_offer_after_a_no",
                    f"{name} is asked for {delivery_id} again",
                )
            case DeliveryAccepted():
                expect(
                    old is None or old.delivery is None,
                    "one_delivery_per_driver",
                    f"{name} already works",
                )
            case GoodsDroppedOff():
                _check_dropoff(old, event, causes)
            case GoodsReturned(delivery_id=delivery_id):
                work = None if old is None else old.delivery
                expect(
                    work is not None and work.picked_up,
                    "pickup_comes_before_dropoff",
                    f"{name} returns {delivery_id}",
                )
            case DeliveryDeclined(reason="offer_timed_out"):
                expires_at = None if old is None or old.offer is None else old.offer.expires_at
                expect(
                    expires_at is not None and envelope.occurred_at >= expires_at,
                    "timer_is_never_early",
                    f"{event} at {envelope.occurred_at}",
                )
            case _:
                pass
        if isinstance(event, DeliveryGivenUp) or (
            isinstance(event, DeliveryDeclined) and event.is_excluded
        ):
            self._noes.add((name, event.delivery_id))
        self._hold(old, new)

    def _hold(self, old: Driver | None, new: Driver) -> None:
        """Follows who has which delivery; nobody else has it who was not taken off."""
        held = None if old is None or old.delivery is None else old.delivery.delivery_id
        holds = None if new.delivery is None else new.delivery.delivery_id
        if held == holds:
            return
        if held is not None:
            self._holders[held].discard(new.driver_id)
        if holds is not None:
            row = self._row("delivery", holds)
            excluded = () if row is None else row.state.excluded
            others = self._holders[holds].difference(excluded)
            expect(
                not others, "one_driver_per_delivery", f"{holds} has {others} and {new.driver_id}"
            )
            self._holders[holds].add(new.driver_id)


def _check_dropoff(old: Driver | None, event: GoodsDroppedOff, causes: Sequence[Any]) -> None:
    work = None if old is None else old.delivery
    expect(work is not None and work.picked_up, "pickup_comes_before_dropoff", f"{event}")
    assert work is not None
    named = [each.code for each in causes if isinstance(each, ReportDropoff)]
    expect(
        work.code is None or work.code in named,
        "no_dropoff_without_its_code",
        f"{event}: {named} was named",
    )


def _check_order(old: Order | None, envelope: Envelope, event: OrderEvent, new: Order) -> None:
    place = f"{new.reference} {envelope.type} at {envelope.occurred_at}"
    was = OrderStatus.NEW if old is None else old.status
    is_final = old is not None and old.is_final
    expect(not is_final or new.status is was, "final_is_final", f"{place} after {was}")
    expect(RANK[new.status] >= RANK[was], "status_never_moves_back", place)
    _check_refunds(new, place)
    if old is None:
        return
    expect(old.ticket_id in (None, new.ticket_id), "one_ticket_per_order", place)
    match event:
        case PreparationDue():
            due_at = old.prepare_at
            is_due = due_at is not None and envelope.occurred_at >= due_at
            expect(is_due, "timer_is_never_early", place)
        case OrderCancelled(reason="accept_timeout"):
            due_at = old.accept_by
            is_due = due_at is not None and envelope.occurred_at >= due_at
            expect(is_due, "timer_is_never_early", place)
        case RefusalUndone():
            in_time = old.refusal is not None and envelope.occurred_at < old.refusal.final_at
            expect(in_time and not old.is_final, "a_refusal_is_undone_in_time", place)
        case OrderDelivered():
            expect(was is OrderStatus.IN_DELIVERY, "pickup_comes_before_dropoff", place)
        case _:
            pass


def _check_refunds(order: Order, place: str) -> None:
    """No item and no cent is given back twice, or is about to be."""
    counted = [each for each in order.refunds if each.is_open or _is_done(each.status)]
    cents = sum(each.amount_cents for each in counted)
    expect(cents <= order.amount_cents, "no_more_back_than_paid", place)
    lines = Counter[int]()
    for refund in counted:
        for item in refund.items:
            lines[item.line] += item.quantity
    for line, quantity in lines.items():
        expect(quantity <= order.items[line].quantity, "no_item_is_refunded_twice", place)


def _is_done(status: RefundStatus) -> bool:
    return status is RefundStatus.REFUNDED
