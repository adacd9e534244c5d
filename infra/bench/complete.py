"""How many orders a second are brought to the door, and how long one takes at half of that.

As a program it holds a steady load, so that one can look into the processes:
python -m infra.bench.complete --keep-running 120
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console

from infra.admin import quiet_clients
from infra.bench import warmth
from infra.bench.context import BenchError, Context
from infra.bench.floor import HOPS, RECORDS_PER_ORDER
from infra.bench.floor_figures import FLOOR, floor_figures
from infra.bench.load import Load, quantile
from infra.bench.orders import OrderBook
from infra.bench.results import Figure, Section
from infra.bench.world import KITCHEN_SECONDS, Tiffin
from infra.errors import BrokerError
from infra.programs import ProgramError

WINDOW = 300
WARM_UP_SECONDS_MAX = 60
WARM_SECONDS = 4
SECONDS = 15
SECONDS_LEAST = 2
ORDERS_LEAST = 10
PER_SECOND_WANTED = 100.0
FLOOR_ORDERS = 1_000
LATENCY_MS_MAX = 1_000.0 + KITCHEN_SECONDS * 1_000
WHAT = (
    "orders over Kafka, {window} under way, to DELIVERED; then at half of that rate, from when an "
    "order was to be submitted until its OrderDelivered is read, {kitchen:.0f} ms in the kitchen "
    "included"
)


@dataclass(frozen=True, slots=True)
class Sustained:
    """What a window full of orders came to: orders, and CPU milliseconds of each by program."""

    per_second: float
    orders: int
    cpu_ms: Mapping[str, float]


async def measure(context: Context) -> Section:
    """The section: rate, latency, and what each process takes for one order."""
    window = context.scaled(WINDOW, 40)
    seconds = context.scaled(SECONDS, SECONDS_LEAST)
    rates: list[Sustained] = []
    latencies: list[list[float]] = []
    async with Tiffin(context.directory) as tiffin:
        await warm_up(tiffin, window, context.scaled(WARM_UP_SECONDS_MAX, SECONDS_LEAST))
        for run in range(context.runs):
            warm_seconds = context.scaled(WARM_SECONDS)
            found = await sustain(tiffin, f"full-{run}", window, warm_seconds, seconds)
            context.say(f"run {run + 1}: {found.per_second:.1f} orders a second")
            rates.append(found)
            latencies.append(await paced(tiffin, f"half-{run}", found.per_second / 2, seconds))
        await tiffin.check()
        middle = sorted(rates, key=lambda each: each.per_second)[len(rates) // 2]
        processes = tiffin.use(middle.cpu_ms)
        await tiffin.stop_programs()
        floors = await floor_figures(
            context,
            tiffin.bootstrap,
            HOPS,
            context.scaled(FLOOR_ORDERS, 20),
            RECORDS_PER_ORDER,
        )
    figures = (*_figures(rates, latencies), *floors)
    return Section(
        "complete", WHAT.format(window=window, kitchen=KITCHEN_SECONDS * 1000), figures, processes
    )


async def warm_up(tiffin: Tiffin, window: int, seconds_max: float) -> None:
    """Keeps a window full of orders under way until Kafka is warm, or for so long."""

    async def run(load: Load) -> None:
        keeping = asyncio.create_task(load.keep(window))
        await warmth.warm_up(tiffin.stack.cluster.pids, asyncio.sleep, seconds_max)
        load.stop()
        await keeping
        await load.drain()

    async with Load(tiffin.bootstrap, OrderBook("warm-up")) as load:
        await load.during(run(load))


async def sustain(
    tiffin: Tiffin, name: str, window: int, warm_seconds: float, seconds: float
) -> Sustained:
    """Keeps a window full of orders under way, and counts those done in these seconds, or in
    somewhat more where they are few.

    Raises:
        BenchError: an order was lost, done twice or not delivered.
    """

    async def run(load: Load) -> Sustained:
        keeping = asyncio.create_task(load.keep(window))
        await asyncio.sleep(warm_seconds)
        done, cpu, at = load.done, tiffin.read_cpu(), time.monotonic()
        await asyncio.sleep(seconds)
        await load.wait(done + ORDERS_LEAST)
        orders, elapsed = load.done - done, time.monotonic() - at
        found = Sustained(orders / elapsed, orders, tiffin.read_cpu().since(cpu, orders))
        load.stop()
        await keeping
        await load.drain()
        return found

    async with Load(tiffin.bootstrap, OrderBook(name)) as load:
        return await load.during(run(load))


async def paced(tiffin: Tiffin, name: str, per_second: float, seconds: float) -> list[float]:
    """Seconds from submission to DELIVERED, for orders that come at this mean rate.

    Raises:
        BenchError: an order was lost, done twice or not delivered.
    """

    async def run(load: Load) -> list[float]:
        await load.pace(per_second, seconds)
        await load.drain()
        return load.latencies

    async with Load(tiffin.bootstrap, OrderBook(name)) as load:
        return await load.during(run(load))


def _figures(rates: list[Sustained], latencies: list[list[float]]) -> tuple[Figure, ...]:
    half = [tuple(quantile(each, share) * 1000 for each in latencies) for share in (0.5, 0.99)]
    totals = tuple(sum(each.cpu_ms.values()) for each in rates)
    return (
        Figure(
            "orders to DELIVERED",
            "/s",
            tuple(each.per_second for each in rates),
            floor=FLOOR,
            target=PER_SECOND_WANTED,
        ),
        Figure("p50 at half load", "ms", half[0], higher_is_better=False),
        Figure("p99 at half load", "ms", half[1], higher_is_better=False, target=LATENCY_MS_MAX),
        Figure("CPU of all processes per order", "ms", totals, higher_is_better=False),
    )


async def hold(directory: Path, seconds: float, window: int, per_second: float | None) -> None:
    """Holds a steady load, and tells the processes and the rate."""
    console = Console(highlight=False, markup=False)
    async with Tiffin(directory) as tiffin, Load(tiffin.bootstrap, OrderBook("held")) as load:
        for name, pids in tiffin.pids().items():
            console.print(f"{name}: {' '.join(map(str, pids))}")
        console.print(f"bootstrap: {tiffin.bootstrap}, logs: {directory / 'logs'}")
        telling = asyncio.create_task(_tell(load, tiffin, console))
        if per_second is None:
            asyncio.get_running_loop().call_later(seconds, load.stop)
            await load.during(load.keep(window))
        else:
            await load.during(load.pace(per_second, seconds))
        telling.cancel()
        await load.during(load.drain())
        await tiffin.check()
        latencies = load.latencies
        console.print(
            f"{load.done} of {load.submitted} orders delivered, "
            f"p50 {quantile(latencies, 0.5):.2f} s, p99 {quantile(latencies, 0.99):.2f} s"
        )


async def _tell(load: Load, tiffin: Tiffin, console: Console, each_seconds: float = 5.0) -> None:
    while True:
        done, cpu, at = load.done, tiffin.read_cpu(), time.monotonic()
        await asyncio.sleep(each_seconds)
        orders = load.done - done
        rate = orders / (time.monotonic() - at)
        use = tiffin.read_cpu().since(cpu, max(1, orders))
        shown = " ".join(f"{name} {ms:.1f}" for name, ms in use.items())
        recent = load.latencies[-orders:] if orders else [0.0]
        console.print(
            f"{rate:.1f}/s, {load.open} under way, p50 {statistics.median(recent):.2f} s; "
            f"ms of CPU per order: {shown}",
            soft_wrap=True,
        )


def main() -> int:
    """Holds the load; 1 when something goes wrong."""
    parser = argparse.ArgumentParser(prog="python -m infra.bench.complete")
    parser.add_argument("--keep-running", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--window", type=int, default=WINDOW, help="orders under way at a time")
    parser.add_argument("--rate", type=float, help="orders a second, in place of a window")
    parser.add_argument("--directory", type=Path, help="for all state, kept; else temporary")
    arguments = parser.parse_args()
    try:
        with contextlib.ExitStack() as ending:
            directory = arguments.directory
            if directory is None:
                directory = Path(ending.enter_context(tempfile.TemporaryDirectory()))
            ending.enter_context(quiet_clients())
            uvloop.run(hold(directory, arguments.keep_running, arguments.window, arguments.rate))
    except (BenchError, BrokerError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
