"""A contender: the Faust agent with what it would need to keep the contract of the log.

Per record, in this order: the row with its outbox is acknowledged in the table's changelog; the
events, whose ids derive from the record's place, are acknowledged; the record is acked, in the
order of its partition. A replayed record sends its events again as the outbox has them.

Not here, because it costs nothing per record: draining on a rebalance, and the repairs of Faust's
consumer.

As a program: python -m infra.bench.faust_unit_of_work worker -l info
"""

import asyncio
import os
import traceback
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any

import faust
from faust.tables.table import Table
from faust.types import TP, TopicT

from infra.bench.faust_app import (
    Json,
    create_faust_app,
    input_topic,
    locate,
    output_topic,
    table_options,
)
from infra.bench.job import PARTITIONS, Job
from services.common import ids

UNITS_WAITING_MAX = 1_000
EXIT_FAILED = 70


@dataclass(slots=True)
class Unit:
    """One record on its way: its change of the table, and its events."""

    source: Any
    change: Awaitable[Any]
    outputs: list[Json]
    sent: list[Awaitable[Any]]


class ObservedTable(Table[Any, Any]):
    """A table that gives away the acknowledgement of its last change."""

    last_change: Awaitable[Any]

    def send_changelog(self, *arguments: Any, **options: Any) -> Any:
        """Sends a change as every table does, and keeps its future."""
        self.last_change = super().send_changelog(*arguments, **options)
        return self.last_change


class Stages:
    """Two stages per partition, each in the order of the records: changelog, then events."""

    def __init__(self, stream: Any, located: TopicT) -> None:
        self._stream = stream
        self._located = located
        self._changed: dict[TP, asyncio.Queue[Unit]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def put(self, unit: Unit) -> None:
        """Takes a unit whose table change is on its way."""
        place = unit.source.message.tp
        if place not in self._changed:
            changed: asyncio.Queue[Unit] = asyncio.Queue(UNITS_WAITING_MAX)
            sent: asyncio.Queue[Unit] = asyncio.Queue(UNITS_WAITING_MAX)
            self._changed[place] = changed
            for stage in (self._send(changed, sent), self._ack(sent)):
                self._tasks.append(asyncio.create_task(_see_through(stage)))
        await self._changed[place].put(unit)

    async def _send(self, changed: asyncio.Queue[Unit], sent: asyncio.Queue[Unit]) -> None:
        while True:
            unit = await changed.get()
            await unit.change
            for output in unit.outputs:
                key = unit.source.key
                unit.sent.append(await self._located.send(key=key, value=output))
            await sent.put(unit)

    async def _ack(self, sent: asyncio.Queue[Unit]) -> None:
        while True:
            unit = await sent.get()
            for acknowledgement in unit.sent:
                await acknowledgement
            await self._stream.ack(unit.source)


def create_app(job: Job) -> faust.App:
    """One worker with one agent."""
    app = create_faust_app(job, Table=ObservedTable)
    located = output_topic(app, job)
    drivers: Any = app.Table(
        "drivers", key_type=bytes, partitions=PARTITIONS, options=table_options()
    )

    async def fold(stream: Any) -> None:
        stages = Stages(stream, located)
        consumer: Any = app.consumer
        async for event in stream.noack().events():
            # Faust tells the committed offset nowhere else; older outputs are never asked again.
            committed = consumer._committed_offset[event.message.tp] or 0
            row, outputs = _step(drivers.get(event.key), event, committed)
            drivers[event.key] = row
            await stages.put(Unit(event, drivers.last_change, outputs, []))

    app.agent(input_topic(app, job))(fold)
    return app


def _step(row: Json | None, event: Any, committed: int) -> tuple[Json, list[Json]]:
    """The row to write, and the events to send; a replay writes and sends what it did before."""
    message = event.message
    if row is not None and message.offset <= row["offset"]:
        return row, [output for offset, output in row["outbox"] if offset == message.offset]
    place = f"{message.topic}/{message.partition}/{message.offset}"
    outcome = locate(row, event.value, ids.derive(place, "event"))
    before: Json = {"outbox": []} if row is None else row
    outbox = [entry for entry in before["outbox"] if entry[0] >= committed]
    if outcome is None:
        return {**before, "offset": message.offset, "outbox": outbox}, []
    after, output = outcome
    outbox.append([message.offset, output])
    return {**after, "offset": message.offset, "outbox": outbox}, [output]


async def _see_through(stage: Coroutine[Any, Any, None]) -> None:
    """Ends the process where a stage fails, so that nothing is committed beyond its record."""
    try:
        await stage
    except asyncio.CancelledError:
        raise
    except BaseException:
        traceback.print_exc()
        os._exit(EXIT_FAILED)


if __name__ == "__main__":
    create_app(Job.from_env()).main()
