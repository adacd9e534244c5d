"""How many events a second a table is rebuilt from, and how long a million of them take.

The same as infra.bench.recovery measures, for fewer logs and without Faust.
"""

import asyncio
from collections.abc import Mapping, Sequence

from infra.bench.context import BenchError, Context
from infra.bench.job import PARTITIONS
from infra.bench.recovery import create_topic, read_log
from infra.bench.recovery_logs import LOGS, Log, fill
from infra.bench.recovery_reading import READERS, Reading
from infra.bench.results import Figure, ProcessUse, Section
from infra.broker import LocalCluster
from infra.ports import free_ports

_, ORDERS, LOCATIONS = LOGS
EVENTS: Sequence[tuple[Log, int]] = ((ORDERS, 1_000_000), (LOCATIONS, 300_000))
EVENTS_LEAST = 2_000
MILLION = 1_000_000
PER_SECOND_WANTED = 50_000.0
BARE, REBUILT = READERS
WHAT = (
    "a table rebuilt from one partition's log, in a fresh process, by what a worker recovers with; "
    "bare is an aiokafka consumer that does nothing with the records"
)

# By way of reading.
Readings = Mapping[str, list[Reading]]


async def measure(context: Context) -> Section:
    """The section: events a second, beside a bare consumer."""
    cluster = LocalCluster(
        context.directory / "kafka", free_ports(1)[0], partitions=PARTITIONS, is_lasting=True
    )
    await asyncio.to_thread(cluster.start)
    try:
        found = {
            log: await _read(context, cluster.bootstrap, log, context.scaled(amount, EVENTS_LEAST))
            for log, amount in EVENTS
        }
    finally:
        await asyncio.to_thread(cluster.stop)
    figures = [each for log, readings in found.items() for each in _figures(log, readings)]
    processes = {way: _use(readings) for way, readings in found[ORDERS].items()}
    return Section("recovery", WHAT, tuple(figures), processes)


async def _read(context: Context, bootstrap: str, log: Log, events: int) -> Readings:
    await create_topic(bootstrap, log.topic, 1)
    await fill(bootstrap, log.topic, log.records(events))
    readings: dict[str, list[Reading]] = {way: [] for way in READERS}
    for number in range(context.runs):
        for way, done in readings.items():
            done.append(await read_log(context.directory, bootstrap, log, way))
            if done[-1].events != events:
                raise BenchError(f"{done[-1].events} of {events} events of {log.topic} were read")
        rate = readings[REBUILT][-1].per_second
        context.say(f"run {number + 1}: {rate:,.0f} events a second, {log.meaning}")
    return readings


def _figures(log: Log, readings: Readings) -> tuple[Figure, ...]:
    rates = {way: tuple(each.per_second for each in done) for way, done in readings.items()}
    million = tuple(MILLION / rate for rate in rates[REBUILT])
    bare = f"bare consumer, {log.meaning}"
    return (
        Figure(f"events, {log.meaning}", "/s", rates[REBUILT], bare, target=PER_SECOND_WANTED),
        Figure(f"a million at that rate, {log.meaning}", "s", million, higher_is_better=False),
        Figure(bare, "/s", rates[BARE]),
    )


def _use(readings: Sequence[Reading]) -> ProcessUse:
    middle = sorted(readings, key=lambda each: each.per_second)[len(readings) // 2]
    peak_mb = max(each.memory_bytes_max for each in readings) / (1 << 20)
    return ProcessUse(middle.cpu_seconds * 1000 / middle.events, peak_mb)
