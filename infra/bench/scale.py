"""What one order costs with more workers, more partitions, and more orders in the tables."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from infra.bench.complete import Sustained, sustain, warm_up
from infra.bench.context import Context
from infra.bench.delivered import append_delivered, check_delivered
from infra.bench.results import Figure, Section
from infra.bench.world import Tiffin
from infra.stack import SERVICES

WINDOW = 300
WARM_UP_SECONDS_MAX = 45
WARM_SECONDS = 2
SECONDS = 7
SECONDS_LEAST = 2
WHAT = (
    "orders over Kafka, {window} under way, to DELIVERED, one thing changed at a time; the ratio "
    "is to 1 worker of each service, 4 partitions, no orders before; the cost per order should "
    "stay flat"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run Tiffin; `orders` lie in the order service's tables when it starts."""

    workers: int = 1
    partitions: int = 4
    orders: int = 0

    @property
    def name(self) -> str:
        """What is different from the base."""
        if self.workers != BASE.workers:
            return f"{self.workers} workers"
        if self.partitions != BASE.partitions:
            return f"{self.partitions} partitions"
        return f"{self.orders:,} orders before" if self.orders else "base"


BASE = Setting()


async def measure(context: Context) -> Section:
    """The section: CPU per order and orders a second in each setting."""
    window = context.scaled(WINDOW, 40)
    figures: list[Figure] = []
    for number, setting in enumerate(_settings(context)):
        found = await _measure(context, setting, window, number)
        figures += _figures(setting, found)
    return Section("scale", WHAT.format(window=window), tuple(figures))


def _settings(context: Context) -> Iterator[Setting]:
    yield BASE
    for workers in (2, 4):
        yield Setting(workers=workers)
    for partitions in (16, 64):
        yield Setting(partitions=partitions)
    orders = [10_000, 100_000, *([1_000_000] if context.is_full else [])]
    for count in orders:
        yield Setting(orders=context.scaled(count))


async def _measure(
    context: Context, setting: Setting, window: int, number: int
) -> Sequence[Sustained]:
    directory = context.directory / str(number)
    tiffin = Tiffin(directory, setting.workers, setting.partitions)
    found: list[Sustained] = []
    try:
        await tiffin.start_broker()
        if setting.orders:
            context.say(f"{setting.orders:,} orders are written ...")
            await append_delivered(tiffin.bootstrap, setting.partitions, setting.orders)
        await tiffin.start_programs()
        if setting.orders:
            await check_delivered(tiffin.plan.service_ports["order"][0], setting.orders)
        await warm_up(tiffin, window, context.scaled(WARM_UP_SECONDS_MAX, SECONDS_LEAST))
        for run in range(context.runs):
            warm_seconds = context.scaled(WARM_SECONDS)
            seconds = context.scaled(SECONDS, SECONDS_LEAST)
            found.append(await sustain(tiffin, f"run-{run}", window, warm_seconds, seconds))
            context.say(
                f"{setting.name}, run {run + 1}: {found[-1].per_second:.1f} orders a second, "
                f"{sum(found[-1].cpu_ms.values()):.1f} ms of CPU each"
            )
        await tiffin.check()
    finally:
        await tiffin.stop()
    # Of a million orders only what was found is kept.
    shutil.rmtree(directory)
    return found


def _figures(setting: Setting, found: Sequence[Sustained]) -> Iterator[Figure]:
    def figure(what: str, unit: str, runs: Iterable[float], is_rate: bool = False) -> Figure:
        base = None if setting == BASE else f"{what}, {BASE.name}"
        return Figure(f"{what}, {setting.name}", unit, tuple(runs), base, is_rate)

    services = (sum(each.cpu_ms[name] for name in SERVICES) for each in found)
    yield figure("CPU of the services per order", "ms", services)
    totals = (sum(each.cpu_ms.values()) for each in found)
    yield figure("CPU of all processes per order", "ms", totals)
    yield figure("orders to DELIVERED", "/s", (each.per_second for each in found), is_rate=True)
