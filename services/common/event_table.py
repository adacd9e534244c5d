"""The event table: one RocksDB per partition that holds the fold of that partition's event log.

Rows, the offset of the next event to fold, and what lists, histories, journals and agendas are read
from are written in one atomic batch. Deleting the directory loses nothing: the table is folded
again.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Generic

import msgspec

from services.common import forms, journals, store, table_layout
from services.common.codec import BadRecordError, encode_plain
from services.common.common_places import common_places
from services.common.decider import Decider, Envelope, Row, State, fold, follows
from services.common.folding import Appended, Folding, Position
from services.common.journals import JournalError, Tail
from services.common.rebuild import Rebuild, RebuildLimits
from services.common.telemetry import log

__all__ = ["Appended", "EventTable", "Listed", "Position", "TablePartition", "row_decoder"]

# Rows that were written last, of each partition; of some kilobytes each.
RECENT_ROWS_MAX = 1_000
# A new aggregate is asked for when it is submitted, when it is decided and when it is folded.
ABSENT_KEYS_MAX = 1_000
# The label of every row.
ALL = {"all": ""}

# An event of the log from its value; raises BadRecordError where it is none.
DecodeEvent = Callable[[bytes | None], tuple[Envelope, Any]]


@dataclass(frozen=True, slots=True)
class Listed(Generic[State]):
    """A row found through a label; lists are ordered by `sort`, newest first."""

    sort: str
    key: str
    row: Row[State]


class TablePartition(Generic[State]):
    """The rows of one partition. All writes come from folded events, through `apply`.

    Args:
        decode: reads what lies in journals; where it is None, every row is written whole.
    """

    def __init__(
        self,
        directory: Path,
        decider: Decider[State, Any, Any],
        decode: DecodeEvent | None = None,
    ) -> None:
        self._decider = decider
        self._decode = decode
        self._directory = directory
        self._decoder = row_decoder(decider)
        self._form = _form(self._decoder.type)
        self.losers = 0
        self._recent: dict[str, Row[State]] = {}  # the one that was written last is the last
        self._tails: dict[str, Tail] = {}  # of the large ones of these
        self._absent: set[str] = set()  # keys that were asked for and have no row
        self._open()

    def _open(self) -> None:
        self._db = store.open_store(self._directory)
        stored = self._db.get(table_layout.POSITION_KEY)
        self._position = Position(0, None, self._form)
        if stored is not None:
            position = _decode_position(stored)
            is_damaged = self._db.get(table_layout.DAMAGED_KEY) is not None
            if position.form == self._form and not is_damaged:
                self._position = position
            else:
                self.clear()

    @property
    def position(self) -> Position:
        """Where the table stands in its log."""
        return self._position

    @property
    def keys_estimate(self) -> int:
        """About how many entries the store has, rows and what leads to them."""
        return store.keys_estimate(self._db)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many aggregates there are, by status; under "" those that have none."""
        return self._position.counts

    def row(self, key: str) -> Row[State] | None:
        """The row of an aggregate, or None when no event has named it."""
        return self._read(key)[0]

    def apply(self, events: Iterable[Appended]) -> dict[str, Row[State]]:
        """Folds events of the log, in its order, in one atomic write.

        Returns:
            The rows that changed, by key. An event whose version does not follow is counted in
            `losers` and changes nothing.
        """
        has_journals = self._decode is not None
        folding = Folding(self._decider, self._position, self._read, self._after, has_journals)
        batch = store.new_batch()
        for each in events:
            folding.add(each, batch)
        changed = folding.changed
        for key in changed:
            folding.put(key, batch)
        position = folding.put_position(batch)
        self._db.write(batch)
        self._position = position
        self.losers += folding.losers
        self._remember(changed, folding.tails)
        return changed

    def rebuild(self, limits: RebuildLimits) -> Rebuild[State]:
        """Begins to fold a long stretch of the log, in few writes.

        The table is to be neither read nor written otherwise until the rebuild is closed or given
        up; then it stands where it was written last.
        """
        self._forget()
        position, has_journals = self._position, False
        folding = Folding(self._decider, position, self._read_stored, self._after, has_journals)
        return Rebuild(folding, self._db, self._rebuilt, limits)

    def _rebuilt(self, position: Position, losers: int) -> None:
        self._forget()
        self._position = position
        self.losers += losers

    def skip_to(self, next_offset: int) -> None:
        """Notes that the log holds no event before `next_offset` that is not folded."""
        if next_offset > self._position.next_offset:
            self._position = replace(self._position, next_offset=next_offset, last_event_id=None)
            self._db.put(table_layout.POSITION_KEY, table_layout.encode(self._position))

    def waiting(self, after: str = "") -> Iterator[tuple[str, Row[State]]]:
        """The rows whose state has an agenda, by key, in its order, beginning behind `after`."""
        start = table_layout.AGENDA + (after.encode() + b"\0" if after else b"")
        for stored, _ in self._scan(start, table_layout.AGENDA + table_layout.END):
            key = stored[1:].decode()
            row = self.row(key)
            if row is not None:
                yield key, row

    def listed(
        self, labels: Mapping[str, str], after: tuple[str, str] | None = None
    ) -> Iterator[Listed[State]]:
        """Rows with all these labels, newest first, beginning behind the (sort, key) `after`.

        No other row is read, however many have one of the labels.
        """
        prefixes = [table_layout.label_prefix(*label) for label in labels.items() or ALL.items()]
        start = b"" if after is None else "\0".join(after).encode() + b"\0"
        for place in common_places(self._db.iter, prefixes, start):
            sort, key = place.decode().split("\0", 1)
            row = self.row(key)
            if row is not None:
                yield Listed(sort, key, row)

    def history(self, key: str) -> list[bytes]:
        """The aggregate's events as they lie in the log, first to last."""
        row = self.row(key)
        if row is None:
            return []
        # A rebuild that was given up has left events behind that the row does not have yet.
        prefix = table_layout.history_prefix(key)
        end = table_layout.event_key(prefix, row.version + 1)
        return [value for _, value in self._scan(prefix, end)]

    def clear(self) -> None:
        """Forgets everything, to be folded from the log anew."""
        self._forget()
        self._db.close()
        store.discard_store(self._directory)
        self._open()

    def close(self) -> None:
        """Lets go of the RocksDB."""
        self._db.close()

    def _remember(self, rows: Mapping[str, Row[State]], tails: Mapping[str, Tail]) -> None:
        """Keeps what was written last in memory: most is asked for again soon."""
        for key, row in rows.items():
            self._recent.pop(key, None)
            self._recent[key] = row
            self._absent.discard(key)
            self._tails.pop(key, None)
            if key in tails:
                self._tails[key] = tails[key]
        for key in list(islice(self._recent, max(0, len(self._recent) - RECENT_ROWS_MAX))):
            del self._recent[key]
            self._tails.pop(key, None)

    def _forget(self) -> None:
        self._recent.clear()
        self._tails.clear()
        self._absent.clear()

    def _read(self, key: str) -> tuple[Row[State] | None, Tail | None]:
        """A row, and what lies behind it in the store."""
        if (recent := self._recent.get(key)) is not None:
            return recent, self._tails.get(key)
        if key in self._absent:
            return None, None
        row, tail = self._read_stored(key)
        if row is None:
            if len(self._absent) >= ABSENT_KEYS_MAX:
                self._absent.clear()
            self._absent.add(key)
        return row, tail

    def _read_stored(self, key: str) -> tuple[Row[State] | None, Tail | None]:
        stored = self._db.get(table_layout.row_key(key))
        if stored is None:
            return None, None
        events = partial(self._events, table_layout.journal_prefix(key))
        try:
            return journals.read_row(stored, self._decoder, events, self._after_stored)
        except (BadRecordError, JournalError):
            # Whoever opens it next folds it anew.
            self._db.put(table_layout.DAMAGED_KEY, b"")
            raise

    def _after_stored(self, row: Row[State], value: bytes) -> Row[State] | None:
        """The row after an event that lies behind it in the store."""
        if self._decode is None:
            raise JournalError("the table has journals, and is opened without a way to read them")
        envelope, event = self._decode(value)
        return self._after(row, Appended(self._position.next_offset, envelope, event, value))

    def _after(self, row: Row[State] | None, each: Appended) -> Row[State] | None:
        """The row after the event; None when it loses, or when the domain can't take it."""
        if each.after is not None and follows(row, each.envelope):
            return each.after
        try:
            return fold(self._decider, row, each.envelope, each.event)
        except Exception:
            # No rule of the domain appends such an event. One bad record must not stop a partition.
            name, version = each.envelope.type, each.envelope.version
            log.exception("offset %d: %s v%d can't be folded", each.offset, name, version)
            return None

    def _events(self, prefix: bytes, version: int = 0) -> Iterator[bytes]:
        """The events of a history or a journal, from a version on."""
        start = table_layout.event_key(prefix, version)
        return (value for _, value in self._scan(start, prefix + table_layout.END * 9))

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

    def __init__(
        self,
        directory: Path,
        decider: Decider[State, Any, Any],
        decode: DecodeEvent | None = None,
    ) -> None:
        self.decider = decider
        self._decode = decode
        self._directory = directory
        self._partitions: dict[int, TablePartition[State]] = {}

    def open(self, partition: int) -> TablePartition[State]:
        """The partition, opened where it is not yet."""
        if partition not in self._partitions:
            self._partitions[partition] = TablePartition(
                self._directory / f"{self.decider.name}-{partition}", self.decider, self._decode
            )
        return self._partitions[partition]

    def close(self, partition: int) -> None:
        """Lets go of one partition."""
        opened = self._partitions.pop(partition, None)
        if opened is not None:
            opened.close()

    def __getitem__(self, partition: int) -> TablePartition[State]:
        return self._partitions[partition]


def row_decoder(decider: Decider[State, Any, Any]) -> msgspec.json.Decoder[Row[State]]:
    """What reads a row as it was written whole."""
    row_type: Any = Row[decider.state_type]  # type: ignore[name-defined]
    return msgspec.json.Decoder(row_type, dec_hook=forms.held)


@cache
def _form(row_type: Any) -> str:
    schema = msgspec.json.schema(row_type, schema_hook=forms.schema)
    written = (table_layout.VERSION, schema)
    return hashlib.sha256(encode_plain(written)).hexdigest()[:16]


def _decode_position(stored: bytes) -> Position:
    try:
        return msgspec.json.decode(stored, type=Position)
    except msgspec.MsgspecError:
        return Position(0, None)  # of another release: its form is none of ours
