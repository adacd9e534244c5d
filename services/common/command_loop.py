"""The command loop: consume, decide, append, apply, commit, in the order that the contract wants.

A Pipeline does this for one partition. It decides each command on the state that its own events in
flight lead to, hands them to the log, and takes them into the table once the broker has
acknowledged them; only then may the commands' offsets be committed.

An event says in its headers which input was settled when it was appended: all earlier commands have
their event in the log before it, and what else they led to was acknowledged. So after a crash no
command is decided again that an event in the log came after; it would be on a later state.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from services.common.accepted import Accepted, accept
from services.common.codec import BadRecordError, Language
from services.common.decider import Decider, Envelope, Rejected, Row, State, is_repeat
from services.common.decisions import Decisions
from services.common.event_table import Appended, TablePartition
from services.common.kafka import partition_of
from services.common.log import Ack, Appender, Record, all_acknowledged, instant_of, place_of
from services.common.log_lines import without_values
from services.common.telemetry import (
    EXIT_APPEND_FAILED,
    EXIT_LOG_SKIPPED,
    EXIT_LOOP_FAILED,
    EXIT_TABLE_FAILED,
    Counters,
    die,
    log,
)
from services.common.tracing import Tracer

Changed = Callable[[int, Mapping[str, Row[Any]]], None]


@dataclass(slots=True)
class _Step:
    """What one batch of commands led to, on its way to the table."""

    topic: str
    next_offset: int
    events: list[tuple[Accepted, dict[str, int], Ack]] = field(default_factory=list)
    others: list[Ack] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a pipeline."""

    append_seconds_max: float = 60.0
    steps_in_flight_max: int = 8


