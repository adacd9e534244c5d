"""How fast a table is rebuilt from its log, beside a bare aiokafka consumer of the same records.

As a program: python -m infra.bench.recovery, or `make bench-recovery` (--help shows the options).

One partition of order.events is filled with whole lives of orders. Each run reads it twice, once
with nothing done to the records, and once through the code that a worker recovers with, into an
empty table. The clock is the process's own: wall, and CPU time of all its threads.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition
from rich.console import Console
from rich.table import Table

from infra.admin import quiet_clients
from infra.bench.lives import PREPARATION_SECONDS, event_values
from infra.broker import LocalCluster
from infra.errors import BrokerError
from infra.ports import free_ports
from infra.topics import create_topics
from services.common import kafka
from services.common.codec import ORDER
from services.common.event_table import TablePartition
from services.common.log import INPUTS
from services.common.recovery import RECORDS_PER_READ_MAX, Progress, recover
from services.common.settings import CommonSettings
from services.common.telemetry import TRACEPARENT, Counters
from services.order.domain import order_decider

EVENTS_DEFAULT = 1_000_000
RUNS_DEFAULT = 3
TOPIC = "order.events"
PLACE = TopicPartition(TOPIC, 0)
MILLION = 1_000_000
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of the log took."""

    events: int
    wall_seconds: float
    cpu_seconds: float


def main() -> int:
    """Prints the figures; 1 when something can't be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.bench.recovery", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--events", type=int, default=EVENTS_DEFAULT, help="%(default)s")
    parser.add_argument("--runs", type=int, default=RUNS_DEFAULT, help="%(default)s")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="tiffin-bench-") as directory:
            cluster = LocalCluster(Path(directory) / "kafka", free_ports(1)[0], partitions=1)
            cluster.start()
            try:
                asyncio.run(_measure(Path(directory), cluster.bootstrap, arguments, console))
            finally:
                cluster.stop()
    except BrokerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


async def _measure(
    directory: Path, bootstrap: str, arguments: argparse.Namespace, console: Console
) -> None:
    with quiet_clients():
        await create_topics(bootstrap, partitions=1)
        console.print(f"{arguments.events:,} events are written ...")
        await _fill(bootstrap, arguments.events)
        bare: list[Reading] = []
        folded: list[Reading] = []
        for number in range(arguments.runs):
            console.print(f"Run {number + 1} of {arguments.runs} ...")
            bare.append(await _timed(lambda: _read(bootstrap)))
            table = directory / f"table-{number}"
            folded.append(await _timed(lambda table=table: _recover(bootstrap, table)))  # type: ignore[misc]
    console.print(_table({"bare aiokafka": bare, "recovery": folded}))


async def _fill(bootstrap: str, events: int) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, linger_ms=5, max_batch_size=262_144, acks=1
    )
    async with producer:
        for number, (key, value) in enumerate(event_values(events)):
            headers = [
                (TRACEPARENT, TRACE),
                (INPUTS, b'{"order.commands":%d}' % number),
            ]
            await producer.send(TOPIC, value, key, partition=0, headers=headers)


async def _timed(read: Callable[[], Awaitable[int]]) -> Reading:
    wall, cpu = time.monotonic(), time.process_time()
    events = await read()
    return Reading(events, time.monotonic() - wall, time.process_time() - cpu)


async def _read(bootstrap: str) -> int:
    """Reads all records and does nothing with them."""
    async with kafka.log_reader(CommonSettings(bootstrap=bootstrap)) as reader:
        reader.assign([PLACE])
        await reader.seek_to_beginning(PLACE)
        end = (await reader.end_offsets([PLACE]))[PLACE]
        while await reader.position(PLACE) < end:
            await reader.getmany(PLACE, timeout_ms=500, max_records=RECORDS_PER_READ_MAX)
    return int(end)


async def _recover(bootstrap: str, directory: Path) -> int:
    """Rebuilds a table as a worker does."""
    counters = Counters()
    table = TablePartition(directory, order_decider(PREPARATION_SECONDS))
    async with kafka.log_reader(CommonSettings(bootstrap=bootstrap)) as reader:
        await recover(table, reader, Progress(TOPIC, 0), ORDER, counters)
    table.close()
    return counters.snapshot()["events_recovered"]


def _table(readings: dict[str, list[Reading]]) -> Table:
    table = Table("", "events/s", "events per CPU second", "1M events take", "of bare", box=None)
    bare = statistics.median(one.cpu_seconds for one in readings["bare aiokafka"])
    for name, runs in readings.items():
        per_cpu = [one.events / one.cpu_seconds for one in runs]
        cpu = statistics.median(one.cpu_seconds for one in runs)
        table.add_row(
            name,
            _spread([one.events / one.wall_seconds for one in runs]),
            _spread(per_cpu),
            f"{MILLION / statistics.median(per_cpu):.1f} CPU s",
            f"{cpu / bare:.1f} x its CPU",
        )
    return table


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


if __name__ == "__main__":
    sys.exit(main())
