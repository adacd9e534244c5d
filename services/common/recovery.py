"""Recovery: brings the table of a partition up to the end of its event log, reading in batches."""

import asyncio
import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.common import clock
from services.common.codec import BadRecordError, Language
from services.common.event_table import Appended, TablePartition
from services.common.log import Record, place_of, told_by_writer
from services.common.log_lines import without_values
from services.common.progress import Progress
from services.common.rebuild import Rebuild, RebuildLimits
from services.common.telemetry import Counters, log

POLL_MILLISECONDS = 500


class RecoveryError(Exception):
    """The log could not be read to its end; a restart begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryLimits:
    """The bounds of a recovery, and how often it says how far it is.

    rows_in_memory_max: of one partition.
    silence_seconds_max: how long the log may give nothing.
    """

    records_per_read_max: int = 5_000
    rows_in_memory_max: int = 40_000
    events_per_write_max: int = 500_000
    history_bytes_max: int = 16 << 20
    silence_seconds_max: float = 30.0
    told_seconds: float = 5.0


async def recover(
    table: TablePartition[Any],
    reader: AIOKafkaConsumer,
    progress: Progress,
    language: Language,
    counters: Counters,
    limits: RecoveryLimits = RecoveryLimits(),
    turn: asyncio.Lock | None = None,
) -> None:
    """Folds what the log has beyond the table; folds all anew where the table is of another log.

    Ends for any log: one that was truncated, emptied, compacted, made anew, or is shorter than the
    table; one line of the worker's log says what it did.

    Args:
        reader: a consumer outside any group, used by nobody else meanwhile.
        progress: names the log; kept up to date.
        turn: held while events are folded. Partitions that share it are folded one after another:
            one is ready early, and only one has its rows in memory.

    Raises:
        RecoveryError: nothing could be read for `silence_seconds_max`, or the log lost its
            beginning while it was read.
    """
    recovery = _Recovery(table, reader, progress, language, counters, limits)
    await recovery.run(turn or asyncio.Lock())


class _Recovery:
    """One run of `recover`, and what it met with."""

    def __init__(
        self,
        table: TablePartition[Any],
        reader: AIOKafkaConsumer,
        progress: Progress,
        language: Language,
        counters: Counters,
        limits: RecoveryLimits,
    ) -> None:
        self._table = table
        self._reader = reader
        self._progress = progress
        self._language = language
        self._counters = counters
        self._limits = limits
        self._place = TopicPartition(progress.topic, progress.partition)
        self._read = 0
        self._missing = 0
        self._unreadable = 0

    async def run(self, turn: asyncio.Lock) -> None:
        """Reads to what is the end now."""
        table, place, progress = self._table, self._place, self._progress
        self._reader.assign([place])
        begin = (await self._reader.beginning_offsets([place]))[place]
        end = (await self._reader.end_offsets([place]))[place]
        reason = await self._why_anew(begin, end)
        if reason is not None:
            log.warning("%s/%d: the table is folded anew: %s", *place, reason)
            table.clear()
        start = table.position.next_offset or begin
        progress.aim(start, end)
        self._reader.seek(place, start)
        losers = table.losers
        async with turn:
            progress.begin()
            await self._rebuild()
        table.skip_to(end)
        self._tell(start, begin, table.losers - losers, reason)

    async def _rebuild(self) -> None:
        """Folds to the end, in few writes."""
        limits = self._limits
        rebuild = self._table.rebuild(
            RebuildLimits(
                rows_in_memory_max=limits.rows_in_memory_max,
                events_per_write_max=limits.events_per_write_max,
                history_bytes_max=limits.history_bytes_max,
            )
        )
        # Rows and events are not in circles; to look for any among them takes as long as to fold.
        with _no_collection():
            await self._fold_to_end(rebuild)
            await rebuild.close()

    async def _why_anew(self, begin: int, end: int) -> str | None:
        """Why the table is not the fold of the first events of this log; None when it is."""
        stored = self._table.position
        if stored.next_offset == 0:
            return None
        if stored.next_offset > end:
            return f"it stands at {stored.next_offset}, beyond the end {end}"
        if stored.next_offset < begin:
            return f"it stands at {stored.next_offset}, before the first kept offset {begin}"
        if stored.last_event_id is None or stored.next_offset == begin:
            return None
        self._reader.seek(self._place, stored.next_offset - 1)
        silence_ms = int(self._limits.silence_seconds_max * 1000)
        got = await self._reader.getmany(self._place, timeout_ms=silence_ms, max_records=1)
        last = got.get(self._place, [])
        try:
            found = self._language.decode_event(last[0].value)[0].id if last else None
        except BadRecordError:
            found = None
        if found == stored.last_event_id:
            return None
        return "its last event is not the one that the log has there"

    async def _fold_to_end(self, rebuild: Rebuild[Any]) -> None:
        place, progress, limits = self._place, self._progress, self._limits
        heard_at = told_at = clock.monotonic()
        while progress.position < progress.end:
            got = await self._reader.getmany(
                place, timeout_ms=POLL_MILLISECONDS, max_records=limits.records_per_read_max
            )
            records = got.get(place, [])
            if records:
                await self._look_for_holes(records)
                await rebuild.add(self._events(records))
                self._read += len(records)
            position = await self._reader.position(place)
            now = clock.monotonic()
            if position > progress.position:
                heard_at = now
            elif now - heard_at > limits.silence_seconds_max:
                raise RecoveryError(f"{place} gave nothing at {position}, before {progress.end}")
            progress.position = position
            if now - told_at > limits.told_seconds:
                told_at = now
                log.info("%s/%d: folding, %s", *place, str(progress))
            await asyncio.sleep(0)

    async def _look_for_holes(self, records: Sequence[Record]) -> None:
        """Counts the records that the log should have and no longer has: it was compacted.

        Raises:
            RecoveryError: the log lost its beginning while it was read; it is to be read again.
        """
        place, expected = self._place, self._progress.position
        missing = records[-1].offset + 1 - expected - len(records)
        if not missing:
            return
        begin = (await self._reader.beginning_offsets([place]))[place]
        if begin > expected:
            raise RecoveryError(
                f"{place.topic}/{place.partition} has lost its records from {expected} on "
                "while it was read"
            )
        self._missing += missing

    def _events(self, records: Sequence[Record]) -> Iterator[Appended]:
        """The events of a batch of the log, but for what can't be read."""
        decode = self._language.decode_event
        for record in records:
            value = record.value or b""
            try:
                envelope, event = decode(record.value)
            except BadRecordError as error:
                self._unreadable += 1
                reason = without_values(str(error))
                log.error("%s can't be folded and is passed over: %s", place_of(record), reason)
                continue
            inputs, writer = told_by_writer(record)
            yield Appended(record.offset, envelope, event, value, inputs, writer=writer)

    def _tell(self, start: int, begin: int, losers: int, reason: str | None) -> None:
        """One line about all of it."""
        progress, counters = self._progress, self._counters
        counters.add("events_recovered", self._read)
        counters.add("events_lost", losers)
        counters.add("events_missing", self._missing)
        counters.add("events_unreadable", self._unreadable)
        remarks = [
            f"folded anew, as {reason}" if reason else "",
            f"the log begins at {begin}" if start == begin > 0 else "",
            f"{self._missing} records are gone: the log was compacted" if self._missing else "",
            f"{self._unreadable} records were unreadable" if self._unreadable else "",
            f"{losers} events lost" if losers else "",
        ]
        log.info(
            "%s/%d: recovered: %d events from offset %d to %d in %.1f s, %d a second%s",
            *self._place,
            self._read,
            start,
            progress.end,
            progress.seconds,
            progress.events_per_second,
            "".join(f"; {remark}" for remark in remarks if remark),
        )


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keeps Python from looking for garbage in circles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
