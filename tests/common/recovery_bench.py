"""An event log on a real broker, and a table to recover from it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from msgspec import structs

from infra.broker import LocalCluster
from services.common import kafka
from services.common.decider import Row
from services.common.event_table import Appended, TablePartition
from services.common.progress import Progress
from services.common.recovery import RecoveryLimits, recover
from services.common.settings import CommonSettings
from services.common.telemetry import Counters
from tests.common import tally
from tests.common.disks import copy_disk
from tests.common.kafka_topics import Topics, topics_of, unique
from tests.common.tally import Added, Tally, appended

LANGUAGE = tally.language()
RECOVERY_SECONDS_MAX = 30.0
# Small, so that a few events take many reads and writes.
LIMITS = RecoveryLimits(records_per_read_max=7, events_per_write_max=10, rows_in_memory_max=2)


@dataclass(slots=True)
class Bench:
    """An event log on a real broker, and a table that may have been folded from it."""

    topic: str
    topics: Topics
    reader: AIOKafkaConsumer
    table: TablePartition[Tally]
    directory: Path
    counters: Counters
    caplog: pytest.LogCaptureFixture
    limits: RecoveryLimits = LIMITS
    read: list[int] = field(default_factory=list)

    @property
    def said(self) -> str:
        """The one line that the last recovery said about itself at its end."""
        (line,) = [text for text in self.caplog.messages if ": recovered: " in text]
        assert line.startswith(f"{self.topic}/0: recovered: ")
        return line.partition(": recovered: ")[2]

    async def fill(self, *events: Appended) -> None:
        """Appends events to the log."""
        await self.topics.fill(self.topic, list(events))

    async def recover(self) -> int:
        """Recovers within the time there is; returns how many events were folded."""
        self.caplog.clear()
        before = self.counters.snapshot().get("events_recovered", 0)
        progress = Progress(self.topic, 0)
        async with asyncio.timeout(RECOVERY_SECONDS_MAX):
            await recover(self.table, self.reader, progress, LANGUAGE, self.counters, self.limits)
        count = self.counters.snapshot().get("events_recovered", 0) - before
        assert self.said.startswith(f"{count} events from offset {progress.start} to ")
        return count

    def note_what_is_read(self, patch: pytest.MonkeyPatch) -> None:
        """Has the offsets of all records that the reader gives in `read` from now on."""
        fetch = self.reader.getmany

        async def getmany(*places: object, **limits: int) -> object:
            fetched = await fetch(*places, **limits)
            self.read += [record.offset for records in fetched.values() for record in records]
            return fetched

        patch.setattr(self.reader, "getmany", getmany)

    def crash(self) -> None:
        """What lies on disk at this moment is all that the next process finds."""
        left = self.directory.with_name(f"{self.directory.name}-left")
        copy_disk(self.directory, left)
        self.table.close()
        self.directory = left
        self.table = TablePartition(left, tally.decider())

    def reopen(self) -> None:
        """As after a restart."""
        self.table.close()
        self.table = TablePartition(self.directory, tally.decider())

    def rows(self, *keys: str) -> dict[str, Row[Tally] | None]:
        """What the table has of these keys."""
        return {key: self.table.row(key) for key in keys}


@asynccontextmanager
async def opened(
    broker: LocalCluster, directory: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Bench]:
    """An empty log and an empty table."""
    caplog.set_level("INFO", "tiffin")
    settings = CommonSettings(bootstrap=broker.bootstrap)
    reader = kafka.log_reader(settings)
    await reader.start()
    async with topics_of(settings) as topics:
        topic = unique("tally.events")
        await topics.create(topic)
        table = TablePartition(directory, tally.decider())
        made = Bench(topic, topics, reader, table, directory, Counters(), caplog)
        yield made
        made.table.close()
    await reader.stop()


def events(key: str, count: int, first: int = 1) -> list[Appended]:
    """The events of one tally, from a version on."""
    return [appended(first + n, Added(key, n + 1), first + n) for n in range(count)]


def placed(each: list[Appended]) -> list[Appended]:
    """The events as they lie in a log that has nothing else."""
    return [structs.replace(event, offset=offset) for offset, event in enumerate(each)]
