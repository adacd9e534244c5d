"""Dead letters as a person or a program reads them."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from infra.dead_letters.editor import laid_out
from infra.dead_letters.letters import Case
from infra.dead_letters.replay import Outgoing
from services.common.messages.shared import DeadLetterResolved

CELL_CHARS_MAX = 60
SHOWN_BYTES_MAX = 20_000
COLUMNS = ("id", "service", "age", "source", "key", "state", "reason")


def table(cases: Sequence[Case], now: datetime) -> Iterator[str]:
    """One line per letter under a line of headings."""
    rows = [COLUMNS, *(_row(case, now) for case in cases)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def summary(case: Case) -> dict[str, Any]:
    """The letter without its value, and what became of it, for programs."""
    return {**whole(case), "letter": _without_value(case)}


def whole(case: Case) -> dict[str, Any]:
    """The letter and what became of it, for programs."""
    return {
        "service": case.service,
        "put_aside_at": case.put_aside_at,
        "value_bytes": case.value_bytes,
        "letter": case.letter,
        "resolutions": case.resolutions,
    }


def page(case: Case, now: datetime) -> Iterator[str]:
    """All about a letter, its value last; a long one is cut."""
    letter = case.letter
    yield f"letter     {letter.id}"
    yield f"service    {case.service}"
    yield f"put aside  {_instant(case.put_aside_at)}, {_age(case, now)} ago"
    yield f"source     {case.source} of {_instant(letter.occurred_at)}"
    yield f"key        {_key(case.original_key)}"
    for name, value in case.original_headers:
        yield f"header     {printable(name)}: {_text(value)}"
    yield f"reason     {printable(letter.reason)}"
    yield from (_resolution(resolved) for resolved in case.resolutions)
    yield from _value(case.original_value)


def preview(outgoing: Iterable[Outgoing]) -> Iterator[str]:
    """What a replay would append."""
    for record in outgoing:
        yield f"topic      {record.topic}"
        yield f"key        {_key(record.key)}"
        for name, value in record.headers:
            yield f"header     {printable(name)}: {_text(value)}"
        yield from _value(record.value)


def printable(text: str) -> str:
    """The text in one line that no terminal takes as an order: letters come from anyone."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _row(case: Case, now: datetime) -> tuple[str, ...]:
    state = case.resolutions[-1].action.value if case.resolutions else "open"
    key, reason = _short(_key(case.original_key)), _short(printable(case.letter.reason))
    return case.letter.id, case.service, _age(case, now), case.source, key, state, reason


def _resolution(resolved: DeadLetterResolved) -> str:
    line = (
        f"{resolved.action.value:9}  {_instant(resolved.occurred_at)} by {printable(resolved.by)}"
    )
    if resolved.value is not None or resolved.value_base64 is not None:
        line += ", edited"
    if resolved.appended:
        line += f", as {', '.join(resolved.appended)}"
    return f"{line}: {printable(resolved.note)}" if resolved.note else line


def _value(value: bytes | None) -> Iterator[str]:
    if value is None:
        yield "value      none"
        return
    yield f"value      {len(value)} bytes"
    shown = laid_out(value[:SHOWN_BYTES_MAX] if len(value) > SHOWN_BYTES_MAX else value)
    yield from (printable(line) for line in shown.decode(errors="backslashreplace").splitlines())
    if len(value) > SHOWN_BYTES_MAX:
        yield f"… cut after {SHOWN_BYTES_MAX} bytes; `show ID --raw` writes them all"


def _without_value(case: Case) -> dict[str, Any]:
    fields = (field.name for field in dataclasses.fields(case.letter))
    names = [name for name in fields if name not in ("value", "value_base64")]
    return {name: getattr(case.letter, name) for name in names}


def _key(key: bytes | None) -> str:
    return "-" if key is None else _text(key)


def _text(content: bytes) -> str:
    return printable(content.decode(errors="backslashreplace"))


def _short(text: str) -> str:
    return text if len(text) <= CELL_CHARS_MAX else f"{text[: CELL_CHARS_MAX - 1]}…"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _age(case: Case, now: datetime) -> str:
    age = max(now - case.put_aside_at, timedelta())
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if age.total_seconds() >= seconds:
            return f"{age.total_seconds() // seconds:.0f} {unit}"
    return f"{age.total_seconds():.0f} s"
