"""What the runtime writes is valid against the schema, and is read back as it was."""

import io
from typing import Any

import avro.io
import avro.schema
import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .language import COMMANDS, EVENTS, MESSAGES, RECORDS, Message, is_of, parsed
from .samples import decode, encode, records

few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("message", [*COMMANDS, *EVENTS], ids=str)
@given(st.data())
@few
def test_a_record_is_read_back_as_it_was_written(message: Message, data: st.DataObject) -> None:
    envelope, content = data.draw(records(message))
    value = encode(message, envelope, content)
    assert decode(message, value, envelope.occurred_at) == (envelope, content)


@pytest.mark.parametrize("message", RECORDS, ids=str)
@given(st.data())
@few
def test_a_record_of_every_owner_is_read_back(message: Message, data: st.DataObject) -> None:
    envelope, content = data.draw(records(message))
    value = encode(message, envelope, content)
    assert msgspec.json.decode(value, type=message.type) == content


@pytest.mark.parametrize("message", MESSAGES, ids=str)
@given(st.data())
@few
def test_what_is_written_is_valid_and_whole(message: Message, data: st.DataObject) -> None:
    schema = parsed(message.full_name)
    assert isinstance(schema, avro.schema.RecordSchema)
    datum = orjson.loads(encode(message, *data.draw(records(message))))
    assert avro.io.validate(schema, datum, raise_on_error=True)
    assert _through_binary(schema, datum) == datum
    assert list(datum) == [field.name for field in schema.fields]
    assert datum["type"] == message.type.__name__
    for field in schema.fields:
        if is_of(field.type, "string", "date-time") and datum[field.name] is not None:
            assert datum[field.name].endswith("Z"), f"{field.name} is not in UTC"


def _through_binary(schema: avro.schema.Schema, datum: Any) -> object:
    buffer = io.BytesIO()
    avro.io.DatumWriter(schema).write(datum, avro.io.BinaryEncoder(buffer))
    buffer.seek(0)
    return avro.io.DatumReader(schema, schema).read(avro.io.BinaryDecoder(buffer))
