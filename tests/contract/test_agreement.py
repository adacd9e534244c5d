"""Every message has one schema, and the two say the same."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from infra.schema_release import Schema, full_name, schema_files
from services.common.catalogue import SCHEMAS

from .agreement import HEADS, disagreements
from .language import MESSAGES, Message, parse, parsed, schemas


class Mood(StrEnum):
    """An enum that no schema knows."""

    GOOD = "GOOD"


@dataclass(frozen=True)
class Letter:
    """A message that no schema knows."""

    count: int
    sent_at: datetime
    note: str | None
    mood: Mood
    lines: tuple[str, ...]
    sums: dict[str, int]
    is_open: bool = False


LETTER_FIELDS: list[dict[str, Any]] = [
    {"name": "count", "type": "long"},
    {"name": "sent_at", "type": {"type": "string", "format": "date-time"}},
    {"name": "note", "type": ["null", "string"]},
    {
        "name": "mood",
        "type": {"type": "enum", "name": "Mood", "symbols": ["GOOD"], "default": "GOOD"},
    },
    {"name": "lines", "type": {"type": "array", "items": "string"}},
    {"name": "sums", "type": {"type": "map", "values": "long"}},
    {"name": "is_open", "type": "boolean", "default": False},
]


def _letter(**changed: object) -> list[str]:
    """The disagreements on Letter after a change of one field's schema."""
    fields = [
        each | changed if each["name"] == changed.get("name") else each for each in LETTER_FIELDS
    ]
    module = Letter.__module__.rpartition(".")[2]
    schema = {"type": "record", "name": "Letter", "namespace": f"tiffin.{module}", "fields": fields}
    return disagreements(parse(schema), Message(module, "record", Letter))


def test_every_message_has_one_schema_and_every_schema_a_message() -> None:
    named = Counter(full_name(schema) for schema in schema_files().values())
    assert named == Counter(message.full_name for message in MESSAGES)


@pytest.mark.parametrize("path", schema_files(), ids=lambda path: path.stem)
def test_a_file_lies_where_its_name_says(path: Path) -> None:
    schema = schema_files()[path]
    owner = schema["namespace"].removeprefix("tiffin.")
    assert path == SCHEMAS / owner / f"{schema['name']}.avsc"


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_schema_and_class_agree(message: Message) -> None:
    assert disagreements(parsed(message.full_name), message) == []


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_no_field_hides_one_of_the_envelope(message: Message) -> None:
    head = {name for name, _, _ in HEADS[message.kind]} | {"version"}
    content = set(message.type.__dataclass_fields__)
    assert message.kind == "record" or not head & content


def test_no_two_messages_have_the_same_name() -> None:
    names = Counter(message.type.__name__ for message in MESSAGES)
    assert [name for name, count in names.items() if count > 1] == []


def test_every_record_and_enum_is_explained() -> None:
    unexplained = [
        full_name(schema)
        for file in schemas().values()
        for schema in _definitions(file)
        if not str(schema.get("doc", "")).endswith(".")
    ]
    assert unexplained == []


def test_a_value_is_defined_the_same_in_every_file() -> None:
    definitions: dict[str, Schema] = {}
    for file in schemas().values():
        for schema in _definitions(file):
            known = definitions.setdefault(full_name(schema), schema)
            assert _outline(known) == _outline(schema)


def test_agreement_is_possible() -> None:
    assert _letter() == []


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("count", {"type": "int"}),
        ("count", {"type": "double"}),
        ("count", {"type": ["null", "long"]}),
        ("count", {"default": 0}),
        ("sent_at", {"type": "string"}),
        ("note", {"type": "string"}),
        ("note", {"type": ["string", "null"]}),
        ("note", {"type": ["null", "long"]}),
        ("note", {"type": ["null", "string"], "default": None}),
        ("mood", {"type": "string"}),
        ("mood", {"type": {"type": "enum", "name": "Mood", "symbols": ["GOOD"]}}),
        (
            "mood",
            {
                "type": {
                    "type": "enum",
                    "name": "Mood",
                    "symbols": ["GOOD", "BAD"],
                    "default": "BAD",
                }
            },
        ),
        (
            "mood",
            {"type": {"type": "enum", "name": "Temper", "symbols": ["GOOD"], "default": "GOOD"}},
        ),
        ("lines", {"type": {"type": "array", "items": "long"}}),
        ("lines", {"type": {"type": "map", "values": "string"}}),
        ("sums", {"type": {"type": "map", "values": "string"}}),
        ("sums", {"type": {"type": "array", "items": "long"}}),
        ("is_open", {"default": True}),
    ],
)
def test_a_disagreement_is_found(name: str, changed: dict[str, object]) -> None:
    assert len(_letter(name=name, **changed)) == 1


def _definitions(part: object) -> Iterator[Schema]:
    """Every record and enum that is defined in a part of a schema."""
    match part:
        case dict():
            if part.get("type") in ("record", "enum"):
                yield part
            for each in part.values():
                yield from _definitions(each)
        case list():
            for each in part:
                yield from _definitions(each)
        case _:
            pass


def _outline(part: object) -> object:
    """A definition with those inside it as mere names."""
    match part:
        case dict():
            return {key: _name_or_outline(each) for key, each in part.items()}
        case list():
            return [_name_or_outline(each) for each in part]
        case _:
            return part


def _name_or_outline(part: object) -> object:
    if isinstance(part, dict) and part.get("type") in ("record", "enum"):
        return full_name(part)
    return _outline(part)
