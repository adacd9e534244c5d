"""Records of topics as they are told: without what could charge a customer or open a door."""

import re
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from rich.text import Text

from infra.dead_letters.text import printable
from infra.look.errors import LookError
from infra.look.text import compact, is_empty, short
from infra.verify.entry import Entry, read_entry
from services.common import ids
from services.common.catalogue import catalogue
from services.common.log import Record
from services.common.masking import SECRET_FIELDS

# The columns of a record, in a query and in JSON.
COLUMNS: Mapping[str, str] = {
    "topic": "VARCHAR",
    "partition": "BIGINT",
    "offset": "BIGINT",
    "at": "TIMESTAMPTZ",
    "key": "VARCHAR",
    "type": "VARCHAR",
    "id": "VARCHAR",
    "version": "BIGINT",
    "causation_id": "VARCHAR",
    "correlation_id": "VARCHAR",
    "content": "JSON",
}
ENVELOPE = frozenset(
    {
        *("id", "type", "occurred_at", "causation_id", "correlation_id", "version", "follows"),
        *("source", "source_version", "order_id", "key"),
    }
)
# A dead letter's record; `tiffin dead-letters show` shows it.
LONG = frozenset({"value", "value_base64", "key_base64", "headers"})
TYPE_STYLES: Mapping[str, str] = {
    "events": "cyan",
    "commands": "blue",
    "locations": "blue",
    "rejections": "yellow",
    "dead-letters": "red",
}
# An id may be shortened so wherever one is asked for.
ID_CHARS = 8
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def topics_named(names: list[str]) -> list[str]:
    """The topics of the catalogue that the names or patterns stand for, each once.

    Raises:
        LookError: a name stands for none.
    """
    found: dict[str, None] = {}
    for name in names:
        topics = [topic for topic in catalogue() if fnmatchcase(topic, name)]
        if not topics:
            raise LookError(f"there is no topic {name}; there are {', '.join(catalogue())}")
        found.update(dict.fromkeys(topics))
    return list(found)


def entry_of(record: Record) -> Entry:
    """The record, decoded, and without secrets."""
    entry, _ = read_entry(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
    )
    return Entry(
        entry.topic,
        entry.partition,
        entry.offset,
        entry.at,
        entry.key,
        _without_secrets(entry.content),
        entry.problem,
    )


def columns_of(entry: Entry) -> dict[str, Any]:
    """The record for programs, with the names of COLUMNS."""
    version = entry.get("version")
    return {
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "at": _written(entry.at),
        "key": None if entry.key is None else entry.key.decode(errors="backslashreplace"),
        "type": entry.type or None,
        "id": entry.id,
        "version": version if isinstance(version, int) else None,
        "causation_id": _text(entry, "causation_id"),
        "correlation_id": _text(entry, "correlation_id"),
        "content": entry.content or None,
    }


def is_of_order(entry: Entry, order: str) -> bool:
    """True when the record has to do with the order whose id begins so."""
    if any(
        str(entry.get(name) or "").startswith(order)
        for name in ("order_id", "correlation_id", "key")
    ):
        return True
    if entry.key is not None and entry.key.startswith(order.encode()):
        return True
    partner, reference = entry.get("partner"), entry.get("reference")
    if not isinstance(partner, str) or not isinstance(reference, str):
        return False
    return ids.order_id(partner, reference).startswith(order)


def line_of(entry: Entry) -> Text:
    """The record in one readable line: when, of what, what, where, and what it says."""
    line = Text(f"{entry.at:%H:%M:%S}  ")
    line.append(f"{_of_what(entry):{ID_CHARS}}  ")
    kind = short(entry.type or ("not JSON" if entry.problem else "no type"))
    line.append(f"{kind:22}  ", TYPE_STYLES.get(entry.topic.rpartition(".")[2], ""))
    line.append(f"{entry.place:22}  ", "dim")
    if entry.problem is not None:
        line.append(f"unreadable: {short(entry.problem)}  ", "red")
    line.append(facts_of(entry.content))
    line.rstrip()
    return line


def facts_of(content: Mapping[str, Any]) -> str:
    """What a message says besides its envelope, in one line."""
    told = (
        f"{short(name)}={_fact(value)}"
        for name, value in content.items()
        if name not in ENVELOPE | LONG and not is_empty(value)
    )
    return "  ".join(told)


def _fact(value: Any) -> str:
    if isinstance(value, list):
        return f"[{len(value)}]"
    if isinstance(value, Mapping) and value.keys() != {"latitude", "longitude"}:
        named = [each for name, each in value.items() if name.endswith("_id")]
        return _fact(named[0]) if named else "{…}"
    text = short(compact(value))
    return text[:ID_CHARS] if UUID.match(text) else text


def _of_what(entry: Entry) -> str:
    """The order that the record has to do with, or else its key."""
    named = entry.get("order_id") or entry.get("key") or entry.get("correlation_id")
    key = "" if entry.key is None else entry.key.decode(errors="backslashreplace")
    return printable(str(named or key or "-"))[:ID_CHARS]


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without_secrets(each)
            for name, each in value.items()
            if name not in SECRET_FIELDS
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _text(entry: Entry, name: str) -> str | None:
    value = entry.get(name)
    return value if isinstance(value, str) else None


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
