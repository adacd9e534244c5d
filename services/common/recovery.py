"""Recovery: brings the table of a partition up to the end of its event log, reading in batches."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.common import clock
from services.common.codec import BadRecordError, Language
from services.common.event_table import Appended, TablePartition
from services.common.log import Record, inputs_of, place_of
from services.common.telemetry import Counters, log

RECORDS_PER_READ_MAX = 5_000
SILENCE_SECONDS_MAX = 30.0
TOLD_EVERY_SECONDS = 5.0


class RecoveryError(Exception):
    """The log could not be read to its end; a restart begins again."""


@dataclass(slots=True)
class Progress:
    """How far the recovery of one partition is, in offsets of its log."""

    topic: str
    partition: int
    start: int = 0
    end: int = 0
    position: int = 0
    began_at: float = field(default_factory=clock.monotonic)

    @property
    def events_per_second(self) -> float:
        """The mean since the beginning."""
        return (self.position - self.start) / max(clock.monotonic() - self.began_at, 1e-6)

    @property
    def eta_seconds(self) -> float | None:
        """How long it will take at this speed; None while the speed is not known."""
        speed = self.events_per_second
        return (self.end - self.position) / speed if speed > 0 else None

    def facts(self) -> Mapping[str, Any]:
        """For a person who waits."""
        eta = self.eta_seconds
        return {
            "partition": self.partition,
            "folded": self.position - self.start,
            "to_fold": self.end - self.start,
            "events_per_second": round(self.events_per_second),
            "eta_seconds": None if eta is None else round(eta, 1),
        }


async def recover(
    table: TablePartition[Any],
    reader: AIOKafkaConsumer,
    progress: Progress,
    language: Language,
    counters: Counters,
) -> None:
    """Folds what the log has beyond the table; folds all anew where the table is of another log.

    Ends for any log: one that was truncated, emptied, compacted, made anew, or is shorter than the
    table; a line of the worker's log says what it did.

    Args:
        reader: a consumer outside any group, used by nobody else meanwhile.
        progress: names the log; kept up to date.

    Raises:
        RecoveryError: nothing could be read for SILENCE_SECONDS_MAX, or the log lost its beginning
            while it was read.
    """
    place = TopicPartition(progress.topic, progress.partition)
    reader.assign([place])
    begin = (await reader.beginning_offsets([place]))[place]
    end = (await reader.end_offsets([place]))[place]
    start = await _start(table, reader, place, begin, end, language)
    progress.start, progress.end = start, end
    reader.seek(place, start)
    read = await _fold_to_end(table, reader, place, progress, language, counters)
    table.skip_to(end)
    counters.add("events_recovered", read)
    log.info(
        "%s/%d: %d events folded from offset %d to %d in %.1f s, %d a second",
        *place,
        read,
        start,
        end,
        clock.monotonic() - progress.began_at,
        progress.events_per_second,
    )


async def _fold_to_end(
    table: TablePartition[Any],
    reader: AIOKafkaConsumer,
    place: TopicPartition,
    progress: Progress,
    language: Language,
    counters: Counters,
) -> int:
    """Returns how many records it has read."""
    read = 0
    progress.position = progress.start
    heard_at = told_at = clock.monotonic()
    while progress.position < progress.end:
        got = await reader.getmany(place, timeout_ms=500, max_records=RECORDS_PER_READ_MAX)
        records = got.get(place, [])
        if records:
            await _look_for_holes(reader, place, progress.position, records, counters)
            _fold(table, records, language, counters)
            read += len(records)
        position = await reader.position(place)
        now = clock.monotonic()
        if position > progress.position:
            heard_at = now
        elif now - heard_at > SILENCE_SECONDS_MAX:
            raise RecoveryError(f"{place} gave nothing at {position}, before {progress.end}")
        progress.position = position
        if now - told_at > TOLD_EVERY_SECONDS:
            told_at = now
            log.info("%s/%d: folding, %s", *place, progress.facts())
        await asyncio.sleep(0)
    return read


async def _look_for_holes(
    reader: AIOKafkaConsumer,
    place: TopicPartition,
    expected: int,
    records: Sequence[Record],
    counters: Counters,
) -> None:
    """Says so when the log no longer has records that it should have: it was compacted.

    Raises:
        RecoveryError: the log lost its beginning while it was read; it is to be read again.
    """
    missing = records[-1].offset + 1 - expected - len(records)
    if not missing:
        return
    begin = (await reader.beginning_offsets([place]))[place]
    if begin > expected:
        raise RecoveryError(
            f"{place.topic}/{place.partition} has lost its records from {expected} on "
            "while it was read"
        )
    counters.add("events_missing", missing)
    log.warning(
        "%s/%d: %d of the records from %d to %d are gone from the log: it was compacted",
        *place,
        missing,
        expected,
        records[-1].offset,
    )


def _fold(
    table: TablePartition[Any], records: Sequence[Record], language: Language, counters: Counters
) -> None:
    """Folds one batch of the log in one write."""
    appended = []
    for record in records:
        try:
            envelope, event = language.decode_event(record.value)
        except BadRecordError as error:
            counters.add("events_unreadable")
            log.error("%s can't be folded and is passed over: %s", place_of(record), error)
            continue
        value = record.value or b""
        appended.append(Appended(record.offset, envelope, event, value, inputs_of(record)))
    losers = table.losers
    if appended:
        table.apply(appended)
    counters.add("events_lost", table.losers - losers)


async def _start(
    table: TablePartition[Any],
    reader: AIOKafkaConsumer,
    place: TopicPartition,
    begin: int,
    end: int,
    language: Language,
) -> int:
    """The offset to fold from: the table's own where it is of this log, else the log's first."""
    stored = table.position
    if stored.next_offset == 0:
        return begin
    reason = None
    if stored.next_offset > end:
        reason = f"it stands at {stored.next_offset}, beyond the end {end}"
    elif stored.next_offset < begin:
        reason = f"it stands at {stored.next_offset}, before the first kept offset {begin}"
    elif stored.last_event_id is not None and stored.next_offset > begin:
        reader.seek(place, stored.next_offset - 1)
        got = await reader.getmany(place, timeout_ms=int(SILENCE_SECONDS_MAX * 1000), max_records=1)
        last = got.get(place, [])
        try:
            found = language.decode_event(last[0].value)[0].id if last else None
        except BadRecordError:
            found = None
        if found != stored.last_event_id:
            reason = "its last event is not the one that the log has there"
    if reason is None:
        return stored.next_offset
    log.warning("%s/%d: the table is folded anew: %s", *place, reason)
    table.clear()
    return begin
