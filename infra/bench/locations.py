"""How many locations of drivers a second are folded into their twins, and into ETAs.

All locations of a run wait on driver.locations when the clock begins. Those of drivers with goods
on board go on: the delivery's ETA changes, and then the order's, so that the services that work are
driver, delivery and order.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.bench import warmth
from infra.bench.clients import create_producer
from infra.bench.context import BenchError, Context
from infra.bench.floor import CLIENTS, Client, chain_rate
from infra.bench.histories import (
    DELIVERIES,
    DRIVERS,
    ORDERS,
    append_history,
    on_the_road,
    submission,
    waiting,
)
from infra.bench.orders import REGIONS, town_location
from infra.bench.records import Keyed, append
from infra.bench.results import Figure, Section
from infra.bench.world import Tiffin
from services.common import ids
from services.common.codec import encode_command
from services.common.decider import Envelope
from services.common.messages.driver import ReportLocation
from services.common.values import GeoPoint

INPUT = "driver.locations"
SERVICES = ("driver", "delivery", "order")
RECORDS = 40_000
WARM_UP_SHARE = 0.2
WARM_UP_SECONDS_MAX = 60
DRIVER_COUNT = 800
# One of so many drivers has goods on board. A location of such a driver leads to five records, one
# after another, and of any other to one: two on average, as the floor's chain has hops.
PER_DRIVER_ON_THE_ROAD = 4
HOPS = 2
REPORT_SECONDS = 5
# Phones tell of the past, so that their clocks are never ahead.
PAST = timedelta(days=1)
# Workers are paused while locations are appended.
SESSION_SECONDS = 60
PER_SECOND_WANTED = 10_000.0
SILENCE_SECONDS_MAX = 30.0
NAP_SECONDS = 0.02
WHAT = (
    "{records:,} locations of {drivers} drivers, a quarter of whom have goods on board, from a "
    "backlog to DriverLocated and, of that quarter, to the order's ETA; the floor copies each twice"
)


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds until the last location was in a twin, and until all were in ETAs as well."""

    records: int
    twin_seconds: float
    eta_seconds: float
    cpu_ms: Mapping[str, float]


