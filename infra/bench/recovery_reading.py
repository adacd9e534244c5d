"""Reads a log once, in a process of its own, and prints what that took as JSON.

As a program: python -m infra.bench.recovery_reading bare|recovery <bootstrap> <topic> <directory>
"""

import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import uvloop
from aiokafka import TopicPartition

from infra.bench.recovery_logs import LOGS
from services.common import kafka
from services.common.event_table import TablePartition
from services.common.progress import Progress
from services.common.recovery import RecoveryLimits, recover
from services.common.settings import CommonSettings
from services.common.telemetry import Counters


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of a log took; the CPU time is that of all threads of the process."""

    events: int
    wall_seconds: float
    cpu_seconds: float
    memory_bytes_max: int

    @property
    def per_second(self) -> float:
        """Events per second of the clock."""
        return self.events / self.wall_seconds

    @property
    def per_cpu_second(self) -> float:
        """Events per second of CPU time."""
        return self.events / self.cpu_seconds


class Stopwatch:
    """The clock and the CPU time of this process, from now on."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def reading(self, events: int) -> Reading:
        """What it took until now."""
        return Reading(
            events,
            time.monotonic() - self._wall,
            time.process_time() - self._cpu,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )


async def read_bare(bootstrap: str, topic: str, directory: Path) -> Reading:
    """Reads all records and does nothing with them."""
    place = TopicPartition(topic, 0)
    async with kafka.log_reader(CommonSettings(bootstrap=bootstrap)) as reader:
        stopwatch = Stopwatch()
        reader.assign([place])
        await reader.seek_to_beginning(place)
        end = (await reader.end_offsets([place]))[place]
        records_max = RecoveryLimits().records_per_read_max
        while await reader.position(place) < end:
            await reader.getmany(place, timeout_ms=500, max_records=records_max)
        return stopwatch.reading(end)


async def read_into_a_table(bootstrap: str, topic: str, directory: Path) -> Reading:
    """Rebuilds a table as a worker does; ends once it is in files and closed."""
    log = next(log for log in LOGS if log.topic == topic)
    counters = Counters()
    async with kafka.log_reader(CommonSettings(bootstrap=bootstrap)) as reader:
        stopwatch = Stopwatch()
        table = TablePartition(directory, log.create_decider())
        await recover(table, reader, Progress(topic, 0), log.language, counters)
        table.close()
        reading = stopwatch.reading(counters.snapshot()["events_recovered"])
    wrong = {name: counters.snapshot().get(name) for name in ("events_lost", "events_unreadable")}
    if any(wrong.values()):
        sys.exit(f"the log of the benchmark is not what it should be: {wrong}")
    return reading


READERS: dict[str, Callable[[str, str, Path], Awaitable[Reading]]] = {
    "bare": read_bare,
    "recovery": read_into_a_table,
}


async def main() -> None:
    """Reads, and prints."""
    reader, bootstrap, topic, directory = sys.argv[1:]
    print(orjson.dumps(asdict(await READERS[reader](bootstrap, topic, Path(directory)))).decode())


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
