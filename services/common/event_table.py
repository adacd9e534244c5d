"""The event table: one RocksDB per partition that holds the fold of that partition's event log.

Rows, the offset of the next event to fold, and what lists, histories and agendas are read from are
written in one atomic batch. Deleting the directory loses nothing: the table is folded again.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Generic

import msgspec
from rocksdict import WriteBatch

from services.common import store
from services.common.codec import encode_plain
from services.common.decider import Decider, Envelope, Row, State, fold
from services.common.telemetry import log

_ROW, _LABEL, _AGENDA, _HISTORY, _META = b"r", b"l", b"a", b"h", b"m"
_POSITION = _META + b"position"
_END = b"\xff"


@dataclass(frozen=True, slots=True)
class Appended:
    """An event as it lies in the log; `inputs` is what was settled then: next offset by topic."""

    offset: int
    envelope: Envelope
    event: Any
    value: bytes
    inputs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Position:
    """Where the table stands in its log: the next offset to fold, and the id of the event before.

    The id tells a log that was made anew from the one that was folded, and `form` tells a table of
    another form of state, written by another release; both are folded anew. `inputs` is the next
    offset by input topic of which nothing that came before is to be decided again.
    """

    next_offset: int
    last_event_id: str | None
    form: str = ""
    inputs: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed(Generic[State]):
    """A row found through a label; lists are ordered by `sort`, newest first."""

    sort: str
    key: str
    row: Row[State]


class TablePartition(Generic[State]):
    """The rows of one partition. All writes come from folded events, through `apply`."""

    def __init__(self, directory: Path, decider: Decider[State, Any, Any]) -> None:
        self._decider = decider
        self._directory = directory
        self._decoder = msgspec.json.Decoder(Row[decider.state_type])  # type: ignore[name-defined]
        self._form = _form(Row[decider.state_type])  # type: ignore[name-defined]
        self.losers = 0
        self._open()

    def _open(self) -> None:
        self._db = store.open_store(self._directory)
        stored = self._db.get(_POSITION)
        self._position = Position(0, None, self._form)
        if stored is not None:
            position = _decode_position(stored)
            if position.form == self._form:
                self._position = position
            else:
                self.clear()

    @property
    def position(self) -> Position:
        """Where the table stands in its log."""
        return self._position

    def row(self, key: str) -> Row[State] | None:
        """The row of an aggregate, or None when no event has named it."""
        stored = self._db.get(_ROW + key.encode())
        return None if stored is None else self._decoder.decode(stored)

    def apply(self, events: Iterable[Appended]) -> dict[str, Row[State]]:
        """Folds events of the log, in its order, in one atomic write.

        Returns:
            The rows that changed, by key. An event whose version does not follow is counted in
            `losers` and changes nothing.
        """
        batch = store.new_batch()
        before: dict[str, Row[State] | None] = {}
        after: dict[str, Row[State]] = {}
        next_offset, last_event_id = self._position.next_offset, self._position.last_event_id
        inputs = dict(self._position.inputs)
        for each in events:
            if each.offset < next_offset:
                continue
            key = self._key(each.event)
            if key not in before:
                before[key] = self.row(key)
            row = self._folded(after.get(key, before[key]), each)
            next_offset, last_event_id = each.offset + 1, each.envelope.id
            if row is None:
                self.losers += 1
                log.warning("offset %d: %s v%d of %s loses", each.offset, *_named(each), key)
                continue
            after[key] = row
            for topic, offset in each.inputs.items():
                inputs[topic] = max(offset, inputs.get(topic, 0))
            if self._decider.keeps_history:
                batch.put(_history_key(key, row.version), each.value)
        for key, row in after.items():
            self._put(batch, key, before[key], row)
        position = Position(next_offset, last_event_id, self._form, inputs)
        batch.put(_POSITION, encode_plain(position))
        self._db.write(batch)
        self._position = position
        return after

    def skip_to(self, next_offset: int) -> None:
        """Notes that the log holds no event before `next_offset` that is not folded."""
        if next_offset > self._position.next_offset:
            self._position = replace(self._position, next_offset=next_offset, last_event_id=None)
            self._db.put(_POSITION, encode_plain(self._position))

    def waiting(self) -> Iterator[tuple[str, Row[State]]]:
        """The rows whose state has an agenda, by key."""
        for stored, _ in self._scan(_AGENDA, _AGENDA + _END):
            key = stored[1:].decode()
            row = self.row(key)
            if row is not None:
                yield key, row

    def listed(
        self, name: str, value: str, after: tuple[str, str] | None = None
    ) -> Iterator[Listed[State]]:
        """Rows with this label, newest first, beginning behind the (sort, key) `after`."""
        prefix = _label_prefix(name, value)
        start = prefix if after is None else prefix + "\0".join(after).encode() + b"\0"
        for stored, _ in self._scan(start, prefix + _END):
            sort, key = stored[len(prefix) :].decode().split("\0", 1)
            row = self.row(key)
            if row is not None:
                yield Listed(sort, key, row)

    def history(self, key: str) -> list[bytes]:
        """The aggregate's events as they lie in the log, first to last."""
        prefix = _HISTORY + key.encode() + b"\0"
        return [value for _, value in self._scan(prefix, prefix + _END * 9)]

    def clear(self) -> None:
        """Forgets everything, to be folded from the log anew."""
        self._db.close()
        store.discard_store(self._directory)
        self._open()

    def close(self) -> None:
        """Lets go of the RocksDB."""
        self._db.close()

    def _folded(self, row: Row[State] | None, each: Appended) -> Row[State] | None:
        """The row after the event; None when it loses, or when the domain can't take it."""
        try:
            return fold(self._decider, row, each.envelope, each.event)
        except Exception:
            # No rule of the domain appends such an event. One bad record must not stop a partition.
            log.exception("offset %d: %s v%d can't be folded", each.offset, *_named(each))
            return None

    def _key(self, event: Any) -> str:
        key: str = getattr(event, self._decider.key_field)
        return key

    def _put(
        self, batch: WriteBatch, key: str, before: Row[State] | None, after: Row[State]
    ) -> None:
        batch.put(_ROW + key.encode(), encode_plain(after))
        old = {} if before is None else self._labels(before)
        new = self._labels(after)
        since = after.state if before is None else before.state
        sort = _newest_first(self._decider.listed_at(since))
        for name, value in old.items():
            if new.get(name) != value:
                batch.delete(_label_key(name, value, sort, key))
        for name, value in new.items():
            if old.get(name) != value:
                batch.put(_label_key(name, value, sort, key), b"")
        if self._decider.agenda(after.state):
            batch.put(_AGENDA + key.encode(), b"")
        elif before is not None and self._decider.agenda(before.state):
            batch.delete(_AGENDA + key.encode())

    def _labels(self, row: Row[State]) -> Mapping[str, str]:
        return {"all": "", **self._decider.labels(row.state)}

    def _scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        cursor = self._db.iter()
        cursor.seek(start)
        while cursor.valid():
            key, value = cursor.key(), cursor.value()
            if not isinstance(key, bytes) or not isinstance(value, bytes) or key >= end:
                return
            yield key, value
            cursor.next()


