"""The decoder refuses what the schema refuses, with BadRecordError and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import avro.schema
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.codec import LANGUAGES, BadRecordError

from .language import COMMANDS, EVENTS, LONG_MAX, LONG_MIN, Message, fits, is_of, parsed
from .samples import JSON, decode, encode, records, smallest

AT = datetime(2030, 1, 1, tzinfo=UTC)
WRONG: list[Any] = [None, True, 7, 1.5, "text", [], {}]
WITH_ENVELOPE = [*COMMANDS, *EVENTS]

Path = tuple[str | int, ...]

some = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _is_read(message: Message, value: bytes) -> bool:
    try:
        decode(message, value, AT)
    except BadRecordError:
        return False
    return True


def _is_taken(message: Message, value: bytes) -> bool:
    """Whether the decoder takes the bytes; what it takes, it can write and read again."""
    try:
        envelope, content = decode(message, value, AT)
    except BadRecordError:
        return False
    written = encode(message, envelope, content)
    assert fits(parsed(f"tiffin.{message.owner}.{envelope.type}"), orjson.loads(written))
    assert decode(message, written, AT) == (envelope, content)
    return True


def _draw(data: st.DataObject, message: Message) -> dict[str, Any]:
    datum: dict[str, Any] = orjson.loads(encode(message, *data.draw(records(message))))
    return datum


def _fields(message: Message) -> list[avro.schema.Field]:
    schema = parsed(message.full_name)
    assert isinstance(schema, avro.schema.RecordSchema)
    return list(schema.fields)


@pytest.mark.parametrize("owner", LANGUAGES)
@pytest.mark.parametrize("kind", ["command", "event"])
@given(st.data())
@many
def test_any_bytes_are_taken_or_refused(owner: str, kind: str, data: st.DataObject) -> None:
    message = next(each for each in WITH_ENVELOPE if (each.owner, each.kind) == (owner, kind))
    _is_taken(message, data.draw(st.binary() | JSON.map(orjson.dumps)))


@given(st.sampled_from(WITH_ENVELOPE), st.data())
@many
def test_any_object_of_a_known_type_is_taken_or_refused(
    message: Message, data: st.DataObject
) -> None:
    names = st.sampled_from([field.name for field in _fields(message)])
    datum = data.draw(st.dictionaries(names | st.text(), JSON, max_size=12))
    datum |= {"type": message.type.__name__}
    is_valid = fits(parsed(message.full_name), datum)
    assert is_valid or not _is_taken(message, orjson.dumps(datum))


@given(st.sampled_from(WITH_ENVELOPE), st.data())
@many
def test_a_valid_record_with_a_wrong_part_is_refused(message: Message, data: st.DataObject) -> None:
    datum = _draw(data, message)
    *way, last = data.draw(st.sampled_from(list(_paths(datum))))
    part: Any = datum
    for step in way:
        part = part[step]
    if data.draw(st.booleans()):
        del part[last]
    else:
        part[last] = data.draw(JSON)
    is_valid = fits(parsed(message.full_name), datum)
    is_taken = _is_taken(message, orjson.dumps(datum))
    assert is_valid or not is_taken


@given(st.sampled_from(WITH_ENVELOPE), st.data())
@many
def test_a_damaged_record_is_taken_or_refused(message: Message, data: st.DataObject) -> None:
    value = encode(message, *data.draw(records(message)))
    begin = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(begin, len(value)))
    _is_taken(message, value[:begin] + data.draw(st.binary(max_size=4)) + value[end:])


@pytest.mark.parametrize("message", WITH_ENVELOPE, ids=str)
def test_only_a_field_with_a_default_may_be_left_out(message: Message) -> None:
    # The two name one event, so that one of them alone is refused.
    datum = orjson.loads(smallest(message)) | {"source": None, "source_version": None}
    for field in _fields(message):
        rest = {name: value for name, value in datum.items() if name != field.name}
        assert _is_taken(message, orjson.dumps(rest)) == field.has_default, field.name


@pytest.mark.parametrize("message", WITH_ENVELOPE, ids=str)
def test_a_field_of_another_type_is_refused(message: Message) -> None:
    schema, datum = parsed(message.full_name), orjson.loads(smallest(message))
    for field in _fields(message):
        for wrong in WRONG:
            changed = {**datum, field.name: wrong}
            if not fits(schema, changed):
                assert not _is_taken(message, orjson.dumps(changed)), (field.name, wrong)


@given(st.sampled_from(WITH_ENVELOPE), st.data())
@some
def test_a_field_of_a_later_release_is_passed_over(message: Message, data: st.DataObject) -> None:
    envelope, content = data.draw(records(message))
    datum = orjson.loads(encode(message, envelope, content))
    later = orjson.dumps({**datum, "of_a_later_release": data.draw(JSON)})
    assert decode(message, later, envelope.occurred_at) == (envelope, content)


@given(st.sampled_from(WITH_ENVELOPE), st.data())
@some
def test_a_message_of_another_owner_or_kind_is_refused(
    message: Message, data: st.DataObject
) -> None:
    value = encode(message, *data.draw(records(message)))
    for other in WITH_ENVELOPE:
        if (other.owner, other.kind) != (message.owner, message.kind):
            assert not _is_taken(other, value)


def test_a_whole_number_beyond_64_bits_is_refused() -> None:
    beyond = [str(number) for number in (LONG_MIN - 1, LONG_MAX + 1, 10**30)]
    assert _taken_with("long", None, beyond) == []


def test_an_instant_without_offset_is_refused() -> None:
    assert _taken_with("string", "date-time", ['"2030-01-31T18:00:00"']) == []


def _taken_with(kind: str, shape: str | None, literals: list[str]) -> list[str]:
    """The fields of a type for which the decoder takes one of these JSON literals."""
    return [
        f"{message}.{field.name}: {literal}"
        for message in WITH_ENVELOPE
        for field in _fields(message)
        if is_of(field.type, kind, shape)
        for literal in literals
        if _is_read(message, _with(orjson.loads(smallest(message)), field.name, literal))
    ]


def _with(datum: dict[str, Any], name: str, literal: str) -> bytes:
    """The datum with a field of any JSON literal, also of one that orjson would not write."""
    marked = orjson.dumps({**datum, name: "the literal's place"})
    return marked.replace(b'"the literal\'s place"', literal.encode())


def _paths(part: Any, way: Path = ()) -> Iterator[Path]:
    """The way to every part of a JSON value, however deep."""
    match part:
        case dict():
            steps: list[tuple[str | int, Any]] = list(part.items())
        case list():
            steps = list(enumerate(part))
        case _:
            steps = []
    for step, inner in steps:
        yield (*way, step)
        yield from _paths(inner, (*way, step))
