"""Whole lives of orders as events, for benchmarks that need a log of some length."""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from services.common import ids
from services.common.codec import encode_event
from services.common.decider import Envelope, Row, fold
from services.common.messages.order import (
    ConfirmAdmission,
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
from services.order.domain import Order, Policy, order_decider

BEGINNING = datetime(2030, 1, 1, 18, tzinfo=UTC)
POLICY = Policy()
ETA_CHANGES = 5
EVENTS_PER_LIFE = 9 + ETA_CHANGES

Keyed = tuple[bytes, bytes]


def event_values(count: int, side_by_side: int) -> Iterator[Keyed]:
    """Keys and values of so many records of order.events, as the order service writes them.

    Args:
        side_by_side: how many orders are under way at once; each gets its next event in turn, and
            one that is delivered makes room for a new one. From the first turn on the orders are at
            all stages of their lives.
    """
    lives: deque[Iterator[Keyed]] = deque()
    number = 0
    written = 0
    while written < count:
        if len(lives) < side_by_side:
            life, age = _life(number), number % EVENTS_PER_LIFE
            # The first ones begin in turns, or all would be at the same stage.
            wait = age if number < side_by_side else 0
            number += 1
            lives.append(_after(wait, life))
            continue
        life = lives.popleft()
        record = next(life, None)
        if record is None:
            continue
        lives.append(life)
        if record != _NOTHING:
            written += 1
            yield record


_NOTHING: Keyed = (b"", b"")


def _after(turns: int, life: Iterator[Keyed]) -> Iterator[Keyed]:
    for _ in range(turns):
        yield _NOTHING
    yield from life


def _life(number: int) -> Iterator[Keyed]:
    """The events of one delivered order, each decided as the service would."""
    decider = order_decider(POLICY)
    row: Row[Order] | None = None
    at = BEGINNING + timedelta(seconds=number)
    for command in _commands(number, at):
        command_id = ids.derive(command.order_id, repr(command))
        event: Any = decider.decide(command, None if row is None else row.state, at)
        version = 1 if row is None else row.version + 1
        is_of_delivery = isinstance(
            command, RecordDriver | RecordEta | RecordPickup | RecordDropoff
        )
        envelope = Envelope(
            id=ids.derive(command_id, "event"),
            type=type(event).__name__,
            occurred_at=at,
            causation_id=command_id,
            correlation_id=command.order_id,
            version=version,
            source=f"delivery/{ids.delivery_id(command.order_id)}" if is_of_delivery else None,
            source_version=version if is_of_delivery else None,
        )
        row = fold(decider, row, envelope, event)
        yield command.order_id.encode(), encode_event(envelope, event)


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
    seconds = POLICY.preparation_seconds, POLICY.accept_seconds_max
    yield ConfirmAdmission(order_id, "America/Los_Angeles", *seconds)
    yield ConfirmPayment(order_id, f"ch_{number}")
    yield StartPreparation(order_id, at)
    yield ConfirmPreparation(order_id, f"ticket_{number}")
    yield FinishPreparation(order_id)
    yield RecordDriver(order_id, ids.delivery_id(order_id), "driver-1", at)
    yield RecordPickup(order_id)
    for change in range(1, ETA_CHANGES + 1):
        yield RecordEta(order_id, at + timedelta(seconds=change))
    yield RecordDropoff(order_id)
