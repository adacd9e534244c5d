"""Recovery: brings the table of a partition up to the end of its event log, reading in batches."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.common import clock
from services.common.codec import BadRecordError, Language
from services.common.event_table import Appended, TablePartition
from services.common.log import inputs_of, place_of
from services.common.telemetry import Counters, log

RECORDS_PER_READ_MAX = 5_000
SILENCE_SECONDS_MAX = 30.0


class RecoveryError(Exception):
    """The log could not be read to its end; a restart begins again."""


async def recover(
    table: TablePartition[Any],
    reader: AIOKafkaConsumer,
    topic: str,
    partition: int,
    language: Language,
    counters: Counters,
) -> None:
    """Folds what the log has beyond the table; folds all anew where the table is of another log.

    Ends for any log: one that was truncated, emptied, made anew, or is shorter than the table.

    Args:
        reader: a consumer outside any group, used by nobody else meanwhile.

    Raises:
        RecoveryError: nothing could be read for SILENCE_SECONDS_MAX, or records went meanwhile.
    """
    place = TopicPartition(topic, partition)
    reader.assign([place])
    begin = (await reader.beginning_offsets([place]))[place]
    end = (await reader.end_offsets([place]))[place]
    began_at = clock.monotonic()
    start = await _start(table, reader, place, begin, end, language)
    reader.seek(place, start)
    read = 0
    position = start
    heard_at = clock.monotonic()
    while position < end:
        got = await reader.getmany(place, timeout_ms=500, max_records=RECORDS_PER_READ_MAX)
        records = got.get(place, [])
        appended = []
        for record in records:
            try:
                envelope, event = language.decode_event(record.value)
            except BadRecordError as error:
                counters.add("events_unreadable")
                log.error("%s can't be folded and is passed over: %s", place_of(record), error)
                continue
            inputs = inputs_of(record)
            appended.append(Appended(record.offset, envelope, event, record.value, inputs))
        if records and records[0].offset != position:
            raise RecoveryError(
                f"{topic}/{partition} has lost its records from {position} on while it was read"
            )
        losers = table.losers
        if appended:
            table.apply(appended)
        counters.add("events_lost", table.losers - losers)
        before = position
        position = await reader.position(place)
        read += len(records)
        if position > before:
            heard_at = clock.monotonic()
        elif clock.monotonic() - heard_at > SILENCE_SECONDS_MAX:
            raise RecoveryError(f"{topic}/{partition} gave nothing at {position}, before {end}")
        await asyncio.sleep(0)
    table.skip_to(end)
    counters.add("events_recovered", read)
    log.info(
        "%s/%d: %d events folded from offset %d to %d in %.1f s",
        topic,
        partition,
        read,
        start,
        end,
        clock.monotonic() - began_at,
    )


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
    log.warning("%s/%d: the table is folded anew: %s", place.topic, place.partition, reason)
    table.clear()
    return begin
