"""Values, rows and instants as a person reads them in a terminal."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.text import Text

from infra.dead_letters.text import printable

CELL_CHARS_MAX = 60
NOTHING = "-"
STYLES: Mapping[str, str] = {
    "DELIVERED": "green",
    "AVAILABLE": "green",
    "OPEN": "green",
    "REJECTED": "red",
    "CANCELLED": "red",
    "WRITTEN_OFF": "red",
    "OFFLINE": "red",
    "RETURNING": "yellow",
    "CANCELLING": "yellow",
    "RETURNED": "yellow",
    "BUSY": "yellow",
    "PAUSED": "yellow",
}


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[Text]:
    """One line per row under a line of headings; a cell with the name of a status has its colour.

    Cells are one line each, and are cut after CELL_CHARS_MAX.
    """
    lines = [[short(cell) for cell in row] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(headings, *lines, strict=True)]
    yield Text("  ".join(map(str.ljust, headings, widths)).rstrip(), "bold")
    for line in lines:
        text = Text("  ").join(
            Text(cell.ljust(width), STYLES.get(cell, ""))
            for cell, width in zip(line, widths, strict=True)
        )
        text.rstrip()
        yield text


def page(row: Mapping[str, Any], besides: Iterable[str] = ()) -> Iterator[Text]:
    """A line per field that says something; a list of objects has a line for each."""
    told = {name: row[name] for name in row if name not in besides and not is_empty(row[name])}
    width = max(map(len, told), default=0) + 2
    for name, value in told.items():
        several = isinstance(value, list) and isinstance(value[0], Mapping)
        for index, each in enumerate(value if several else [value]):
            label = Text((name if index == 0 else "").ljust(width), "dim")
            yield label + Text(compact(each), STYLES.get(str(each), ""))


def compact(value: Any) -> str:
    """A value of a JSON object in one line that no terminal takes as an order."""
    if isinstance(value, Mapping):
        if value.keys() == {"latitude", "longitude"}:
            return f"{value['latitude']:.5f},{value['longitude']:.5f}"
        told = (f"{name}={compact(each)}" for name, each in value.items() if not is_empty(each))
        return "  ".join(told)
    if isinstance(value, list):
        return ", ".join(map(compact, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if is_empty(value) else printable(instant(value))


def is_empty(value: Any) -> bool:
    """True for what tells a reader nothing; 0 and False do tell something."""
    return value is None or value == "" or (isinstance(value, list | dict) and not value)


def instant(value: Any) -> str:
    """An instant to the second; any other value as it is."""
    text = str(value)
    if len(text) > 20 and text[4] == text[7] == "-" and text[10] == "T" and text.endswith("Z"):
        return f"{text[:19]}Z"
    return text


def clock(value: Any) -> str:
    """The time of day of an instant in UTC, to the second."""
    return NOTHING if is_empty(value) else str(value)[11:19]


def age(value: Any, now: datetime) -> str:
    """How long ago an instant is, in its largest unit."""
    if is_empty(value):
        return NOTHING
    passed = max(now - datetime.fromisoformat(str(value)), timedelta()).total_seconds()
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if passed >= seconds:
            return f"{passed // seconds:.0f} {unit}"
    return f"{passed:.0f} s"


def money(cents: int, currency: str) -> str:
    """An amount in the currency's main unit."""
    return f"{cents / 100:.2f} {currency}"


def short(text: str) -> str:
    """The text in one line of at most CELL_CHARS_MAX characters."""
    line = printable(text)
    return line if len(line) <= CELL_CHARS_MAX else f"{line[: CELL_CHARS_MAX - 1]}…"


def json_line(value: Any) -> str:
    """A value as JSON in one line; what JSON does not know is told as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_as_json)


def _as_json(value: Any) -> str | float:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value)
