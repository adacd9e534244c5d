"""The wire form: what goes in comes out, and what is no message of the topic is told apart."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.codec import (
    COMMAND_BYTES_MAX,
    EVENT_BYTES_MAX,
    ORDER,
    BadRecordError,
    encode_command,
    encode_event,
    encode_plain,
)
from services.common.decider import Envelope
from services.common.messages.order import FinishPreparation, OrderDelivered, SubmitOrder
from services.common.values import GeoPoint, Item, Restaurant
from tests.common.tally import EPOCH

texts = st.text(min_size=1, max_size=200).filter(lambda text: bool(text.strip()))
identifiers = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True)

submissions = st.builds(
    SubmitOrder,
    partner=identifiers,
    reference=texts,
    restaurant=st.builds(
        Restaurant,
        identifiers,
        identifiers,
        st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180)),
    ),
    destination=st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180)),
    items=st.lists(
        st.builds(Item, texts, st.integers(1, 100), st.integers(0, 10**6)), min_size=1, max_size=5
    ).map(tuple),
    currency=st.sampled_from(["EUR", "JPY"]),
    payment_token=texts,
    delay_seconds=st.integers(0, 3600),
    idempotency_key=st.none() | texts,
)


@given(submissions, st.none() | st.integers(0, 2**63 - 1))
def test_a_command_comes_back_as_it_was(command: SubmitOrder, version: int | None) -> None:
    """With its envelope; the instant is the broker's."""
    source = None if version is None else "delivery/ü"
    envelope = Envelope("id", "SubmitOrder", EPOCH, "cause", "correlation", 0, source, version)
    decoded = ORDER.decode_command(encode_command(envelope, command), "place", EPOCH)
    assert decoded == (envelope, command)


def test_an_event_comes_back_as_it_was() -> None:
    """With its envelope and version."""
    envelope = Envelope("id", "OrderDelivered", EPOCH, "cause", "corr", 7, "delivery/d", 3)
    event = OrderDelivered("o1")
    assert ORDER.decode_event(encode_event(envelope, event)) == (envelope, event)


def test_a_record_is_one_flat_json_object_with_instants_in_utc() -> None:
    """So that kcat and any language can read and write it."""
    envelope = Envelope("id", "OrderDelivered", EPOCH, "cause", "corr", 7)
    value = orjson.loads(encode_event(envelope, OrderDelivered("o1")))
    assert value == {
        "id": "id",
        "type": "OrderDelivered",
        "occurred_at": "2030-01-01T00:00:00Z",
        "causation_id": "cause",
        "correlation_id": "corr",
        "version": 7,
        "follows": None,
        "source": None,
        "source_version": None,
        "order_id": "o1",
    }
    assert encode_plain({"at": EPOCH}) == b'{"at":"2030-01-01T00:00:00Z"}'


def test_a_bare_command_is_completed_from_where_it_lies() -> None:
    """A partner may leave the envelope to us; the same place gives the same id."""
    value = b'{"type":"FinishPreparation","order_id":"o1","unheard":[1]}'
    envelope, command = ORDER.decode_command(value, "order.commands/1/2", EPOCH)
    again, _ = ORDER.decode_command(value, "order.commands/1/2", EPOCH)
    other, _ = ORDER.decode_command(value, "order.commands/1/3", EPOCH)
    assert command == FinishPreparation("o1")
    assert envelope == again
    assert envelope.id != other.id
    assert (envelope.causation_id, envelope.correlation_id) == (envelope.id, "o1")
    assert (envelope.source, envelope.source_version, envelope.version) == (None, None, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x" * 201),
        ("causation_id", "x" * 201),
        ("correlation_id", "x" * 201),
        ("source", "x" * 201),
        ("source_version", -1),
        ("source_version", 2**63),
        ("source_version", "1"),
        ("source_version", None),
        ("id", 7),
        ("type", None),
        ("type", "x" * 500),
        ("order_id", ""),
        ("order_id", "-a"),
        ("order_id", "a" * 65),
        ("order_id", "a\n"),
        ("order_id", None),
    ],
)
def test_a_command_with_an_impossible_part_is_a_bad_record(field: str, value: object) -> None:
    """And the reason is a sentence of moderate length."""
    whole = {
        "type": "FinishPreparation",
        "order_id": "o1",
        "source": "delivery/d",
        "source_version": 1,
    }
    ORDER.decode_command(orjson.dumps(whole), "place", EPOCH)
    with pytest.raises(BadRecordError) as caught:
        ORDER.decode_command(orjson.dumps(whole | {field: value}), "place", EPOCH)
    assert 10 < len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", ""),
        ("occurred_at", None),
        ("occurred_at", "2030-01-01T00:00:00"),
        ("occurred_at", "yesterday"),
        ("causation_id", None),
        ("correlation_id", ""),
        ("version", 0),
        ("version", -1),
        ("version", 2**63),
        ("type", "FinishPreparation"),
    ],
)
def test_an_event_without_a_whole_envelope_is_a_bad_record(field: str, value: object) -> None:
    """Nobody but its owner writes events, and the owner leaves nothing out."""
    envelope = Envelope("id", "OrderDelivered", EPOCH, "cause", "corr", 7)
    whole = orjson.loads(encode_event(envelope, OrderDelivered("o1")))
    with pytest.raises(BadRecordError):
        ORDER.decode_event(orjson.dumps(whole | {field: value}))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_bad_record(value: bytes) -> None:
    """Nothing else is ever raised."""
    with pytest.raises(BadRecordError):
        ORDER.decode_command(value, "place", EPOCH)
    with pytest.raises(BadRecordError):
        ORDER.decode_event(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([message.__name__ for message in (*ORDER.commands, *ORDER.events)]),
    st.dictionaries(
        st.sampled_from(
            ["id", "order_id", "version", "occurred_at", "source", "items", "reason", "eta_at"]
        ),
        json_values,
    ),
)
def test_any_json_is_a_message_or_a_bad_record(name: str, content: dict[str, object]) -> None:
    """Whatever types its parts have."""
    try:
        value = orjson.dumps({**content, "type": name})
    except TypeError:
        return  # an integer that JSON libraries do not write
    with suppress(BadRecordError):
        assert ORDER.decode_command(value, "place", EPOCH)[0].type == name
    with suppress(BadRecordError):
        assert ORDER.decode_event(value)[0].type == name


def test_records_beyond_the_limits_are_bad_records() -> None:
    """One byte decides; what is within can still be decoded."""

    def padded(size: int) -> bytes:
        value = b'{"type":"FinishPreparation","order_id":"o1"}'
        return value + b" " * (size - len(value))

    ORDER.decode_command(padded(COMMAND_BYTES_MAX), "p", EPOCH)
    with pytest.raises(BadRecordError, match="at most"):
        ORDER.decode_command(padded(COMMAND_BYTES_MAX + 1), "p", EPOCH)
    with pytest.raises(BadRecordError, match="at most"):
        ORDER.decode_event(padded(EVENT_BYTES_MAX + 1))
