"""One seed: builds a world, breaks it, mends it, and judges what has become of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from infra.simulation import verdict
from infra.simulation.broker import EPOCH_MS, Broker, Draft, LogRecord, Network, Place, instant
from infra.simulation.chaos import Chaos
from infra.simulation.checker import Checker
from infra.simulation.kitchens import Kitchens
from infra.simulation.loop import SimulatedLoop, quiet_collector
from infra.simulation.operators import Operators
from infra.simulation.outside import Faults, OutsideWorld
from infra.simulation.partners import Partners
from infra.simulation.phones import Habits, Phone, drive
from infra.simulation.store import Disks
from infra.simulation.violation import ViolationError
from infra.simulation.web import Web
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
            refund_refuse_share=random.choice((0.0, 0.5)),
        )
        self.outside = OutsideWorld(loop, Random(random.random()), faults)
        self.workers: dict[str, list[Supervised]] = {service: [] for service in SERVICES}
        self.web = Web(loop, Random(random.random()), self.workers, network.lost_share)
        self.regions = ("north",) if random.random() < 0.6 else ("north", "south")
        self.checker = Checker(loop, self.broker)
        self.partners = Partners(loop, Random(random.random()), self.web, self.broker, self.regions)
        self.kitchens = Kitchens(loop, Random(random.random()), self.web)
        self.operators = Operators(loop, Random(random.random()), self.web, self.checker)
        self.phones = [
            self._phone(f"driver-{number}", _habits(random)) for number in range(DRIVERS)
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

    def _phone(self, driver_id: str, habits: Habits) -> Phone:
        def ask_code(order_id: str) -> str | None:
            row = self.checker.row("order", order_id)
            code: str | None = None if row is None else row.state.code
            return code

        return Phone(
            self.loop,
            Random(self.random.random()),
            self.web,
            self.broker,
            driver_id,
            self.regions,
            ask_code,
            habits,
        )

    async def _live(self) -> None:
        random = self.random
        for service in SERVICES:
            for _ in range(2 if random.random() < 0.25 else 1):
                self.employ(service)
        drive(self.loop, self.phones)
        self.loop.spawn(None, self.operators.run())
        self.loop.spawn(None, self.kitchens.close_now_and_then())
        self.outcome.orders = random.randint(3, 6)
        ordering = self.loop.spawn(None, self.partners.order_all(self.outcome.orders))
        low, high = CHAOS_SECONDS
        await self.chaos.run(low + (high - low) * random.random())
        self.trace("the faults stop")
        self.chaos.stop()
        await ordering
        self._sober_up()
        await self._settle()
        self._judge()

    def _sober_up(self) -> None:
        """From here on everybody does what is expected, so that everything comes to its end."""
        self.trace("all are sober")
        self.kitchens.is_sober = self.operators.is_sober = True
        for phone in self.phones:
            phone.sober_up()
        # Those who are there may have rejected what waits.
        helper = self._phone("helper", Habits())
        self.phones.append(helper)
        drive(self.loop, [helper])

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
        return (
            not verdict.unfinished(self.checker, self.partners.acknowledged)
            and verdict.is_at_rest(self.checker)
            and all(each.worker is not None and each.worker.ready()["ready"] for each in workers)
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
        self.outside.printed = self.kitchens.printed
        self.disks.wrote = checker.wrote
        broker.on_append = checker.appended
        broker.on_commit = checker.committed
        if self._is_traced:
            broker.on_append = self._trace_append
            broker.on_commit = self._trace_commit
            broker.trace = self.chaos.trace = self.partners.trace = self.trace
            self.kitchens.trace = self.operators.trace = self.trace

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


def _habits(random: Random) -> Habits:
    return Habits(
        reject_share=random.choice((0.0, 0.1, 0.3)),
        ignore_share=random.choice((0.0, 0.3)),
        give_up_share=random.choice((0.0, 0.0, 0.3)),
        fail_share=random.choice((0.0, 0.0, 0.3)),
        wrong_code_share=random.choice((0.0, 0.3, 0.7)),
        error_share=random.choice((0.0, 0.1)),
    )


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
