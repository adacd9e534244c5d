"""Any instance of any message, and any JSON."""

import dataclasses
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import Phase, find, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from services.common.codec import (
    LANGUAGES,
    encode_command,
    encode_event,
    encode_plain,
)
from services.common.decider import ID_CHARS_MAX, VERSION_MAX, Envelope
from services.common.messages import delivery, driver, order, restaurant
from services.common.values import (
    CURRENCIES,
    INSTANT_MAX,
    INSTANT_MIN,
    PRICE_CENTS_MAX,
    QUANTITY_MAX,
    TEXT_CHARS_MAX,
    GeoPoint,
    Item,
    Restaurant,
)

from .language import LONG_MAX, LONG_MIN, Message

ARRAY_ITEMS_MAX = 3

IDENTIFIERS = st.uuids().map(str) | st.sampled_from(["0", "a.b_c:d-e", "Z" * 64])
TEXTS = st.text(min_size=1, max_size=TEXT_CHARS_MAX).filter(lambda text: text.strip() != "")
REASONS = st.text(min_size=1, max_size=order.DETAIL_CHARS_MAX).filter(
    lambda text: text.strip() != ""
)
INSTANTS = st.datetimes(timezones=st.just(UTC))
NEAR_INSTANTS = st.datetimes(
    INSTANT_MIN.replace(tzinfo=None), INSTANT_MAX.replace(tzinfo=None), timezones=st.just(UTC)
)
ZONES = st.sampled_from(["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "UTC"])
PREPARATIONS = st.integers(0, order.PREPARATION_SECONDS_MAX)
MINUTES = st.integers(0, restaurant.MINUTES_PER_DAY - 1)
LONGS = st.integers(LONG_MIN, LONG_MAX)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | LONGS
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

_PLAIN: dict[Any, SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: LONGS,
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(max_size=20),
    datetime: INSTANTS,
}
# What a class demands of its fields beyond their types.
_DEMANDS: dict[type[Any], dict[str, SearchStrategy[Any]]] = {
    GeoPoint: {"latitude": st.floats(-90, 90), "longitude": st.floats(-180, 180)},
    Item: {
        "name": TEXTS,
        "quantity": st.integers(1, 50) | st.just(QUANTITY_MAX),
        "price_cents": st.integers(0, 10_000) | st.just(PRICE_CENTS_MAX),
    },
    Restaurant: {"zone": st.none() | ZONES},
    order.SubmitOrder: {
        "reference": TEXTS,
        "currency": st.sampled_from(sorted(CURRENCIES)),
        "payment_token": TEXTS,
        "delay_seconds": st.integers(0, order.DELAY_SECONDS_MAX),
        "ready_at": st.none(),
        "idempotency_key": st.none() | TEXTS,
        "customer": st.none() | TEXTS,
    },
    order.RefundItem: {
        "line": st.integers(0, order.ITEMS_MAX - 1),
        "quantity": st.integers(1, QUANTITY_MAX),
    },
    order.ConfirmPreparation: {"preparation_seconds": st.none() | PREPARATIONS},
    order.AcceptOrder: {"preparation_seconds": st.none() | PREPARATIONS},
    order.RefuseOrder: {"detail": st.text(max_size=order.DETAIL_CHARS_MAX)},
    order.UpdatePreparation: {"ready_at": NEAR_INSTANTS},
    order.CancelOrder: {"reason": REASONS},
    order.RequestRefund: {"refund": IDENTIFIERS, "reason": REASONS},
    order.RetryRefund: {"refund": IDENTIFIERS},
    restaurant.OpeningHours: {
        "weekday": st.integers(1, 7),
        "opens_minute": MINUTES,
        "closes_minute": MINUTES,
    },
    restaurant.ConfigureRestaurant: {
        "zone": ZONES,
        "preparation_seconds": st.none() | PREPARATIONS,
        "accept_seconds_max": st.none() | st.integers(1, restaurant.ACCEPT_SECONDS_MAX),
    },
    restaurant.SetRestaurantStatus: {
        "busy_seconds": PREPARATIONS,
        "until": st.none() | NEAR_INSTANTS,
    },
    restaurant.SnoozeItem: {"item": TEXTS, "until": st.none() | NEAR_INSTANTS},
    restaurant.RestoreItem: {"item": TEXTS},
    delivery.ReassignDelivery: {"reason": REASONS},
    delivery.WriteOffDelivery: {"reason": REASONS},
    delivery.WaiveCode: {"reason": REASONS},
    driver.RejectOffer: {"reason": REASONS},
    driver.GiveUpDelivery: {"reason": REASONS},
    driver.ReportFailure: {"reason": REASONS},
    driver.ReportDropoff: {"code": st.none() | st.from_regex("[0-9]{4}", fullmatch=True)},
    driver.ReportLocation: {"recorded_at": NEAR_INSTANTS},
}


@cache
def records(message: Message) -> SearchStrategy[tuple[Envelope, Any]]:
    """Any instance of a message with an envelope; the content of "record" needs none."""
    name = message.type.__name__
    is_event = message.kind == "event"
    # A source comes with its version, or both are missing.
    sources = st.just((None, None)) | st.tuples(_ids(), st.integers(0, VERSION_MAX))
    envelopes = st.builds(
        _envelope,
        id=_ids(),
        type=st.just(name),
        occurred_at=INSTANTS,
        causation_id=_ids(),
        correlation_id=_ids(),
        version=st.integers(1, VERSION_MAX) if is_event else st.just(0),
        follows=st.none() | _ids() if is_event else st.none(),
        from_source=sources,
    )
    return st.tuples(envelopes, _values(message.type, name))


@cache
def smallest(message: Message) -> bytes:
    """The value of a record with as little in it as the message allows; always the same."""
    anything = settings(database=None, deadline=None, phases=[Phase.generate])
    return encode(message, *find(records(message), lambda _: True, settings=anything))


def encode(message: Message, envelope: Envelope, content: Any) -> bytes:
    """The value of the record, as the runtime writes it."""
    match message.kind:
        case "command":
            return encode_command(envelope, content)
        case "event":
            return encode_event(envelope, content)
        case "record":
            return encode_plain(content)


def decode(message: Message, value: bytes, at: datetime) -> tuple[Envelope, Any]:
    """The envelope and content of a command or event, as the runtime reads it."""
    language = LANGUAGES[message.owner]
    if message.kind == "command":
        return language.decode_command(value, "topic/0/1", at)
    return language.decode_event(value)


def _envelope(from_source: tuple[str | None, int | None], **others: Any) -> Envelope:
    return Envelope(source=from_source[0], source_version=from_source[1], **others)


def _ids() -> SearchStrategy[str]:
    return st.uuids().map(str) | st.text(min_size=1, max_size=ID_CHARS_MAX)


@cache
def _instances(kind: Any) -> SearchStrategy[Any]:
    hints = get_type_hints(kind)
    fields = {
        field.name: _values(hints[field.name], field.name) for field in dataclasses.fields(kind)
    }
    if "type" in fields:
        fields["type"] = st.just(kind.__name__)
    fields |= _DEMANDS.get(kind, {})
    if kind is not order.SubmitOrder:
        return st.builds(kind, **fields)
    items = st.lists(_instances(Item), min_size=1, max_size=order.ITEMS_MAX).map(tuple)
    fields["items"] = items.filter(_is_payable)
    for_a_time = {"delay_seconds": st.just(0), "ready_at": NEAR_INSTANTS}
    return st.builds(kind, **fields) | st.builds(kind, **(fields | for_a_time))


def _is_payable(items: tuple[Item, ...]) -> bool:
    return sum(item.quantity * item.price_cents for item in items) <= order.AMOUNT_CENTS_MAX


def _values(annotation: Any, name: str) -> SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is str and (name.endswith("_id") or name in ("region", "partner")):
        return IDENTIFIERS
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin in (Union, UnionType):
        (other,) = (each for each in arguments if each is not NoneType)
        return st.none() | _values(other, name)
    if origin is tuple:
        return st.lists(_values(arguments[0], name), max_size=ARRAY_ITEMS_MAX).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(), _values(arguments[1], name), max_size=ARRAY_ITEMS_MAX)
    if issubclass(annotation, StrEnum):
        return st.sampled_from(list(annotation))
    return _instances(annotation)
