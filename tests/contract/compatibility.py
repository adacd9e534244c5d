"""Holds schemas against those of a release: each must read what the other writes."""

from collections.abc import Iterator, Mapping

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from infra.schema_release import Schema

from .language import parse


def incompatibilities(
    released: Mapping[str, Schema], current: Mapping[str, Schema]
) -> Iterator[str]:
    """What breaks readers or writers of the release, in words; new messages break none."""
    for name, schema in released.items():
        if name not in current:
            yield f"{name} has vanished"
            continue
        old, new = parse(schema), parse(current[name])
        yield from _unreadable(name, "records of the release cannot be read", new, old)
        yield from _unreadable(name, "the release cannot read new records", old, new)
        yield from _changed_meanings(name, old, new)


def _unreadable(
    name: str, problem: str, reader: avro.schema.Schema, writer: avro.schema.Schema
) -> Iterator[str]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(reader, writer)
    if result.compatibility is not SchemaCompatibilityType.compatible:
        reasons = ", ".join(sorted(result.messages))
        yield f"{name}: {problem}: {reasons} at {', '.join(sorted(result.locations))}"


def _changed_meanings(
    place: str, old: avro.schema.Schema, new: avro.schema.Schema
) -> Iterator[str]:
    """Changes that Avro allows and readers of the JSON feel: of instants and of statuses."""
    match old, new:
        case avro.schema.RecordSchema(), avro.schema.RecordSchema():
            for field in old.fields:
                later = new.fields_dict.get(field.name)
                if later is not None:
                    yield from _changed_meanings(f"{place}.{field.name}", field.type, later.type)
        case avro.schema.UnionSchema(), avro.schema.UnionSchema():
            yield from _changed_meanings(place, old.schemas[-1], new.schemas[-1])
        case avro.schema.ArraySchema(), avro.schema.ArraySchema():
            yield from _changed_meanings(place, old.items, new.items)
        case avro.schema.MapSchema(), avro.schema.MapSchema():
            yield from _changed_meanings(place, old.values, new.values)
        case avro.schema.EnumSchema(), avro.schema.EnumSchema():
            gone = set(old.symbols) - set(new.symbols)
            if gone:
                yield f"{place}: symbols have vanished: {', '.join(sorted(gone))}"
        case _:
            shapes = {old.props.get("format"), new.props.get("format")}
            if old.type == new.type and len(shapes) > 1:
                yield f"{place}: an instant has become plain text, or the reverse"
