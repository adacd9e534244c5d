"""Folding: events of the log on their way into a table, as rows in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Generic

from msgspec import Struct

from services.common import journals, table_layout
from services.common.decider import Decider, Envelope, Row, State, is_had
from services.common.journals import Tail
from services.common.table_layout import Writes
from services.common.telemetry import log


class Appended(Struct, frozen=True):
    """An event as it lies in the log; `inputs` is what was settled then: next offset by topic.

    `after` is the row that it led to where it was decided, to save folding it a second time.
    `writer` names the worker that appended it, in one of its times as the partition's owner.
    """

    offset: int
    envelope: Envelope
    event: Any
    value: bytes
    inputs: Mapping[str, int] = {}
    after: Row[Any] | None = None
    writer: bytes = b""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the table stands in its log: the next offset to fold, and the id of the event before.

    The id tells a log that was made anew from the one that was folded, and `form` tells a table of
    another form of state, written by another release; both are folded anew. `inputs` is the next
    offset by input topic of which nothing that came before is to be decided again. `behind` is the
    last writer that is known to have decided on less than the whole log. `counts` says how many
    rows there are, by status.
    """

    next_offset: int
    last_event_id: str | None
    form: str = ""
    inputs: dict[str, int] = field(default_factory=dict)
    behind: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


class Folding(Generic[State]):
    """What is folded and not written yet.

    A row is read from the store once and written once, however many events it takes meanwhile. It
    stays in memory after that, for events still to come.

    Args:
        position: of the store.
        read: a row from the store, and what lies behind it there.
        fold: the row after an event; None when the event loses.
        has_journals: whether large rows may be written by their events alone.
    """

    def __init__(
        self,
        decider: Decider[State, Any, Any],
        position: Position,
        read: Callable[[str], tuple[Row[State] | None, Tail | None]],
        fold: Callable[[Row[State] | None, Appended], Row[State] | None],
        has_journals: bool,
    ) -> None:
        self._decider = decider
        self._key_field = decider.key_field
        self._keeps_history = decider.keeps_history
        self._position = position
        self._read = read
        self._fold = fold
        self._rows: dict[str, Row[State]] = {}  # the one that was touched last is the last
        self._stored: dict[str, Row[State] | None] = {}  # the rows to write, as they are stored
        self._events: dict[str, list[bytes]] = {}  # of the rows to write, since then
        self._has_journals = has_journals
        self.tails: dict[str, Tail] = {}  # of the rows that are stored and large
        self._inputs = dict(position.inputs)
        self._behind = None if position.behind is None else position.behind.encode()
        self._next_offset = position.next_offset
        self._last_event_id = position.last_event_id
        self._counts = dict(position.counts)
        self.losers = 0

    @property
    def unwritten(self) -> int:
        """How many offsets of the log are folded and not written."""
        return self._next_offset - self._position.next_offset

    @property
    def rows_in_memory(self) -> int:
        """How many rows there are in memory, written or not."""
        return len(self._rows)

    @property
    def changed(self) -> dict[str, Row[State]]:
        """The rows that are to be written, by key."""
        return {key: self._rows[key] for key in self._stored}

    def add(self, each: Appended, histories: Writes) -> None:
        """Folds the next event of the log; one that was folded before changes nothing.

        Args:
            histories: take what the event adds to its aggregate's history.
        """
        if each.offset < self._next_offset:
            return
        key: str = getattr(each.event, self._key_field)
        before = self._rows.pop(key, None) or self._from_store(key)
        after = self._fold(before, each)
        self._next_offset, self._last_event_id = each.offset + 1, each.envelope.id
        if after is None:
            self._lose(key, before, each)
            return
        self._rows[key] = after
        if key not in self._stored:
            self._stored[key] = before
        if each.writer != self._behind:
            self._behind = None
            for topic, offset in each.inputs.items():
                if offset > self._inputs.get(topic, 0):
                    self._inputs[topic] = offset
        if self._has_journals:
            self._events.setdefault(key, []).append(each.value)
        if self._keeps_history:
            prefix = table_layout.history_prefix(key)
            histories.put(table_layout.event_key(prefix, after.version), each.value)

    def put(self, key: str, writes: Writes) -> None:
        """Writes one row that has changed; all of them are to be written with the position."""
        row, stored, events = self._rows[key], self._stored[key], self._events.get(key)
        table_layout.put_places(writes, self._decider, key, stored, row, self._counts)
        tail = self.tails.pop(key, None)
        tail = journals.put_row(writes, key, stored, row, tail, events)
        if tail is not None:
            self.tails[key] = tail

    def put_position(self, writes: Writes) -> Position:
        """Writes where the store stands once it has these writes."""
        position = replace(
            self._position,
            next_offset=self._next_offset,
            last_event_id=self._last_event_id,
            inputs=dict(self._inputs),
            behind=None if self._behind is None else self._behind.decode(errors="replace"),
            counts=dict(sorted(self._counts.items())),
        )
        writes.put(table_layout.POSITION_KEY, table_layout.encode(position))
        return position

    def settle(self, position: Position, rows_max: int) -> None:
        """Takes the store to have all of it, and keeps so many rows, those touched last."""
        self._position = position
        self._stored.clear()
        self._events.clear()
        for key in list(islice(self._rows, max(0, len(self._rows) - rows_max))):
            del self._rows[key]
            self.tails.pop(key, None)

    def _from_store(self, key: str) -> Row[State] | None:
        row, tail = self._read(key)
        if tail is not None:
            self.tails[key] = tail
        return row

    def _lose(self, key: str, before: Row[State] | None, each: Appended) -> None:
        self.losers += 1
        envelope = each.envelope
        log.warning(
            "offset %d: %s v%d of %s loses", each.offset, envelope.type, envelope.version, key
        )
        if before is not None:
            self._rows[key] = before
        if before is None or not is_had(self._decider, before, envelope, each.event):
            # Its command is still to be decided, whatever this writer says is settled.
            self._behind = each.writer
