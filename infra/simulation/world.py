"""One seed: builds a world, breaks it, mends it, and judges what has become of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from infra.simulation import people, verdict
from infra.simulation.broker import EPOCH_MS, Broker, Draft, LogRecord, Network, Place, instant
from infra.simulation.chaos import Chaos
from infra.simulation.checker import Checker, ViolationError
from infra.simulation.loop import SimulatedLoop, quiet_collector
from infra.simulation.outside import Faults, OutsideWorld
from infra.simulation.store import Disks
from infra.simulation.workers import SERVICES, Supervised, simulated_machine
from services.common.codec import LANGUAGES, BadRecordError

PARTITIONS = 2
DRIVERS = 2
CHAOS_SECONDS = (6.0, 16.0)
SETTLE_SECONDS_MAX = 150.0
WAKE_SECONDS = 1.0


@dataclass(slots=True)
class Outcome:
    """What a seed came to; `violation` is None when all invariants hold."""

    seed: int
    violation: ViolationError | None = None
    orders: int = 0
    events: int = 0
    losers: int = 0
    deaths: int = 0
    steps: int = 0
    seconds: float = 0.0
    trace: list[str] = field(default_factory=list)


class World:
    """All that there is in one seed."""

    def __init__(self, seed: int, traced: bool) -> None:
        self.random = random = Random(seed)
        self.outcome = Outcome(seed)
        # asyncio asks for 40 methods more, which nobody calls here.
        self.loop = loop = SimulatedLoop(  # type: ignore[abstract]
            Random(random.random()), random.choice((0.0, 0.2, 1.0))
        )
        self._is_traced = traced
        network = Network(
            loop,
            Random(random.random()),
            slow_share=random.choice((0.0, 0.02, 0.1)),
            slow_seconds_max=random.choice((0.05, 0.5)),
            lost_share=random.choice((0.0, 0.01, 0.1)),
            skips_share=random.choice((0.0, 0.0, 0.0, 0.01)),
        )
        self.broker = Broker(loop, Random(random.random()), network, PARTITIONS)
        self.disks = Disks()
        faults = Faults(
            error_share=random.choice((0.0, 0.2)),
            late_share=random.choice((0.0, 0.3)),
            nonsense_share=random.choice((0.0, 0.2)),
            slow_share=random.choice((0.0, 0.2)),
        )
        self.outside = OutsideWorld(loop, Random(random.random()), faults)
        self.workers: dict[str, list[Supervised]] = {service: [] for service in SERVICES}
        self.web = people.Web(loop, Random(random.random()), self.workers, network.lost_share)
        regions = ("north",) if random.random() < 0.6 else ("north", "south")
        self.partners = people.Partners(
            loop, Random(random.random()), self.web, self.broker, regions
        )
        self.phones = [
            people.Phone(
                loop, Random(random.random()), self.web, self.broker, f"driver-{number}", regions
            )
            for number in range(DRIVERS)
        ]
        self.chaos = Chaos(
            loop,
            Random(random.random()),
            self.broker,
            self.disks,
            self.outside,
            self.workers,
            self.phones,
            self.employ,
        )
        self.checker = Checker(loop, self.broker)
        self._connect()

    def run(self) -> Outcome:
        """Lets the world turn to its end."""
        outcome = self.outcome
        try:
            with (
                quiet_collector(),
                simulated_machine(self.loop, self.broker, self.disks, Random(self.random.random())),
            ):
                self.loop.run(self._live())
        except ViolationError as violation:
            outcome.violation = violation
            self.trace(f"VIOLATED {violation}")
        outcome.events, outcome.losers = self.checker.events, len(self.checker.losers)
        outcome.steps, outcome.seconds = self.loop.steps, self.loop.now
        return outcome

    def employ(self, service: str) -> Supervised:
        """One more worker of a service, which begins at once."""
        number = len(self.workers[service])
        supervised = Supervised(self.loop, service, number, self.outside.transport)
        supervised.ended = self._ended
        self.workers[service].append(supervised)
        supervised.start()
        return supervised

    def trace(self, line: str) -> None:
        """Notes what happens."""
        if self._is_traced:
            self.outcome.trace.append(f"{self.loop.now:10.6f} {line}")

    async def _live(self) -> None:
        random = self.random
        for service in SERVICES:
            for _ in range(2 if random.random() < 0.25 else 1):
                self.employ(service)
        people.drive(self.loop, self.phones)
        self.outcome.orders = random.randint(3, 6)
        ordering = self.loop.spawn(None, self.partners.order_all(self.outcome.orders))
        low, high = CHAOS_SECONDS
        await self.chaos.run(low + (high - low) * random.random())
        self.trace("the faults stop")
        self.chaos.stop()
        await ordering
        await self._settle()
        self._judge()

    async def _settle(self) -> None:
        # Who has just woken needs a moment to find out that it is to end.
        await asyncio.sleep(WAKE_SECONDS)
        until = self.loop.now + SETTLE_SECONDS_MAX
        while not self._is_over() and self.loop.now < until:
            await asyncio.sleep(0.3)
        for phone in self.phones:
            phone.is_away = True
        while not (self._is_over() and self.checker.all_read()) and self.loop.now < until:
            await asyncio.sleep(0.3)
        if self.loop.now >= until:
            self.trace("the world did not come to rest")

    def _is_over(self) -> bool:
        workers = [each for service in SERVICES for each in self.workers[service]]
        return not verdict.unfinished(self.checker, self.partners.acknowledged) and all(
            each.worker is not None and each.worker.ready()["ready"] for each in workers
        )

    def _judge(self) -> None:
        verdict.check_finality(self.checker, self.partners.acknowledged)
        self.checker.check_losers()
        verdict.check_money(self.checker, self.outside)
        verdict.check_tickets(self.checker, self.outside)
        verdict.check_tables(self.checker, self.workers, PARTITIONS)
        verdict.check_rest(self.checker, PARTITIONS)

    def _ended(self, supervised: Supervised, reason: str) -> None:
        self.outcome.deaths += 1
        self.chaos.ended(supervised, reason)

    def _connect(self) -> None:
        """Those who see and those who tell are made known to each other."""
        broker, checker = self.broker, self.checker

        async def call_back(order_id: str) -> None:
            await people.call_back(self.loop, self.web.random, self.web, order_id)

        self.outside.call_back = call_back
        self.disks.wrote = checker.wrote
        broker.on_append = checker.appended
        broker.on_commit = checker.committed
        if self._is_traced:
            broker.on_append = self._trace_append
            broker.on_commit = self._trace_commit
            broker.trace = self.chaos.trace = self.partners.trace = self.trace

    def _trace_append(self, record: LogRecord, draft: Draft) -> None:
        sender = "outside" if draft.sender is None else draft.sender.name
        place = f"{record.topic}/{record.partition}/{record.offset}"
        self.trace(f"{sender}: {place} {_summary(record)}")
        self.checker.appended(record, draft)

    def _trace_commit(self, group: str, offsets: Mapping[Place, int]) -> None:
        places = " ".join(
            f"{place.topic}/{place.partition}:{offset}" for place, offset in sorted(offsets.items())
        )
        self.trace(f"group {group} commits {places}")
        self.checker.committed(group, offsets)


def run_seed(seed: int, traced: bool = False) -> Outcome:
    """What becomes of this seed; always the same."""
    return World(seed, traced).run()


def _summary(record: LogRecord) -> str:
    owner, kind = record.topic.split(".", 1)
    language = LANGUAGES[owner]
    try:
        if kind == "events":
            envelope, message = language.decode_event(record.value)
            return f"{envelope.type} v{envelope.version} {language.key(message)}"
        if kind in ("commands", "locations"):
            at = instant(record.timestamp / 1000 - EPOCH_MS / 1000)
            envelope, message = language.decode_command(record.value, "trace", at)
            return f"{envelope.type} {language.key(message)} {envelope.id[:8]}"
    except BadRecordError as error:
        return f"unreadable: {error}"
    return (record.value or b"").decode()[:200]
