"""The wire form of messages: one JSON object per record, envelope and content side by side.

The only module that knows the form. The Avro schemas under schemas/ say the same and are the source
of truth; tests/contract compares the two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, get_args

import msgspec
import orjson

from services.common import forms, ids
from services.common.decider import Envelope
from services.common.messages import delivery, driver, matcher, order, restaurant
from services.common.values import Instant, check_identifier

COMMAND_BYTES_MAX = 262_144
EVENT_BYTES_MAX = 900_000
ID_CHARS_MAX = 200
VERSION_MAX = 2**63 - 1

_OPTIONS = orjson.OPT_UTC_Z


class BadRecordError(Exception):
    """A record that is not a message of its topic; the text says what is wrong and where."""


_Id = Annotated[str, msgspec.Meta(max_length=ID_CHARS_MAX)]
_Version = Annotated[int, msgspec.Meta(ge=0, le=VERSION_MAX)]


class _WireEnvelope(msgspec.Struct):
    type: str
    id: _Id | None = None
    occurred_at: Instant | None = None
    causation_id: _Id | None = None
    correlation_id: _Id | None = None
    version: _Version = 0
    follows: _Id | None = None
    source: _Id | None = None
    source_version: _Version | None = None


_envelope_decoder = msgspec.json.Decoder(_WireEnvelope)


@dataclass(frozen=True)
class Language:
    """The messages of one owner: `key_field` names the field that holds the aggregate's id."""

    owner: str
    key_field: str
    commands: tuple[type[Any], ...]
    events: tuple[type[Any], ...]

    @cached_property
    def _decoders(self) -> dict[str, msgspec.json.Decoder[Any]]:
        return {
            message.__name__: msgspec.json.Decoder(message)
            for message in (*self.commands, *self.events)
        }

    def key(self, message: Any) -> str:
        """The id of the aggregate that the message is for."""
        key: str = getattr(message, self.key_field)
        return key

    def decode_command(self, value: bytes | None, place: str, at: datetime) -> tuple[Envelope, Any]:
        """A command, and its envelope completed from where and when it lies in the log.

        Args:
            place: topic/partition/offset; the id of a command that names none derives from it.
            at: the broker's instant of the record.

        Raises:
            BadRecordError: the bytes are no command of this owner.
        """
        wire, message = self._decode(value, self.commands, COMMAND_BYTES_MAX)
        key = self.key(message)
        try:
            check_identifier(self.key_field, key)
        except ValueError as error:
            raise BadRecordError(f"the record does not fit its schema: {error}") from error
        if (wire.source is None) != (wire.source_version is None):
            raise BadRecordError("source and source_version come together or not at all")
        command_id = wire.id or ids.derive(place, "command")
        return (
            Envelope(
                id=command_id,
                type=wire.type,
                occurred_at=at,
                causation_id=wire.causation_id or command_id,
                correlation_id=wire.correlation_id or key,
                source=wire.source,
                source_version=wire.source_version,
            ),
            message,
        )

    def decode_event(self, value: bytes | None) -> tuple[Envelope, Any]:
        """An event and its envelope.

        Raises:
            BadRecordError: the bytes are no event of this owner.
        """
        wire, message = self._decode(value, self.events, EVENT_BYTES_MAX)
        if not (wire.id and wire.occurred_at and wire.causation_id and wire.correlation_id):
            raise BadRecordError("an event needs id, occurred_at, causation_id and correlation_id")
        if wire.version < 1:
            raise BadRecordError("an event needs a version from 1 on")
        return (
            Envelope(
                id=wire.id,
                type=wire.type,
                occurred_at=wire.occurred_at,
                causation_id=wire.causation_id,
                correlation_id=wire.correlation_id,
                version=wire.version,
                follows=wire.follows,
                source=wire.source,
                source_version=wire.source_version,
            ),
            message,
        )

    def _decode(
        self, value: bytes | None, allowed: Iterable[type[Any]], bytes_max: int
    ) -> tuple[_WireEnvelope, Any]:
        if value is None:
            raise BadRecordError("the record has no value")
        if len(value) > bytes_max:
            raise BadRecordError(
                f"the record has {len(value)} bytes; at most {bytes_max} are taken"
            )
        try:
            wire = _envelope_decoder.decode(value)
            decoder = self._decoders.get(wire.type)
            message = None if decoder is None else decoder.decode(value)
        except msgspec.ValidationError as error:
            raise BadRecordError(f"the record does not fit its schema: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRecordError(f"the record is not a JSON object in UTF-8: {error}") from error
        if type(message) not in allowed:
            names = ", ".join(each.__name__ for each in allowed)
            raise BadRecordError(f"unknown type {wire.type[:80]!r}; known here are {names}")
        return wire, message


def encode_command(envelope: Envelope, command: Any) -> bytes:
    """The record's value of a command."""
    head: dict[str, Any] = {
        "id": envelope.id,
        "type": envelope.type,
        "occurred_at": envelope.occurred_at,
        "causation_id": envelope.causation_id,
        "correlation_id": envelope.correlation_id,
        "source": envelope.source,
        "source_version": envelope.source_version,
    }
    return _join(head, command)


def encode_event(envelope: Envelope, event: Any) -> bytes:
    """The record's value of an event."""
    return _join(
        {
            "id": envelope.id,
            "type": envelope.type,
            "occurred_at": envelope.occurred_at,
            "causation_id": envelope.causation_id,
            "correlation_id": envelope.correlation_id,
            "version": envelope.version,
            "follows": envelope.follows,
            "source": envelope.source,
            "source_version": envelope.source_version,
        },
        event,
    )


def encode_plain(content: Any) -> bytes:
    """JSON of any value made of structs, dataclasses, dictionaries, lists and instants."""
    return orjson.dumps(content, _plain, _OPTIONS)


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    return forms.stored(value)


def _join(head: dict[str, Any], message: Any) -> bytes:
    body = orjson.dumps(message, option=_OPTIONS)
    joined = orjson.dumps(head, option=_OPTIONS)
    return joined if body == b"{}" else joined[:-1] + b"," + body[1:]


ORDER = Language("order", "order_id", get_args(order.OrderCommand), get_args(order.OrderEvent))
RESTAURANT = Language(
    "restaurant",
    "restaurant_id",
    get_args(restaurant.RestaurantCommand),
    get_args(restaurant.RestaurantEvent),
)
DELIVERY = Language(
    "delivery", "delivery_id", get_args(delivery.DeliveryCommand), get_args(delivery.DeliveryEvent)
)
MATCHER = Language(
    "matcher", "region", get_args(matcher.MatcherCommand), get_args(matcher.MatcherEvent)
)
DRIVER = Language(
    "driver", "driver_id", get_args(driver.DriverCommand), get_args(driver.DriverEvent)
)
LANGUAGES = {
    language.owner: language for language in (ORDER, RESTAURANT, DELIVERY, MATCHER, DRIVER)
}
