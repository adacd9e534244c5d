"""Whole lives of orders as events, for benchmarks that need a log of some length."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.common import ids
from services.common.codec import encode_event
from services.common.decider import Envelope, Row, fold
from services.common.messages.order import (
    ConfirmPayment,
    ConfirmPreparation,
    FinishPreparation,
    OrderCommand,
    RecordDriver,
    RecordDropoff,
    RecordEta,
    RecordPickup,
    StartPreparation,
    SubmitOrder,
)
from services.common.values import GeoPoint, Item, Restaurant
from services.order.domain import Order, order_decider

BEGINNING = datetime(2030, 1, 1, 18, tzinfo=UTC)
PREPARATION_SECONDS = 900
# So many orders are under way at once: their events lie side by side in the log.
SIDE_BY_SIDE = 200
ETA_CHANGES = 5


def event_values(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of so many records of order.events, as the order service writes them."""
    written = 0
    number = 0
    while written < count:
        lives = [_life(number + n) for n in range(SIDE_BY_SIDE)]
        number += SIDE_BY_SIDE
        for step in range(max(map(len, lives))):
            for life in lives:
                if step < len(life) and written < count:
                    written += 1
                    yield life[step]


def _life(number: int) -> Sequence[tuple[bytes, bytes]]:
    """The events of one delivered order, each decided as the service would."""
    decider = order_decider(PREPARATION_SECONDS)
    row: Row[Order] | None = None
    life: list[tuple[bytes, bytes]] = []
    at = BEGINNING + timedelta(seconds=number)
    for command in _commands(number, at):
        command_id = ids.derive(command.order_id, repr(command))
        event: Any = decider.decide(command, None if row is None else row.state, at)
        envelope = Envelope(
            id=ids.derive(command_id, "event"),
            type=type(event).__name__,
            occurred_at=at,
            causation_id=command_id,
            correlation_id=command.order_id,
            version=1 if row is None else row.version + 1,
        )
        row = fold(decider, row, envelope, event)
        life.append((command.order_id.encode(), encode_event(envelope, event)))
    return life


def _commands(number: int, at: datetime) -> Iterator[OrderCommand]:
    kitchen, door = GeoPoint(37.3305, -121.8905), GeoPoint(37.3412, -121.8743)
    submitted = SubmitOrder(
        partner="acme",
        reference=str(number),
        restaurant=Restaurant("taqueria-1", "san-jose", kitchen),
        destination=door,
        items=(Item("Taco al pastor", 3, 450), Item("Horchata", 1, 300)),
        currency="USD",
        payment_token="tok_visa",
    )
    order_id = submitted.order_id
    yield submitted
    yield ConfirmPayment(order_id, f"ch_{number}")
    yield StartPreparation(order_id, at)
    yield ConfirmPreparation(order_id, f"ticket_{number}")
    yield FinishPreparation(order_id)
    yield RecordDriver(order_id, ids.delivery_id(order_id), "driver-1", at)
    yield RecordPickup(order_id)
    for change in range(1, ETA_CHANGES + 1):
        yield RecordEta(order_id, at + timedelta(seconds=change))
    yield RecordDropoff(order_id)
