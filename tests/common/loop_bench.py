"""A command loop's pipeline on a log in memory and a table on disk, for a test to feed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from services.common.codec import encode_command
from services.common.command_loop import Limits, Pipeline
from services.common.decider import Envelope, Row
from services.common.event_table import TablePartition
from services.common.log import Appender
from services.common.messages.shared import CommandRejected, DeadLetter
from services.common.telemetry import Counters
from services.common.tracing import TracedProducer, Tracer
from tests.common import tally
from tests.common.deaths import DiedError
from tests.common.memory_log import LogRecord, MemoryLog, MemoryProducer, batches
from tests.common.tally import Tally

INPUT = "tally.commands"
EVENTS = "tally.events"
LANGUAGE = tally.language()


@dataclass(slots=True)
class Bench:
    """A pipeline on a log in memory and a table on disk."""

    log: MemoryLog
    producer: MemoryProducer
    table: TablePartition[Tally]
    pipeline: Pipeline[Tally]
    counters: Counters
    changes: list[Mapping[str, Row[Tally]]] = field(default_factory=list)

    async def take(self, *commands: Any, cuts: Iterable[int] = ()) -> None:
        """Puts commands in the input topic and has the pipeline take them."""
        start = len(self.log.read(INPUT))
        for command in commands:
            put(self.log, command)
        for batch in batches(self.log.read(INPUT, 0, start), cuts):
            await self.pipeline.take(INPUT, batch)

    async def take_raw(self, key: bytes | None, value: bytes | None) -> LogRecord:
        """Has the pipeline take a record of these bytes; returns it once that is done with."""
        offset = self.log.append(INPUT, key, value, 0, [("traceparent", b"x"), ("h", b"\xff")])
        record = self.log.read(INPUT)[offset]
        await self.pipeline.take(INPUT, [record])
        assert await self.pipeline.drain(5)
        return record

    def events(self) -> list[Any]:
        """What the event log says."""
        return [each.event for each in self.log.events(LANGUAGE)]

    def total(self, key: str) -> int | None:
        """The total that the table has."""
        row = self.table.row(key)
        return None if row is None else row.state.total

    def dead_letters(self) -> list[DeadLetter]:
        """What was put aside."""
        values = self.log.values("tally.dead-letters")
        return [msgspec.json.decode(value, type=DeadLetter) for value in values]

    def rejections(self) -> list[CommandRejected]:
        """What was refused."""
        values = self.log.values("tally.rejections")
        return [msgspec.json.decode(value, type=CommandRejected) for value in values]


def put(
    log: MemoryLog,
    command: Any,
    command_id: str | None = None,
    source: str | None = None,
    source_version: int | None = None,
    topic: str = INPUT,
) -> int:
    """Puts a command in an input topic under its key."""
    name = command_id or f"{topic}-{len(log.read(topic))}"
    at = datetime(2030, 1, 1, tzinfo=UTC)
    envelope = Envelope(
        name, type(command).__name__, at, name, name, source=source, source_version=source_version
    )
    key = command.tally_id.encode()
    return log.append(topic, key, encode_command(envelope, command), 0)


@asynccontextmanager
async def bench(
    directory: Path,
    log: MemoryLog | None = None,
    is_prompt: bool = True,
    limits: Limits | None = None,
    tracer: Tracer | None = None,
) -> AsyncIterator[Bench]:
    """A pipeline that begins at the start of its input, its table folded to the end of the log."""
    log = log or MemoryLog()
    producer = MemoryProducer(log, is_prompt)
    table = TablePartition(directory, tally.decider())
    tail = log.events(LANGUAGE, 0, table.position.next_offset)
    if tail:
        table.apply(tail)
    changes: list[Mapping[str, Row[Tally]]] = []
    counters = Counters()
    pipeline: Pipeline[Tally] = Pipeline(
        0,
        log.partitions,
        table,
        LANGUAGE,
        tally.decider(),
        Appender("tally", producer if tracer is None else TracedProducer(producer, tracer)),
        lambda _, rows: changes.append(rows),
        counters,
        limits or Limits(append_seconds_max=5.0, steps_in_flight_max=8),
        tracer,
    )
    pipeline.start_at(INPUT, 0)
    try:
        yield Bench(log, producer, table, pipeline, counters, changes)
    finally:
        with suppress(DiedError):  # the test has seen it
            await pipeline.stop()
        table.close()


async def settle() -> None:
    """Lets everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)
