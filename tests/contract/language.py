"""Every message of the published language, and the schema that its file gives it."""

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import avro.io
import avro.schema
import orjson

from infra.schema_release import Schema, current_schemas
from services.common.codec import LANGUAGES
from services.common.messages import shared

Kind = Literal["command", "event", "record"]

LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Message:
    """A message class; of the kind "record" is what carries its whole envelope as content."""

    owner: str
    kind: Kind
    type: type[Any]

    @property
    def full_name(self) -> str:
        return f"tiffin.{self.owner}.{self.type.__name__}"

    def __str__(self) -> str:
        return f"{self.owner}.{self.type.__name__}"


def _is_record(candidate: object) -> bool:
    return (
        isinstance(candidate, type)
        and candidate.__module__ == shared.__name__
        and dataclasses.is_dataclass(candidate)
        and "type" in {field.name for field in dataclasses.fields(candidate)}
    )


COMMANDS = [
    Message(language.owner, "command", each)
    for language in LANGUAGES.values()
    for each in language.commands
]
EVENTS = [
    Message(language.owner, "event", each)
    for language in LANGUAGES.values()
    for each in language.events
]
RECORDS = [Message("common", "record", each) for each in vars(shared).values() if _is_record(each)]
MESSAGES = [*COMMANDS, *EVENTS, *RECORDS]


@cache
def schemas() -> dict[str, Schema]:
    """The schemas as their files say them, by full name."""
    return current_schemas()


@cache
def parsed(full_name: str) -> avro.schema.Schema:
    """The schema as the avro package understands it."""
    return parse(schemas()[full_name])


def parse(schema: Schema) -> avro.schema.Schema:
    """The schema as the avro package understands it."""
    return avro.schema.parse(orjson.dumps(schema).decode())


def fits(schema: avro.schema.Schema, datum: object) -> bool:
    """True when the JSON value is valid: a field with a default may be missing, others be there.

    avro.io.validate takes a missing field as null and refuses fields that it does not know, so it
    is given the value with the defaults filled in and unknown fields left out.
    """
    try:
        return avro.io.validate(schema, _completed(schema, datum))
    except KeyError:
        return False


def _completed(schema: avro.schema.Schema, datum: object) -> object:
    """The value as validate wants it; raises KeyError for a missing field without default."""
    match schema, datum:
        case avro.schema.RecordSchema(), dict():
            return {
                field.name: _completed(field.type, datum[field.name])
                if field.name in datum or not field.has_default
                else field.default
                for field in schema.fields
            }
        case avro.schema.ArraySchema(), list():
            return [_completed(schema.items, each) for each in datum]
        case avro.schema.MapSchema(), dict():
            return {name: _completed(schema.values, each) for name, each in datum.items()}
        case avro.schema.UnionSchema(), _ if datum is not None:
            return _completed(schema.schemas[-1], datum)
        case _:
            return datum


def is_of(schema: avro.schema.Schema, kind: str, shape: str | None = None) -> bool:
    """True for the type with this `format`, and for a union with it."""
    branches = schema.schemas if isinstance(schema, avro.schema.UnionSchema) else [schema]
    return any(each.type == kind and each.props.get("format") == shape for each in branches)
