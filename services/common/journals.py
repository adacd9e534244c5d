"""Journals: a large row is written whole only now and then, and in between by its events alone.

The row is then what was written whole, with the events folded that lie behind it. What lies there
is bounded, and is deleted by the next whole write, in the same batch as everything else.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import Struct

from services.common import table_layout
from services.common.decider import Row, State
from services.common.table_layout import Writes

# A row of fewer bytes is always written whole.
LARGE_BYTES_MIN = 16 << 10
# What may lie behind a row that was written whole; reading the row takes folding all of it.
EVENTS_MAX = 64
BYTES_MAX = 256 << 10
# White space to JSON: events may lie behind a row that ends with it.
_HAS_JOURNAL = b"\n"


class Tail(Struct, frozen=True):
    """What lies in the store behind a large row: since which version, and how many bytes."""

    whole_version: int
    event_bytes: int = 0


class JournalError(Exception):
    """What the store has of a row does not add up; the log has all of it."""


def put_row(
    writes: Writes,
    key: str,
    before: Row[State] | None,
    after: Row[State],
    tail: Tail | None,
    events: Sequence[bytes] | None,
) -> Tail | None:
    """Writes a row: its last events only where it is large, and the whole of it otherwise.

    Args:
        before: the row as the store has it.
        tail: what the store has behind it; None where nothing can lie there.
        events: all that have led from one to the other, as the log has them; None where the row is
            to be written whole.

    Returns:
        What the store has behind the row then.
    """
    journal = table_layout.journal_prefix(key)
    if tail is not None and events is not None:
        event_bytes = tail.event_bytes + sum(map(len, events))
        if after.version - tail.whole_version <= EVENTS_MAX and event_bytes <= BYTES_MAX:
            for version, value in enumerate(events, after.version - len(events) + 1):
                writes.put(table_layout.event_key(journal, version), value)
            return Tail(tail.whole_version, event_bytes)
    if tail is not None and before is not None:
        for version in range(tail.whole_version + 1, before.version + 1):
            writes.delete(table_layout.event_key(journal, version))
    whole = table_layout.encode(after)
    if len(whole) < LARGE_BYTES_MIN:
        writes.put(table_layout.row_key(key), whole)
        return None
    writes.put(table_layout.row_key(key), whole + _HAS_JOURNAL)
    return Tail(after.version)


def read_row(
    stored: bytes,
    decoder: msgspec.json.Decoder[Row[State]],
    events_from: Callable[[int], Iterable[bytes]],
    fold: Callable[[Row[State], bytes], Row[State] | None],
) -> tuple[Row[State], Tail | None]:
    """A row, and what the store has behind what was written whole of it.

    Args:
        stored: what was written whole.
        events_from: the events of the row that the store has, from a version on.
        fold: the row after one of them; None where it does not follow.

    Raises:
        JournalError: one of them does not follow.
    """
    row = decoder.decode(stored)
    if not stored.endswith(_HAS_JOURNAL):
        return row, None
    whole_version, event_bytes = row.version, 0
    for value in events_from(whole_version + 1):
        after = fold(row, value)
        if after is None:
            raise JournalError(f"what lies behind version {row.version} does not follow it")
        row, event_bytes = after, event_bytes + len(value)
    return row, Tail(whole_version, event_bytes)
