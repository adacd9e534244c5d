"""What a million pending timers cost a worker, and how late it is when some are due."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from infra.bench.clients import create_producer, open_tail
from infra.bench.context import BenchError, Context
from infra.bench.due import DueWatch
from infra.bench.load import COMMANDS, EVENTS, quantile
from infra.bench.meter import cpu_seconds
from infra.bench.orders import OrderBook
from infra.bench.results import Figure, ProcessUse, Section
from infra.bench.scheduled import TIMERS_PER_ORDER, write_scheduled
from infra.bench.world import Tiffin, peak_rss_mb
from infra.programs import Program
from services.common.timers import NAP_SECONDS_MAX

SERVICE = "order"
TIMERS = 1_000_000
TIMERS_LEAST = 2_000
# When the preparations of the pending orders are due: well after the benchmark.
FIRST_DUE, LAST_DUE = timedelta(hours=6), timedelta(hours=30)
READY_SECONDS_MAX = 900.0
# A worker has taken up what it waits for when it needs less CPU than this again.
QUIET_SHARE_MAX = 0.15
QUIET_SECONDS = 3
QUIET_SECONDS_MAX = 600.0
IDLE_SECONDS = 10.0
DUE_PER_SECOND = 100.0
DUE_SECONDS = 15.0
DUE_SECONDS_LEAST = 2.0
# From the payment of an order until its preparation is due; longer than it takes to submit all.
DELAY_SECONDS = 20
DELAY_SECONDS_LEAST = 6
LATE_SECONDS_MAX = 60.0
LATE_MS_WANTED = 1_000.0
MEMORY_MB_WANTED = 500.0
WHAT = (
    "{timers:,} timers of {orders:,} paid orders in the tables of one order worker, the earliest "
    "of them in memory; then {due:,} more orders, due {rate:.0f} a second: late is from when a "
    "preparation was to start until its PreparationDue is sent to the log"
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A worker at rest that has taken up what it waits for."""

    taken_up_seconds: float
    memory_mb: float
    idle_cpu_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """Milliseconds that timers were late, and the worker's CPU per order that became due."""

    late_ms: Sequence[float]
    cpu_ms: float