class EventTable(Generic[State]):
    """A service's table: the partitions that this worker owns, opened and closed on assignment."""

    def __init__(self, directory: Path, decider: Decider[State, Any, Any]) -> None:
        self.decider = decider
        self._directory = directory
        self._partitions: dict[int, TablePartition[State]] = {}

    def open(self, partition: int) -> TablePartition[State]:
        """The partition, opened where it is not yet."""
        if partition not in self._partitions:
            self._partitions[partition] = TablePartition(
                self._directory / f"{self.decider.name}-{partition}", self.decider
            )
        return self._partitions[partition]

    def close(self, partition: int) -> None:
        """Lets go of one partition."""
        opened = self._partitions.pop(partition, None)
        if opened is not None:
            opened.close()

    def __getitem__(self, partition: int) -> TablePartition[State]:
        return self._partitions[partition]


@cache
def _form(row_type: Any) -> str:
    return hashlib.sha256(encode_plain(msgspec.json.schema(row_type))).hexdigest()[:16]


def _decode_position(stored: bytes) -> Position:
    try:
        return msgspec.json.decode(stored, type=Position)
    except msgspec.MsgspecError:
        return Position(0, None)  # of another release: its form is none of ours


def _named(appended: Appended) -> tuple[str, int]:
    return appended.envelope.type, appended.envelope.version


def _newest_first(at: datetime) -> str:
    """Instants in the reverse order of time, as 16 digits that sort like text."""
    return f"{10**16 - 1 - int(at.timestamp() * 1_000_000):016d}"


def _label_prefix(name: str, value: str) -> bytes:
    return _LABEL + f"{name}\0{value}\0".encode()


def _label_key(name: str, value: str, sort: str, key: str) -> bytes:
    return _label_prefix(name, value) + f"{sort}\0{key}".encode()


def _history_key(key: str, version: int) -> bytes:
    return _HISTORY + key.encode() + b"\0" + struct.pack(">Q", version)
