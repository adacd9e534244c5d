"""How many orders a second a worker tells of: its own, and those that another worker owns."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from infra.bench.context import BenchError, Context
from infra.bench.histories import ORDERS, append_history, delivered_order
from infra.bench.load import quantile
from infra.bench.plain_http import Client, request
from infra.bench.results import Figure, Section
from infra.bench.world import CpuReading, Tiffin
from infra.ports import HOST, free_ports
from infra.programs import Program
from services.common.api import FORWARDED

ORDER_COUNT = 1_000
ORDERS_LEAST = 100
CONNECTIONS = 32
WARM_SECONDS = 1
SECONDS = 8
SECONDS_LEAST = 1
WORKERS = 2
SPLIT_SECONDS_MAX = 60.0
NAP_SECONDS = 0.5
WHAT = (
    "GET /orders/{{id}} over {connections} kept connections to one of {workers} workers, for "
    "{orders:,} delivered orders: its own, and the other's; bare is FastAPI with a constant answer"
)
LOCAL, REMOTE, BARE = "orders of its own", "orders of the other worker", "bare FastAPI"


@dataclass(frozen=True, slots=True)
class Asked:
    """What one stretch of asking came to."""

    per_second: float
    latencies: Sequence[float]
    cpu_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Split:
    """The orders that the first worker owns, and those that it asks the other for."""

    local: Sequence[str]
    remote: Sequence[str]


async def measure(context: Context) -> Section:
    """The section: answers a second, beside a bare front."""
    count = context.scaled(ORDER_COUNT, ORDERS_LEAST)
    tiffin = Tiffin(context.directory, workers=WORKERS, services=("order",), with_stand_ins=False)
    found: dict[str, list[Asked]] = {LOCAL: [], REMOTE: [], BARE: []}
    bare: Program | None = None
    try:
        await tiffin.start_broker()
        order_ids = await _append_orders(tiffin.bootstrap, count)
        await tiffin.start_programs()
        ports = tiffin.plan.service_ports["order"]
        split = await _settled_split(ports, order_ids)
        bare = await _start_bare(context.directory, ports[0], split.local[0])
        for run in range(context.runs):
            for name, port, ids in (
                (LOCAL, ports[0], split.local),
                (REMOTE, ports[0], split.remote),
                (BARE, _port_of(bare), split.local[:1]),
            ):
                seconds = context.scaled(SECONDS, SECONDS_LEAST)
                found[name].append(await _ask(port, ids, seconds, tiffin.read_cpu))
            if await _split(ports, order_ids) != split:
                raise BenchError("partitions have moved from worker to worker meanwhile")
            rates = ", ".join(f"{each[-1].per_second:,.0f} {name}" for name, each in found.items())
            context.say(f"run {run + 1}: {rates}")
        middle = sorted(found[LOCAL], key=lambda each: each.per_second)[context.runs // 2]
        processes = tiffin.use(middle.cpu_ms)
    finally:
        if bare is not None:
            bare.stop()
        await tiffin.__aexit__(None, None, None)
    what = WHAT.format(connections=CONNECTIONS, workers=WORKERS, orders=count)
    return Section("query", what, _figures(found), processes)


async def _append_orders(bootstrap: str, count: int) -> list[str]:
    at = datetime.now(UTC)
    records = [each for number in range(count) for each in delivered_order(number, at)]
    await append_history(bootstrap, ORDERS, records)
    return list(dict.fromkeys(key for key, _ in records))


async def _settled_split(ports: Sequence[int], order_ids: Sequence[str]) -> Split:
    """Who owns which order, once each worker owns some and every order has an owner."""
    until = time.monotonic() + SPLIT_SECONDS_MAX
    while time.monotonic() < until:
        split = await _split(ports, order_ids)
        if split is not None and split.local and split.remote:
            return split
        await asyncio.sleep(NAP_SECONDS)
    raise BenchError(f"{len(ports)} workers have not shared the orders in {SPLIT_SECONDS_MAX} s")


async def _split(ports: Sequence[int], order_ids: Sequence[str]) -> Split | None:
    """Who owns which order now; None where one has no owner, or two.

    A request that says that it was forwarded is answered by the owner alone.
    """
    mark = f"{FORWARDED}: http://{HOST}\r\n".encode()
    owned: list[set[str]] = []
    for port in ports:
        client = Client(HOST, port, CONNECTIONS)
        asked = [client.ask(_marked(order_id, mark)) for order_id in order_ids]
        answers = await asyncio.gather(*asked)
        client.close()
        owned.append(
            {key for key, (status, _) in zip(order_ids, answers, strict=True) if status == 200}
        )
    first, *others = owned
    elsewhere = set[str]().union(*others)
    if first & elsewhere or len(first) + len(elsewhere) != len(order_ids):
        return None
    return Split(sorted(first), sorted(elsewhere))


def _marked(order_id: str, header: bytes) -> bytes:
    plain = request("GET", f"/orders/{order_id}")
    return plain[: -len(b"\r\n")] + header + b"\r\n"


async def _start_bare(directory: Path, port: int, order_id: str) -> Program:
    """A bare front whose answer is the same as that of a worker."""
    client = Client(HOST, port, 1)
    _, body = await client.ask(request("GET", f"/orders/{order_id}"))
    client.close()
    answer = directory / "answer.json"
    await asyncio.to_thread(answer.write_bytes, body)
    own_port = free_ports(1)[0]
    bare = Program(
        name="bare-front",
        arguments=("infra.bench.bare_front", str(own_port), str(answer)),
        environment={},
        ready_url=f"http://{HOST}:{own_port}/orders/{order_id}",
        log=directory / "logs" / "bare-front.log",
    )
    bare.start()
    await asyncio.to_thread(bare.wait_ready)
    return bare


def _port_of(bare: Program) -> int:
    return int(bare.arguments[1])


async def _ask(
    port: int, order_ids: Sequence[str], seconds: float, read_cpu: Callable[[], CpuReading]
) -> Asked:
    """Asks for these orders in turn, over all connections, for so long after a warm-up.

    Raises:
        BenchError: an answer is not the order that was asked for.
    """
    client = Client(HOST, port, CONNECTIONS)
    requests = [(request("GET", f"/orders/{each}"), each.encode()) for each in order_ids]
    try:
        await _for_seconds(partial(_ask_on, client, requests, []), WARM_SECONDS)
        latencies: list[float] = []
        cpu, began_at = read_cpu(), time.monotonic()
        await _for_seconds(partial(_ask_on, client, requests, latencies), seconds)
        elapsed, after = time.monotonic() - began_at, read_cpu()
    finally:
        client.close()
    if not latencies:
        raise BenchError(f"nothing was answered in {seconds} s")
    cpu_ms = after.since(cpu, len(latencies))
    return Asked(len(latencies) / elapsed, latencies, cpu_ms)


async def _for_seconds(ask_on: Callable[[int, float], Awaitable[None]], seconds: float) -> None:
    until = time.monotonic() + seconds
    await asyncio.gather(*(ask_on(number, until) for number in range(CONNECTIONS)))


async def _ask_on(
    client: Client,
    requests: Sequence[tuple[bytes, bytes]],
    latencies: list[float],
    first: int,
    until: float,
) -> None:
    for content, order_id in islice(cycle(requests), first, None):
        began_at = time.monotonic()
        status, body = await client.ask(content)
        ended_at = time.monotonic()
        if status != 200 or order_id not in body:
            raise BenchError(f"the answer about {order_id.decode()} is {status} {body[:200]!r}")
        latencies.append(ended_at - began_at)
        if ended_at > until:
            return


def _figures(found: Mapping[str, Sequence[Asked]]) -> tuple[Figure, ...]:
    figures = []
    for name, asked in found.items():
        beside = None if name == BARE else BARE
        rates = tuple(each.per_second for each in asked)
        figures.append(Figure(name, "/s", rates, beside))
    for name in (LOCAL, REMOTE):
        for share, label in ((0.5, "p50"), (0.99, "p99")):
            runs = tuple(quantile(each.latencies, share) * 1000 for each in found[name])
            figures.append(Figure(f"{label}, {name}", "ms", runs, higher_is_better=False))
        cpu = tuple(each.cpu_ms["order"] for each in found[name])
        figures.append(Figure(f"CPU of both workers, {name}", "ms", cpu, higher_is_better=False))
    return tuple(figures)
