"""Where rows, lists, agendas, histories, journals and the position lie in a partition's store.

A new way of laying them out, or of what the position says, needs a new VERSION.
"""

import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from services.common import forms
from services.common.decider import Decider, Row, State

VERSION = 3
END = b"\xff"
POSITION_KEY = b"mposition"
# Is there once the store was found to be wrong.
DAMAGED_KEY = b"mdamaged"
AGENDA = b"a"
_ROW, _LABEL, _HISTORY, _JOURNAL = b"r", b"l", b"h", b"j"
_SORT_DIGITS = 16
# The label by whose values rows are counted; rows without it count under "".
COUNTED = "status"

encode = msgspec.json.Encoder(enc_hook=forms.stored).encode


class Writes(Protocol):
    """What is to be written as one."""

    def put(self, key: bytes, value: bytes) -> None:
        """Sets a key."""

    def delete(self, key: bytes) -> None:
        """Removes a key, where it is there."""


def put_places(
    writes: Writes,
    decider: Decider[State, Any, Any],
    key: str,
    before: Row[State] | None,
    after: Row[State],
    counts: dict[str, int],
) -> None:
    """Moves a row in the lists and the agenda from where it was.

    Args:
        before: the row as the store has it.
        counts: of rows by COUNTED; kept up to date.
    """
    old = {} if before is None else _labels(decider, before)
    new = _labels(decider, after)
    if old != new:
        if before is None:
            _count(counts, new, 1)
        elif old.get(COUNTED) != new.get(COUNTED):
            _count(counts, old, -1)
            _count(counts, new, 1)
        since = after.state if before is None else before.state
        sort = newest_first(decider.listed_at(since))
        for name, value in old.items():
            if new.get(name) != value:
                writes.delete(_label_key(name, value, sort, key))
        for name, value in new.items():
            if old.get(name) != value:
                writes.put(_label_key(name, value, sort, key), b"")
    if decider.agenda(after.state):
        writes.put(AGENDA + key.encode(), b"")
    elif before is not None and decider.agenda(before.state):
        writes.delete(AGENDA + key.encode())


def row_key(key: str) -> bytes:
    """Where the row of an aggregate lies."""
    return _ROW + key.encode()


def history_prefix(key: str) -> bytes:
    """What the places of an aggregate's events begin with."""
    return _HISTORY + key.encode() + b"\0"


def journal_prefix(key: str) -> bytes:
    """What the places of those events begin with that lie behind the row."""
    return _JOURNAL + key.encode() + b"\0"


def event_key(prefix: bytes, version: int) -> bytes:
    """Where one event lies in a history or a journal; they sort by version."""
    return prefix + struct.pack(">Q", version)


def label_prefix(name: str, value: str) -> bytes:
    """What the places of a list begin with; they sort as the list is ordered."""
    return _LABEL + f"{name}\0{value}\0".encode()


def newest_first(at: datetime) -> str:
    """Instants in the reverse order of time, as digits that sort like text."""
    microseconds = int(at.timestamp() * 1_000_000)
    return f"{10**_SORT_DIGITS - 1 - microseconds:0{_SORT_DIGITS}d}"


def _count(counts: dict[str, int], labels: Mapping[str, str], more: int) -> None:
    value = labels.get(COUNTED, "")
    count = counts.get(value, 0) + more
    if count:
        counts[value] = count
    else:
        del counts[value]


def _labels(decider: Decider[State, Any, Any], row: Row[State]) -> Mapping[str, str]:
    return {"all": "", **decider.labels(row.state)}


def _label_key(name: str, value: str, sort: str, key: str) -> bytes:
    return label_prefix(name, value) + f"{sort}\0{key}".encode()
