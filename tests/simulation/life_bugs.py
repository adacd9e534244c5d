"""Bugs in the rules of orders, deliveries and drivers, each planted with monkeypatch."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from msgspec.structs import replace

from infra.simulation.workers import parts_of
from services.common.decider import Wakeup
from services.common.messages.driver import GoodsDroppedOff
from services.common.messages.order import (
    ExpireAcceptance,
    OrderCancelled,
    OrderDelivered,
    OrderPickedUp,
    RecordDropoff,
    RecordPickup,
    RefusalUndone,
)
from services.driver.domain import twin, work
from services.matcher import domain as matcher
from services.order.domain.order import Order, OrderStatus, PaymentStatus
from services.order.effects import OrderOutside

# Modules of one package, of which some are called as what the package itself exports.
agenda: Any = import_module("services.order.domain.agenda")
decider: Any = import_module("services.order.domain.decider")
evolution: Any = import_module("services.order.domain.evolution")
refunds: Any = import_module("services.order.domain.refunds")
refusal: Any = import_module("services.order.domain.refusal")


def key_by_attempt(patch: pytest.MonkeyPatch, path: str) -> None:
    """Each attempt of a call has an idempotency key of its own."""
    once = OrderOutside._once

    async def once_per_attempt(
        outside: OrderOutside, url: str, key: str, content: dict[str, Any], attempt: int
    ) -> Any:
        own = f"{key}/{attempt}" if url.endswith(path) else key
        return await once(outside, url, own, content, attempt)

    patch.setattr(OrderOutside, "_once", once_per_attempt)


def key_charges_by_attempt(patch: pytest.MonkeyPatch) -> None:
    """Each attempt of a charge has an idempotency key of its own."""
    key_by_attempt(patch, "/charges")


def key_tickets_by_attempt(patch: pytest.MonkeyPatch) -> None:
    """Each attempt of a ticket has an idempotency key of its own."""
    key_by_attempt(patch, "/tickets")


def key_refunds_by_attempt(patch: pytest.MonkeyPatch) -> None:
    """Each attempt of a refund has an idempotency key of its own."""
    key_by_attempt(patch, "/refunds")


def refund_an_item_twice(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks what was given back already."""
    patch.setattr(refunds, "_beyond", lambda order, items, amount_cents: None)


def _end_with(patch: pytest.MonkeyPatch, **changes: Any) -> None:
    end = evolution.cancelled

    def ended(order: Order, event: OrderCancelled, at: Any) -> Order:
        after: Order = end(order, event, at)
        is_paid = after.payment is not PaymentStatus.VOIDING and "payment" in changes
        changed: Order = after if is_paid else replace(after, **changes)
        return changed

    patch.setattr(evolution, "cancelled", ended)


def forget_the_ticket(patch: pytest.MonkeyPatch) -> None:
    """A cancellation does not reach the kitchen."""
    _end_with(patch, is_ticket_cancellation_due=False)


def forget_the_charge(patch: pytest.MonkeyPatch) -> None:
    """A cancellation does not see to a charge that is on its way."""
    _end_with(patch, payment=PaymentStatus.VOIDED)


def forget_the_driver(patch: pytest.MonkeyPatch) -> None:
    """A cancellation does not reach the delivery."""
    reactions: Any = parts_of("delivery").reactions
    react = reactions["order"]

    def react_to_order(event: Any) -> Iterator[Any]:
        if not isinstance(event, OrderCancelled):
            yield from react(event)

    patch.setitem(reactions, "order", react_to_order)


def ask_who_has_rejected(patch: pytest.MonkeyPatch) -> None:
    """Neither the matcher nor the twin remembers who has rejected what."""
    patch.setattr(matcher, "_declined_by", lambda offer, is_excluded: offer.delivery)
    patch.setattr(twin, "_remembered", lambda driver, delivery_id: ())


def drop_off_without_code(patch: pytest.MonkeyPatch) -> None:
    """Any code will do, and none."""

    def drop_off(code: str | None, driver: Any, delivery: Any, limits: Any) -> Any:
        if not delivery.picked_up:
            return work._not_picked_up(delivery)
        return GoodsDroppedOff(driver.driver_id, delivery.delivery_id, delivery.order_id)

    patch.setattr(work, "_drop_off", drop_off)


def drop_off_without_pickup(patch: pytest.MonkeyPatch) -> None:
    """A driver may hand over what it never fetched."""

    def drop_off(code: str | None, driver: Any, delivery: Any, limits: Any) -> Any:
        return GoodsDroppedOff(driver.driver_id, delivery.delivery_id, delivery.order_id)

    patch.setattr(work, "_drop_off", drop_off)


def undo_after_the_end(patch: pytest.MonkeyPatch) -> None:
    """A refusal may be taken back at any time."""
    patch.setattr(refusal, "_undone", lambda order, at, policy: RefusalUndone(order.order_id))


def move_what_has_ended(patch: pytest.MonkeyPatch) -> None:
    """What a driver does moves an order that was cancelled."""
    decide = decider.decide_delivery

    def decide_blindly(command: Any, order: Order) -> Any:
        if order.status is OrderStatus.CANCELLED:
            match command:
                case RecordPickup():
                    return OrderPickedUp(order.order_id)
                case RecordDropoff():
                    return OrderDelivered(order.order_id)
        return decide(command, order)

    patch.setattr(decider, "decide_delivery", decide_blindly)


def wait_for_ever(patch: pytest.MonkeyPatch) -> None:
    """No timer ends an order whose restaurant does not answer."""
    ask = agenda._kitchen

    def kitchen(order: Order) -> Iterator[Any]:
        for each in ask(order):
            is_limit = isinstance(each, Wakeup) and isinstance(each.command, ExpireAcceptance)
            if not is_limit:
                yield each

    patch.setattr(agenda, "_kitchen", kitchen)