async def measure(context: Context) -> Section:
    """The section: locations a second, beside bare clients."""
    records = context.scaled(RECORDS, DRIVER_COUNT) // DRIVER_COUNT * DRIVER_COUNT
    runs: list[Run] = []
    floors: dict[Client, list[float]] = {client: [] for client in CLIENTS}
    environment = {"TIFFIN_SESSION_SECONDS": str(SESSION_SECONDS)}
    tiffin = Tiffin(
        context.directory, services=SERVICES, environment=environment, with_stand_ins=False
    )
    fleet = Fleet(datetime.now(UTC))
    try:
        await tiffin.start_broker()
        await fleet.append(tiffin.bootstrap)
        await tiffin.start_programs()
        async with Bench(tiffin, fleet) as bench:
            await bench.warm_up(records, context.scaled(WARM_UP_SECONDS_MAX))
            for number in range(context.runs):
                runs.append(await bench.run(records))
                context.say(f"run {number + 1}: {records / runs[-1].eta_seconds:,.0f} a second")
            await tiffin.check()
            middle = sorted(runs, key=lambda each: each.eta_seconds)[len(runs) // 2]
            processes = tiffin.use(middle.cpu_ms)
        await tiffin.stop_programs()
        for client, rates in floors.items():
            for _ in range(context.runs):
                rates.append(
                    await chain_rate(
                        tiffin.bootstrap,
                        context.directory,
                        client,
                        HOPS,
                        records,
                        fleet.record_bytes,
                    )
                )
    finally:
        await tiffin.__aexit__(None, None, None)
    what = WHAT.format(records=records, drivers=DRIVER_COUNT)
    return Section("locations", what, _figures(runs, floors), processes)


class Fleet:
    """The drivers, and the locations that their phones tell, in turn."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._turn = 0

    @property
    def record_bytes(self) -> int:
        """Of a location, its key and its value."""
        key, value = self._location(0, self._turn)
        return len(key) + len(value)

    async def append(self, bootstrap: str) -> None:
        """Has the logs say who has goods on board, and who waits for work."""
        records: dict[str, list[Keyed]] = {ORDERS: [], DELIVERIES: [], DRIVERS: []}
        for number in range(DRIVER_COUNT):
            if number % PER_DRIVER_ON_THE_ROAD:
                records[DRIVERS] += waiting(_driver_id(number), number, self._at)
                continue
            for topic, past in on_the_road(_driver_id(number), number, self._at).items():
                records[topic] += past
        for topic, past in records.items():
            await append_history(bootstrap, topic, past)

    @property
    def last_recorded_at(self) -> datetime:
        """What the phones have told last."""
        return self._recorded_at(self._turn - 1)

    def locations(self, count: int) -> list[Keyed]:
        """So many locations, all drivers in turn; a driver's are each later than the one before."""
        return [each for _ in range(count // DRIVER_COUNT) for each in self._next_turn()]

    def _next_turn(self) -> Iterator[Keyed]:
        turn = self._turn
        self._turn += 1
        for number in range(DRIVER_COUNT):
            yield self._location(number, turn)

    def _location(self, number: int, turn: int) -> Keyed:
        driver_id = _driver_id(number)
        middle = town_location(number % REGIONS)
        # A step too small to move an ETA by more than a second; time itself moves it by five.
        place = GeoPoint(middle["latitude"] + turn % 10 * 1e-7, middle["longitude"])
        command = ReportLocation(driver_id, place, self._recorded_at(turn))
        command_id = ids.derive(driver_id, f"report/{turn}")
        envelope = Envelope(command_id, type(command).__name__, self._at, command_id, driver_id)
        return driver_id, encode_command(envelope, command)

    def _recorded_at(self, turn: int) -> datetime:
        return self._at - PAST + timedelta(seconds=REPORT_SECONDS * turn)


class Bench:
    """Clients around a Tiffin that runs; from entry to exit."""

    def __init__(self, tiffin: Tiffin, fleet: Fleet) -> None:
        self._tiffin = tiffin
        self._fleet = fleet
        self._consumer = AIOKafkaConsumer(bootstrap_servers=tiffin.bootstrap)
        self._producer: AIOKafkaProducer = create_producer(tiffin.bootstrap)
        self._programs = [tiffin.stack.programs[name] for name in SERVICES]

    async def __aenter__(self) -> "Bench":
        await self._consumer.start()
        await self._producer.start()
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self._producer.stop()
        await self._consumer.stop()

    async def warm_up(self, records: int, seconds_max: float) -> None:
        """Has locations folded until Kafka is warm."""
        some = max(DRIVER_COUNT, int(records * WARM_UP_SHARE) // DRIVER_COUNT * DRIVER_COUNT)

        async def fold(seconds: float) -> None:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                before = await self._counts()
                await append(self._producer, INPUT, self._fleet.locations(some))
                await self._arrivals(before, some)

        await warmth.warm_up(self._tiffin.stack.cluster.pids, fold, seconds_max)

    async def run(self, records: int) -> Run:
        """Has so many locations folded, and checks that they are.

        Raises:
            BenchError: not all of them were, or more than that happened.
        """
        before = await self._counts()
        backlog = self._fleet.locations(records)
        for program in self._programs:
            program.pause()
        await append(self._producer, INPUT, backlog)
        cpu, began_at = self._tiffin.read_cpu(), time.monotonic()
        for program in self._programs:
            program.resume()
        _, arrived_at = await self._arrivals(before, records)
        cpu_ms = self._tiffin.read_cpu().since(cpu, records)
        await self._check_fronts()
        twin_seconds = arrived_at[DRIVERS] - began_at
        return Run(records, twin_seconds, max(arrived_at.values()) - began_at, cpu_ms)

    async def _arrivals(
        self, before: Mapping[str, int], records: int
    ) -> tuple[dict[str, int], dict[str, float]]:
        """How many events there are once all are there, and when the last of each topic came."""
        moved = records // PER_DRIVER_ON_THE_ROAD
        more = {DRIVERS: records, DELIVERIES: moved, ORDERS: moved}
        wanted = {topic: before[topic] + count for topic, count in more.items()}
        counts, seen_at = dict(before), dict.fromkeys(before, time.monotonic())
        while counts != wanted:
            await asyncio.sleep(NAP_SECONDS)
            for topic, count in (await self._counts()).items():
                if count > counts[topic]:
                    counts[topic], seen_at[topic] = count, time.monotonic()
            missing = {topic: wanted[topic] - counts[topic] for topic in wanted}
            is_silent = time.monotonic() - max(seen_at.values()) > SILENCE_SECONDS_MAX
            if min(missing.values()) < 0 or is_silent:
                raise BenchError(f"of {records} locations these events are missing: {missing}")
        return counts, seen_at

    async def _counts(self) -> dict[str, int]:
        partitions = range(self._tiffin.plan.partitions)
        topics = (DRIVERS, DELIVERIES, ORDERS)
        places = [TopicPartition(topic, number) for topic in topics for number in partitions]
        ends = await self._consumer.end_offsets(places)
        return {
            topic: sum(end for place, end in ends.items() if place.topic == topic)
            for topic in topics
        }

    async def _check_fronts(self) -> None:
        """Makes sure that what the phones said last is what the fronts answer."""
        order_id = submission("on-the-road-0", 0).order_id
        said_at = self._fleet.last_recorded_at
        plan = self._tiffin.plan
        async with httpx.AsyncClient(trust_env=False) as client:
            asked = (
                (f"{plan.url('driver')}/drivers/{_driver_id(0)}", "located_at"),
                (f"{plan.url('delivery')}/deliveries/{ids.delivery_id(order_id)}", "located_at"),
                (f"{plan.url('delivery')}/deliveries/{ids.delivery_id(order_id)}", "eta_at"),
                (f"{plan.url('order')}/orders/{order_id}", "eta_at"),
            )
            told = [
                datetime.fromisoformat((await client.get(url)).raise_for_status().json()[name])
                for url, name in asked
            ]
        if told[:2] != [said_at] * 2 or told[2] != told[3]:
            raise BenchError(f"the phones said {said_at} last, and the fronts tell {told}")


def _figures(runs: Sequence[Run], floors: Mapping[Client, Sequence[float]]) -> tuple[Figure, ...]:
    twins = tuple(each.records / each.twin_seconds for each in runs)
    etas = tuple(each.records / each.eta_seconds for each in runs)
    cpu = tuple(sum(each.cpu_ms.values()) for each in runs)
    bare = [Figure(f"bare {client}", "/s", tuple(rates)) for client, rates in floors.items()]
    beside = bare[0].name
    return (
        Figure("locations into twins and ETAs", "/s", etas, beside, target=PER_SECOND_WANTED),
        Figure("locations into twins", "/s", twins, beside),
        Figure("CPU of all processes per location", "ms", cpu, higher_is_better=False),
        *bare,
    )


def _driver_id(number: int) -> str:
    return f"driver-{number:04d}"
