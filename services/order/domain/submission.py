"""How an order is taken in, once however often it is submitted."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from services.common.decider import Rejected
from services.common.messages.order import (
    DELAY_SECONDS_MAX,
    OrderCreated,
    OrderEvent,
    SubmitOrder,
)
from services.order.domain.order import Order

CODE_DIGITS = 4


def submit(
    command: SubmitOrder, order: Order | None, at: datetime, code_secret: str
) -> OrderEvent | Rejected | None:
    """The order that a submission makes, unless it is known or wanted ready in the past."""
    if order is not None:
        if content(command) == content(order):
            return None
        return Rejected(
            "reference_taken",
            f"{command.partner} has already ordered other things as {command.reference}",
        )
    if command.ready_at is not None and command.ready_at <= at:
        return Rejected("ready_at_past", f"ready_at {command.ready_at.isoformat()} is in the past")
    if command.ready_at is not None and command.ready_at > at + timedelta(
        seconds=DELAY_SECONDS_MAX
    ):
        return Rejected(
            "ready_at_too_far",
            f"ready_at {command.ready_at.isoformat()} is more than {DELAY_SECONDS_MAX} s ahead",
        )
    return OrderCreated(
        order_id=command.order_id,
        partner=command.partner,
        reference=command.reference,
        restaurant=command.restaurant,
        destination=command.destination,
        items=command.items,
        currency=command.currency,
        amount_cents=command.amount_cents,
        payment_token=command.payment_token,
        delay_seconds=command.delay_seconds,
        ready_at=None if command.ready_at is None else command.ready_at.astimezone(UTC),
        idempotency_key=command.idempotency_key,
        code=door_code(command.order_id, code_secret) if command.requires_code else None,
        customer=command.customer,
    )


def door_code(order_id: str, code_secret: str) -> str:
    """What a driver names at the door: the same for an order, and not to be guessed without."""
    digest = hmac.new(code_secret.encode(), order_id.encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def content(asked: SubmitOrder | Order) -> tuple[object, ...]:
    """What makes two submissions of one reference the same order."""
    requires_code = asked.code is not None if isinstance(asked, Order) else asked.requires_code
    return (
        asked.restaurant,
        asked.destination,
        asked.items,
        asked.currency,
        asked.payment_token,
        asked.delay_seconds,
        asked.ready_at,
        requires_code,
        asked.customer,
    )