class Pipeline(Generic[State]):
    """Decides the commands of one partition and folds what became of them."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        table: TablePartition[State],
        language: Language,
        decider: Decider[State, Any, Any],
        appender: Appender,
        changed: Changed,
        counters: Counters,
        limits: Limits,
        tracer: Tracer | None = None,
    ) -> None:
        self.partition = partition
        self._partitions = partitions
        self._table = table
        self._language = language
        self._decider = decider
        self._appender = appender
        self._changed = changed
        self._counters = counters
        self._decisions = Decisions(decider, counters)
        self._limits = limits
        self._tracer = tracer
        self._in_flight: dict[str, Row[State]] = {}
        self._expected: dict[str, int] = {}  # next offset by input topic
        self._done: dict[str, int] = {}
        self._unsettled: set[Ack] = set()  # of what is not an event
        self._steps: asyncio.Queue[_Step] = asyncio.Queue(limits.steps_in_flight_max)
        self._applying = asyncio.create_task(self._apply_steps())

    def start_at(self, topic: str, offset: int) -> None:
        """Names the next record that the pipeline takes from an input topic."""
        self._expected[topic] = self._done[topic] = offset

    def settled(self, topic: str) -> int:
        """The first record of an input topic that may have to be decided."""
        return self._table.position.inputs.get(topic, 0)

    def next_offset(self, topic: str) -> int:
        """The next record that the pipeline takes from an input topic."""
        return self._expected[topic]

    @property
    def is_full(self) -> bool:
        """True while the log has not acknowledged enough to take more commands."""
        return self._steps.full()

    def committable(self) -> dict[str, int]:
        """The next offset of each input topic whose earlier records are all done with."""
        return dict(self._done)

    async def take(self, topic: str, records: Sequence[Record]) -> None:
        """Decides a batch of one input topic, in order, and hands the outcome to the log."""
        step = _Step(topic, records[-1].offset + 1)
        for record in records:
            if record.offset != self._expected[topic]:
                die(
                    EXIT_LOG_SKIPPED,
                    f"{place_of(record)} came where offset {self._expected[topic]} was expected; "
                    "replaying from the last commit",
                )
            self._expected[topic] = record.offset + 1
            await self._settle(record, step)
        await self._steps.put(step)

    async def drain(self, seconds_max: float) -> bool:
        """Waits until all that was taken is in the table; False when the time is up."""
        try:
            await asyncio.wait_for(self._steps.join(), seconds_max)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Ends the pipeline where it is; what is not in the table will be decided again."""
        self._applying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._applying

    async def _settle(self, record: Record, step: _Step) -> None:
        try:
            envelope, command = self._language.decode_command(
                record.value, place_of(record), instant_of(record)
            )
            key = self._language.key(command)
            if record.key is not None and record.key != key.encode():
                raise BadRecordError(
                    f"the record's key is {record.key[:80]!r}, but {self._language.key_field} "
                    f"is {key!r}"
                )
        except BadRecordError as error:
            await self._put_aside(record, str(error), step)
            return
        if self._tracer is None:
            await self._settle_command(record, key, envelope, command, step)
            return
        order_id = getattr(command, "order_id", None)
        span = self._tracer.consume("decide", envelope, order_id, record.headers, record.topic)
        span.key = key
        span.outcome = await self._settle_command(record, key, envelope, command, step)
        self._tracer.end(span)

    async def _settle_command(
        self, record: Record, key: str, envelope: Envelope, command: Any, step: _Step
    ) -> str:
        """Hands the outcome of one command to the log, and names it."""
        if record.key is None or partition_of(key, self._partitions) != self.partition:
            self._counters.add("commands_forwarded")
            ack = await self._appender.forward(record, key, envelope, command)
            self._add_other(step, ack)
            return "forwarded"
        row = self._in_flight.get(key) or self._table.row(key)
        if is_repeat(row, envelope):
            self._decisions.repeated(record, key, envelope)
            return "repeated"
        try:
            outcome = self._decide(key, row, envelope, command)
            accepted = None
            if outcome is not None and not isinstance(outcome, Rejected):
                accepted = accept(self._decider, row, envelope, outcome)
        except Exception as error:
            log.exception("decide failed on %s", place_of(record))
            await self._put_aside(record, f"decide failed: {error!r}", step)
            return "put aside"
        if accepted is not None:
            event, after = accepted.envelope, accepted.after
            self._decisions.accepted(record, key, envelope, event, row, after)
            await self._append(record, key, accepted, step)
            return "accepted"
        if outcome is None:
            self._decisions.repeated(record, key, envelope)
            return "repeated"
        self._decisions.rejected(record, key, envelope, outcome)
        ack = await self._appender.rejection(key, envelope, outcome, record.headers)
        self._add_other(step, ack)
        return "rejected"

    def _decide(self, key: str, row: Row[State] | None, envelope: Envelope, command: Any) -> Any:
        decider = self._decider
        if decider.snapshot is not None and isinstance(command, decider.snapshot_command or ()):
            return None if row is None else decider.snapshot(key, row)
        return decider.decide(command, None if row is None else row.state, envelope.occurred_at)

    async def _append(self, record: Record, key: str, accepted: Accepted, step: _Step) -> None:
        if self._unsettled:
            await self._acknowledged(self._unsettled)
            self._unsettled.clear()
        envelope, inputs = accepted.envelope, dict(self._expected)
        ack = await self._appender.event(
            self.partition,
            key,
            envelope,
            accepted.value,
            record.headers,
            inputs,
            getattr(accepted.event, "order_id", None),
        )
        self._in_flight[key] = accepted.after
        step.events.append((accepted, inputs, ack))

    async def _put_aside(self, record: Record, reason: str, step: _Step) -> None:
        self._counters.add("dead_letters")
        log.warning("dead letter %s: %s", place_of(record), without_values(reason))
        self._add_other(step, await self._appender.dead_letter(record, reason))

    def _add_other(self, step: _Step, ack: Ack) -> None:
        step.others.append(ack)
        self._unsettled.add(ack)

    async def _apply_steps(self) -> None:
        try:
            while True:
                step = await self._steps.get()
                await self._apply(step)
                self._done[step.topic] = step.next_offset
                self._steps.task_done()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("applying failed")
            die(EXIT_LOOP_FAILED, f"partition {self.partition} can't go on: {error!r}")

    async def _apply(self, step: _Step) -> None:
        await self._acknowledged([*(ack for *_, ack in step.events), *step.others])
        self._unsettled.difference_update(step.others)
        if not step.events:
            return
        appended = [
            Appended(
                ack.result().offset,
                accepted.envelope,
                accepted.event,
                accepted.value,
                inputs,
                accepted.after,
                self._appender.writer,
            )
            for accepted, inputs, ack in step.events
        ]
        expected = self._table.position.next_offset
        for each in appended:
            if each.offset != expected:
                die(
                    EXIT_LOG_SKIPPED,
                    f"{self._appender.events_topic}/{self.partition}: an event went to offset "
                    f"{each.offset} where {expected} was expected: another writer is at work",
                )
            expected += 1
        try:
            rows = self._table.apply(appended)
        except Exception as error:
            log.exception("the table failed")
            die(EXIT_TABLE_FAILED, f"the table of partition {self.partition} failed: {error!r}")
        for key, row in rows.items():
            waiting = self._in_flight.get(key)
            if waiting is not None and waiting.version == row.version:
                del self._in_flight[key]
        self._changed(self.partition, rows)

    async def _acknowledged(self, acks: Collection[Ack]) -> None:
        try:
            await all_acknowledged(acks, self._limits.append_seconds_max)
        except Exception as error:
            die(EXIT_APPEND_FAILED, f"the log did not take a record: {error!r}")
