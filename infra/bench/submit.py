"""How many orders a second are taken in, over HTTP and straight from Kafka."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from infra.bench import warmth
from infra.bench.context import BenchError, Context
from infra.bench.floor_figures import FLOOR, floor_figures
from infra.bench.load import Load, quantile
from infra.bench.orders import OrderBook
from infra.bench.plain_http import Client, request
from infra.bench.results import Figure, Section
from infra.bench.world import Tiffin
from infra.ports import HOST

CONNECTIONS = 64
WINDOW = 500
WARM_UP_SECONDS_MAX = 60
WARM_SECONDS = 1
SECONDS = 4
PER_SECOND_WANTED = 1_000.0
FLOOR_ORDERS = 20_000
TRY_LATER_STATUSES = (429, 503)
PAUSE_SECONDS = 0.1
ATTEMPTS_MAX = 300
# So far later that nothing happens to an order after it is paid.
DELAY_SECONDS = 7 * 86_400
PUT_OFF = "told to try again over HTTP"
WHAT = (
    "orders for next week at full speed while those before are admitted and charged: over HTTP "
    "with {connections} connections to the 202, over Kafka with {window} in flight until "
    "OrderCreated is read; CPU per order until it is paid; only the order service runs; the floor "
    "is one hop"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """How many orders a second were taken, and the seconds that each took.

    put_off: how often the front has said to try again, per order.
    """

    per_second: float
    latencies: Sequence[float]
    put_off: float = 0.0


async def measure(context: Context) -> Section:
    """The section: rates and latencies both ways, and CPU per order until it waits for its time."""
    over_http: list[Taken] = []
    over_kafka: list[Taken] = []
    async with Tiffin(context.directory, services=("order",), drivers=0) as tiffin:
        await _warm_up(tiffin, context)
        cpu, orders = tiffin.read_cpu(), 0
        for run in range(context.runs):
            for name, way, found in (
                ("HTTP", _run_http, over_http),
                ("Kafka", _run_kafka, over_kafka),
            ):
                book = OrderBook(f"{name}-{run}", DELAY_SECONDS)
                async with Load(tiffin.bootstrap, book, "OrderCreated", "OrderScheduled") as load:
                    taken = await load.during(way(load, tiffin, context))
                    orders += load.submitted
                context.say(f"run {run + 1}: {taken.per_second:.0f} orders a second over {name}")
                found.append(taken)
        await tiffin.check()
        processes = tiffin.use(tiffin.read_cpu().since(cpu, orders))
        await tiffin.stop_programs()
        floors = await floor_figures(
            context, tiffin.bootstrap, hops=1, orders=context.scaled(FLOOR_ORDERS, 200)
        )
    what = WHAT.format(connections=CONNECTIONS, window=WINDOW)
    put_off = tuple(each.put_off * 100 for each in over_http)
    figures = (
        *_figures("over HTTP", over_http),
        Figure(PUT_OFF, "%", put_off, higher_is_better=False),
        *_figures("over Kafka", over_kafka),
        *floors,
    )
    return Section("submit", what, figures, processes)


async def _warm_up(tiffin: Tiffin, context: Context) -> None:
    """Takes orders in until Kafka is warm."""
    turns = itertools.count()

    async def take(seconds: float) -> None:
        book = OrderBook(f"warm-up-{next(turns)}", DELAY_SECONDS)
        async with Load(tiffin.bootstrap, book, "OrderCreated", "OrderScheduled") as load:
            await load.during(_run_http(load, tiffin, context))

    seconds_max = context.scaled(WARM_UP_SECONDS_MAX)
    await warmth.warm_up(tiffin.stack.cluster.pids, take, seconds_max)


async def _run_http(load: Load, tiffin: Tiffin, context: Context) -> Taken:
    client = Client(HOST, tiffin.plan.service_ports["order"][0], CONNECTIONS)
    latencies: list[float] = []
    put_off, is_over = 0, False

    async def submit() -> None:
        nonlocal put_off
        while not is_over:
            began_at = time.monotonic()
            content = request("POST", "/orders", load.expect(began_at).body)
            for _ in range(ATTEMPTS_MAX):
                status, answer = await client.ask(content)
                if status not in TRY_LATER_STATUSES:
                    break
                put_off += 1
                await asyncio.sleep(PAUSE_SECONDS)
            if status != 202:
                raise BenchError(f"an order was answered {status}: {answer[:200]!r}")
            latencies.append(time.monotonic() - began_at)

    submitting = asyncio.gather(*(submit() for _ in range(CONNECTIONS)))
    measuring = asyncio.create_task(_count(latencies, context))
    await asyncio.wait((submitting, measuring), return_when=asyncio.FIRST_COMPLETED)
    is_over = True
    await submitting  # it has not ended by itself, unless a request has failed
    taken = await measuring
    client.close()
    await load.drain()
    return replace(taken, put_off=put_off / load.submitted)


async def _run_kafka(load: Load, tiffin: Tiffin, context: Context) -> Taken:
    keeping = asyncio.create_task(load.keep(WINDOW))
    taken = await _count(load.latencies, context)
    load.stop()
    await keeping
    await load.drain()
    return taken


async def _count(latencies: Sequence[float], context: Context) -> Taken:
    """What comes to a growing list of latencies, after a warm-up."""
    await asyncio.sleep(context.scaled(WARM_SECONDS, 1))
    before, at = len(latencies), time.monotonic()
    await asyncio.sleep(context.scaled(SECONDS, 1))
    found, seconds = latencies[before:], time.monotonic() - at
    if not found:
        raise BenchError("no order was taken")
    return Taken(len(found) / seconds, found)


def _figures(way: str, found: Sequence[Taken]) -> tuple[Figure, ...]:
    rates = tuple(each.per_second for each in found)
    quantiles = [
        tuple(quantile(each.latencies, share) * 1000 for each in found) for share in (0.5, 0.99)
    ]
    return (
        Figure(f"orders {way}", "/s", rates, FLOOR, target=PER_SECOND_WANTED),
        Figure(f"p50 {way}", "ms", quantiles[0], higher_is_better=False),
        Figure(f"p99 {way}", "ms", quantiles[1], higher_is_better=False),
    )