async def measure(context: Context) -> Section:
    """The section: memory, lateness, and what it costs to wait."""
    orders = context.scaled(TIMERS, TIMERS_LEAST) // TIMERS_PER_ORDER
    empty = await _look_at_none(context)
    tiffin = _tiffin(context.directory)
    worker = tiffin.stack.programs[SERVICE]
    runs: list[Due] = []
    try:
        await tiffin.start_broker()
        context.say(f"{orders:,} orders for later are appended")
        partitions = tiffin.plan.partitions
        await write_scheduled(tiffin.bootstrap, partitions, orders, FIRST_DUE, LAST_DUE)
        full = await _start(context, tiffin)
        context.say(f"taken up {full.taken_up_seconds:.1f} s after they were folded")
        await _check_pending(tiffin, orders)
        for number in range(context.runs):
            runs.append(await _run(context, tiffin, f"due-{number}"))
            late = quantile(runs[-1].late_ms, 0.99)
            context.say(f"run {number + 1}: {late:.0f} ms late at the 99th percentile")
        await _check_pending(tiffin, orders)
        await tiffin.check()
        middle = sorted(runs, key=lambda each: quantile(each.late_ms, 0.99))[len(runs) // 2]
        peak_mb = peak_rss_mb(_pid(worker))
    finally:
        await tiffin.__aexit__(None, None, None)
    what = WHAT.format(
        timers=orders * TIMERS_PER_ORDER,
        orders=orders,
        due=len(middle.late_ms),
        rate=DUE_PER_SECOND,
    )
    figures = _figures(empty, full, orders * TIMERS_PER_ORDER, runs, peak_mb)
    return Section("timers", what, figures, {SERVICE: ProcessUse(middle.cpu_ms, peak_mb)})


async def _look_at_none(context: Context) -> Pending:
    """A worker at rest that waits for nothing."""
    tiffin = _tiffin(context.directory / "none")
    try:
        await tiffin.start_broker()
        return await _start(context, tiffin)
    finally:
        await tiffin.__aexit__(None, None, None)


def _tiffin(directory: Path) -> Tiffin:
    return Tiffin(directory, services=(SERVICE,), drivers=0)


async def _start(context: Context, tiffin: Tiffin) -> Pending:
    """Starts worker and stand-ins, waits until the worker is at rest, and looks at it there."""
    worker = tiffin.stack.programs[SERVICE]
    for program in (worker, tiffin.stand_ins):
        program.start()
    for program in (worker, tiffin.stand_ins):
        await asyncio.to_thread(program.wait_ready, READY_SECONDS_MAX)
    taken_up_seconds = await _until_quiet(worker)
    seconds = context.scaled(int(IDLE_SECONDS), 1)
    idle = []
    for _ in range(context.runs):
        before, at = cpu_seconds(_pid(worker)), time.monotonic()
        await asyncio.sleep(seconds)
        ticks = (time.monotonic() - at) / NAP_SECONDS_MAX
        idle.append((cpu_seconds(_pid(worker)) - before) * 1000 / ticks)
    return Pending(taken_up_seconds, _memory_mb(_pid(worker)), tuple(idle))


async def _until_quiet(worker: Program) -> float:
    """Seconds until the worker needed little CPU for a while."""
    began_at = quiet_at = time.monotonic()
    before, at = cpu_seconds(_pid(worker)), began_at
    while at - quiet_at < QUIET_SECONDS:
        await asyncio.sleep(1.0)
        cpu, now = cpu_seconds(_pid(worker)), time.monotonic()
        if (cpu - before) / (now - at) > QUIET_SHARE_MAX:
            quiet_at = now
        if now - began_at > QUIET_SECONDS_MAX:
            raise BenchError(f"the worker is busy {QUIET_SECONDS_MAX:.0f} s after its start")
        before, at = cpu, now
    return quiet_at - began_at


async def _check_pending(tiffin: Tiffin, orders: int) -> None:
    """Makes sure that all orders wait in the table for their time, and timers in memory for some.

    Raises:
        BenchError: they do not.
    """
    url = tiffin.plan.url(SERVICE)
    async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
        told = (await client.get(f"{url}/metrics")).raise_for_status().text
        live = (await client.get(f"{url}/health/live")).raise_for_status().json()
    scheduled = sum(
        sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if sample.name == "tiffin_aggregates" and sample.labels["status"] == "SCHEDULED"
    )
    if scheduled != orders or not live["timers"]:
        raise BenchError(
            f"{scheduled:.0f} of {orders} orders are scheduled, "
            f"{live['timers']} timers are in memory"
        )


async def _run(context: Context, tiffin: Tiffin, name: str) -> Due:
    """Submits orders for soon, and sees when each is due in the log.

    Raises:
        BenchError: a timer was early, or did not fire.
    """
    seconds = max(DUE_SECONDS_LEAST, DUE_SECONDS * context.scale)
    delay_seconds = context.scaled(DELAY_SECONDS, DELAY_SECONDS_LEAST)
    book = OrderBook(name, delay_seconds)
    count = round(seconds * DUE_PER_SECOND)
    watch = DueWatch()
    worker = tiffin.stack.programs[SERVICE]
    before = cpu_seconds(_pid(worker))
    consumer = await open_tail(tiffin.bootstrap, EVENTS)
    try:
        async with create_producer(tiffin.bootstrap) as producer:
            began_at = time.monotonic()
            for number in range(count):
                due_at = began_at + number / DUE_PER_SECOND
                if (wait_seconds := due_at - time.monotonic()) > 0:
                    await asyncio.sleep(wait_seconds)
                order = book.next()
                watch.submitted.add(order.order_id)
                await producer.send(COMMANDS, order.record, order.order_id.encode())
        async with asyncio.timeout(delay_seconds + seconds + LATE_SECONDS_MAX):
            while not watch.is_over:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        watch.see(record.value, record.timestamp)
    except TimeoutError as error:
        raise BenchError(f"of {count} orders {watch.missing} have not come to their end") from error
    finally:
        await consumer.stop()
    return Due(watch.late_ms(), (cpu_seconds(_pid(worker)) - before) * 1000 / count)


def _figures(
    empty: Pending, full: Pending, timers: int, runs: Sequence[Due], peak_mb: float
) -> tuple[Figure, ...]:
    def late(share: float) -> tuple[float, ...]:
        return tuple(quantile(each.late_ms, share) for each in runs)

    less: Mapping[str, Any] = {"higher_is_better": False}
    per_timer = (full.memory_mb - empty.memory_mb) * (1 << 20) / timers
    tick = f"CPU of a tick of {NAP_SECONDS_MAX} s"
    none = f"{tick}, with no timers"
    return (
        Figure("most memory", "MB", (peak_mb,), target=MEMORY_MB_WANTED, **less),
        Figure("memory per timer, beyond that of none", "bytes", (per_timer,), **less),
        Figure("late, p50", "ms", late(0.5), **less),
        Figure("late, p99", "ms", late(0.99), target=LATE_MS_WANTED, **less),
        Figure(tick, "ms", full.idle_cpu_ms, none, **less),
        Figure(none, "ms", empty.idle_cpu_ms, **less),
        Figure("taken up after a start", "s", (full.taken_up_seconds,), **less),
    )


def _memory_mb(pid: int) -> float:
    """What a process has in memory now, in megabytes."""
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return resident * 4096 / (1 << 20)


def _pid(worker: Program) -> int:
    if worker.pid is None:
        raise BenchError(f"{worker.name} ended: {worker.last_line()} ({worker.log})")
    return worker.pid
