"""Compares an Avro schema with the Python types of a message, field by field."""

import dataclasses
from collections.abc import Iterator
from dataclasses import MISSING
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import avro.schema
import orjson

from services.common.codec import encode_plain

from .language import Kind, Message

# A field's name, its Python type, and its default or MISSING.
Fields = list[tuple[str, Any, Any]]

# A partner may leave out all of a command's envelope but the type.
HEADS: dict[Kind, Fields] = {
    "command": [
        ("id", str | None, None),
        ("type", str, MISSING),
        ("occurred_at", datetime | None, None),
        ("causation_id", str | None, None),
        ("correlation_id", str | None, None),
        ("source", str | None, None),
        ("source_version", int | None, None),
    ],
    "event": [
        ("id", str, MISSING),
        ("type", str, MISSING),
        ("occurred_at", datetime, MISSING),
        ("causation_id", str, MISSING),
        ("correlation_id", str, MISSING),
        ("version", int, MISSING),
        ("follows", str | None, None),
        ("source", str | None, None),
        ("source_version", int | None, None),
    ],
    "record": [],
}

# The Avro type of a Python type, and its property `format`.
PLAIN: dict[Any, tuple[str, str | None]] = {
    bool: ("boolean", None),
    int: ("long", None),
    float: ("double", None),
    str: ("string", None),
    datetime: ("string", "date-time"),
}


def disagreements(schema: avro.schema.Schema, message: Message) -> list[str]:
    """Where the schema says another thing than the class and the envelope, in words."""
    expected = [*HEADS[message.kind], *_fields(message.type)]
    return [*_named(schema, message.type), *_record(schema, expected, message.type.__name__)]


def namespace(kind: type[Any]) -> str:
    """The namespace of a class: that of its owner, or the common one."""
    module = kind.__module__.rpartition(".")[2]
    return f"tiffin.{'common' if module in ('values', 'shared') else module}"


def _fields(kind: type[Any]) -> Fields:
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name], _default(field)) for field in dataclasses.fields(kind)]


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def _compare(schema: avro.schema.Schema, annotation: Any, place: str) -> Iterator[str]:
    plain = PLAIN.get(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if plain is not None:
        found = (schema.type, schema.props.get("format"))
        if found != plain:
            yield f"{place}: {found}, but {annotation.__name__} is {plain}"
    elif origin in (Union, UnionType):
        yield from _nullable(schema, arguments, place)
    elif origin is tuple and arguments[1:] == (...,):
        if isinstance(schema, avro.schema.ArraySchema):
            yield from _compare(schema.items, arguments[0], f"{place}[]")
        else:
            yield f"{place}: {schema.type}, but {annotation} is an array"
    elif origin is dict and arguments[0] is str:
        if isinstance(schema, avro.schema.MapSchema):
            yield from _compare(schema.values, arguments[1], f"{place}{{}}")
        else:
            yield f"{place}: {schema.type}, but {annotation} is a map"
    elif isinstance(annotation, type) and issubclass(annotation, StrEnum):
        yield from _enum(schema, annotation, place)
    elif isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        yield from _named(schema, annotation)
        yield from _record(schema, _fields(annotation), place)
    else:
        yield f"{place}: there is no rule for {annotation}"


def _nullable(schema: avro.schema.Schema, arguments: tuple[Any, ...], place: str) -> Iterator[str]:
    others = [each for each in arguments if each is not NoneType]
    if len(others) != 1 or len(arguments) != 2:
        yield f"{place}: a union of more than null and one type has no plain JSON form"
    elif not isinstance(schema, avro.schema.UnionSchema):
        yield f"{place}: {schema.type}, but it may be None"
    elif [len(schema.schemas), schema.schemas[0].type] != [2, "null"]:
        yield f"{place}: the union is not of null and one type, null first"
    else:
        yield from _compare(schema.schemas[1], others[0], place)


def _enum(schema: avro.schema.Schema, kind: type[StrEnum], place: str) -> Iterator[str]:
    if not isinstance(schema, avro.schema.EnumSchema):
        yield f"{place}: {schema.type}, but {kind.__name__} is an enum"
        return
    yield from _named(schema, kind)
    if list(schema.symbols) != [each.value for each in kind]:
        yield f"{place}: the symbols are {schema.symbols}, but the statuses {list(kind)}"
    if schema.default is None:
        yield f"{place}: an enum without default can never get another symbol"


def _named(schema: avro.schema.Schema, kind: type[Any]) -> Iterator[str]:
    expected = f"{namespace(kind)}.{kind.__name__}"
    if getattr(schema, "fullname", None) != expected:
        yield f"{getattr(schema, 'fullname', schema.type)} is to be named {expected}"


def _record(schema: avro.schema.Schema, expected: Fields, place: str) -> Iterator[str]:
    if not isinstance(schema, avro.schema.RecordSchema):
        yield f"{place}: {schema.type}, but it is a record"
        return
    names = [name for name, _, _ in expected]
    if [field.name for field in schema.fields] != names:
        yield f"{place}: the fields are {[field.name for field in schema.fields]}, not {names}"
        return
    for field, (name, annotation, default) in zip(schema.fields, expected, strict=True):
        inner = f"{place}.{name}"
        yield from _compare(field.type, annotation, inner)
        if field.has_default != (default is not MISSING):
            yield f"{inner}: a default is {'given' if field.has_default else 'missing'}"
        elif field.has_default and field.default != orjson.loads(encode_plain(default)):
            yield f"{inner}: the default is {field.default!r}, but {default!r} in the class"
