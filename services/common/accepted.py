"""An accepted command: its event as it will lie in the log, and the row that the event leads to."""

from typing import Any

from msgspec import Struct

from services.common import ids
from services.common.codec import EVENT_BYTES_MAX, encode_event
from services.common.decider import Decider, Envelope, Row, fold


class Accepted(Struct, frozen=True):
    """An event that is not in the log yet."""

    envelope: Envelope
    event: Any
    value: bytes
    after: Row[Any]


def accept(
    decider: Decider[Any, Any, Any], row: Row[Any] | None, command: Envelope, event: Any
) -> Accepted:
    """The event that a command has led to, with ids and a version that derive from both.

    Raises:
        ValueError: it is too long for the log, or its own aggregate would not take it.
    """
    envelope = Envelope(
        id=ids.derive(command.id, "event"),
        type=type(event).__name__,
        occurred_at=command.occurred_at,
        causation_id=command.id,
        correlation_id=command.correlation_id,
        version=1 if row is None else row.version + 1,
        follows=None if row is None else row.event_id,
        source=command.source,
        source_version=command.source_version,
    )
    value = encode_event(envelope, event)
    if len(value) > EVENT_BYTES_MAX:
        raise ValueError(f"its event has {len(value)} bytes; at most {EVENT_BYTES_MAX}")
    after = fold(decider, row, envelope, event)
    if after is None:
        raise ValueError(f"its event can't follow version {envelope.version - 1}")
    return Accepted(envelope, event, value, after)
