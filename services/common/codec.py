"""The wire form of messages: one JSON object per record, envelope and content side by side.

The only module that knows the form. The Avro schemas under schemas/ say the same and are the source
of truth; tests/contract compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar, get_args

import msgspec
import orjson

from services.common import forms, ids
from services.common.decider import Envelope, Name, Version
from services.common.messages import delivery, driver, matcher, order, restaurant
from services.common.values import Instant, check_identifier

COMMAND_BYTES_MAX = 262_144
EVENT_BYTES_MAX = 900_000

_OPTIONS = orjson.OPT_UTC_Z


class BadRecordError(Exception):
    """A record that is not a message of its topic; the text says what is wrong and where."""


class _CommandEnvelope(msgspec.Struct):
    """What a command says about itself: all but its type may be missing."""

    type: str
    id: Name | None = None
    occurred_at: Instant | None = None
    causation_id: Name | None = None
    correlation_id: Name | None = None
    version: Version = 0
    follows: Name | None = None
    source: Name | None = None
    source_version: Version | None = None


_Decoders = Mapping[str, msgspec.json.Decoder[Any]]
_Head = TypeVar("_Head", _CommandEnvelope, Envelope)

_command_envelopes = msgspec.json.Decoder(_CommandEnvelope)
_event_envelopes = msgspec.json.Decoder(Envelope)


@dataclass(frozen=True)
class Language:
    """The messages of one owner: `key_field` names the field that holds the aggregate's id."""

    owner: str
    key_field: str
    commands: tuple[type[Any], ...]
    events: tuple[type[Any], ...]

    @cached_property
    def _commands(self) -> _Decoders:
        return {message.__name__: msgspec.json.Decoder(message) for message in self.commands}

    @cached_property
    def _events(self) -> _Decoders:
        return {message.__name__: msgspec.json.Decoder(message) for message in self.events}

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
        wire, message = _decode(value, _command_envelopes, self._commands, COMMAND_BYTES_MAX)
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
        envelope, message = _decode(value, _event_envelopes, self._events, EVENT_BYTES_MAX)
        if envelope.version < 1:
            raise BadRecordError("an event needs a version from 1 on")
        return envelope, message


def _decode(
    value: bytes | None,
    heads: msgspec.json.Decoder[_Head],
    messages: _Decoders,
    bytes_max: int,
) -> tuple[_Head, Any]:
    if value is None:
        raise BadRecordError("the record has no value")
    if len(value) > bytes_max:
        raise BadRecordError(f"the record has {len(value)} bytes; at most {bytes_max} are taken")
    try:
        head = heads.decode(value)
        decoder = messages.get(head.type)
        message = None if decoder is None else decoder.decode(value)
    except msgspec.ValidationError as error:
        raise BadRecordError(f"the record does not fit its schema: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecordError(f"the record is not a JSON object in UTF-8: {error}") from error
    if message is None:
        names = ", ".join(messages)
        raise BadRecordError(f"unknown type {head.type[:80]!r}; known here are {names}")
    return head, message


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
