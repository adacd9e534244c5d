"""Partners, restaurants and driver phones: they ask the fronts, and ask again until it counts.

A request runs inside the worker that it reached, as an HTTP handler does, and ends with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from infra.simulation.broker import Broker, instant
from infra.simulation.clients import Producer
from infra.simulation.loop import Process, SimulatedLoop
from infra.simulation.workers import Supervised
from services.common import ids
from services.common.codec import encode_command
from services.common.decider import Envelope
from services.common.front import UnavailableError
from services.common.messages.driver import (
    AssignedDelivery,
    ReportDropoff,
    ReportLocation,
    ReportPickup,
    SetAvailability,
)
from services.common.messages.order import FinishPreparation, SubmitOrder
from services.common.values import GeoPoint, Item, Restaurant
from services.common.worker import Worker

ANSWER_SECONDS_MAX = 3.0
KITCHEN = GeoPoint(37.33, -121.88)
LEGS = 2
TICK_SECONDS = 0.6
ARRIVALS_SECONDS = 6.0

_Answer = TypeVar("_Answer")


class NoAnswerError(Exception):
    """Nobody knows what became of the request."""


class RefusedError(Exception):
    """The front has said no; asked again later, it may say yes."""


@dataclass(slots=True)
class Web:
    """The way of requests to the fronts of the workers."""

    loop: SimulatedLoop
    random: Random
    workers: Mapping[str, Sequence[Supervised]]
    lost_share: float

    async def ask(self, service: str, handle: Callable[[Worker], Awaitable[_Answer]]) -> _Answer:
        """What any worker of the service answers.

        Raises:
            NoAnswerError: no worker, no answer in time, or a lost one.
            RefusedError: the worker can't do it now.
        """
        loop, random = self.loop, self.random
        await asyncio.sleep(0.01 * random.random())
        running = [each for each in self.workers[service] if each.worker is not None]
        if not running:
            raise NoAnswerError
        chosen = running[random.randrange(len(running))]
        process, worker = chosen.process, chosen.worker
        assert process is not None
        assert worker is not None
        answered: asyncio.Future[_Answer] = loop.create_future()

        async def serve() -> None:
            try:
                answer = await handle(worker)
            except (UnavailableError, RefusedError) as error:
                loop.call_outside(0.01 * random.random(), _refuse, answered, str(error))
            else:
                loop.call_outside(0.01 * random.random(), _tell, answered, answer)

        loop.spawn(process, serve())
        if random.random() < self.lost_share:
            await asyncio.sleep(ANSWER_SECONDS_MAX)
            raise NoAnswerError
        try:
            return await asyncio.wait_for(answered, ANSWER_SECONDS_MAX)
        except TimeoutError:
            raise NoAnswerError from None


class Partners:
    """Everybody who orders, over HTTP or over Kafka."""

    def __init__(
        self, loop: SimulatedLoop, random: Random, web: Web, broker: Broker, regions: Sequence[str]
    ) -> None:
        self.acknowledged: dict[str, SubmitOrder] = {}
        self.trace: Callable[[str], None] = lambda line: None
        self._loop = loop
        self._random = random
        self._web = web
        self._broker = broker
        self._regions = regions
        self._producer = Producer(broker, None, 3600.0)

    async def order_all(self, count: int) -> None:
        """Places so many orders, and returns when all are acknowledged."""
        await asyncio.gather(*(self._place(number) for number in range(count)))

    async def _place(self, number: int) -> None:
        random = self._random
        await asyncio.sleep(ARRIVALS_SECONDS * random.random())
        order = self._order(number)
        way = random.random()
        if way < 0.15:
            await self._over_kafka(order)
        elif way < 0.35:
            await asyncio.gather(self._over_http(order), self._over_http(order))
        else:
            await self._over_http(order)
        self.acknowledged[order.order_id] = order
        self.trace(f"partner: {order.reference} is acknowledged")

    async def _over_http(self, order: SubmitOrder) -> None:
        async def handle(worker: Worker) -> None:
            command_id = ids.derive(order.order_id, "SubmitOrder")
            await worker.front.send(order, command_id)
            worker.front.remember(order.order_id)

        await persist(self._loop, self._random, lambda: self._web.ask("order", handle))

    async def _over_kafka(self, order: SubmitOrder) -> None:
        """Perhaps with no key, perhaps in another partition than Kafka's own clients choose."""
        key = order.order_id.encode() if self._random.random() < 0.5 else None
        partition = self._random.randrange(self._broker.partitions)
        command_id = ids.derive(order.order_id, "over Kafka")
        envelope = Envelope(
            command_id, "SubmitOrder", instant(self._loop.now), command_id, order.order_id
        )
        value = encode_command(envelope, order)
        if self._random.random() < 0.3:
            await self._producer.send("order.commands", b'{"type":"SubmitOrder"', key, partition)
        for _ in range(self._random.randint(1, 2)):
            await (await self._producer.send("order.commands", value, key, partition))

    def _order(self, number: int) -> SubmitOrder:
        random = self._random
        ready_at = None
        if random.random() < 0.2:
            ready_at = instant(self._loop.now) + timedelta(seconds=8 + 8 * random.random())
        region = self._regions[number % len(self._regions)]
        restaurant = "refuses-all" if random.random() < 0.2 else f"kitchen-{number % 2}"
        return SubmitOrder(
            partner="acme",
            reference=f"order {number}",
            restaurant=Restaurant(restaurant, region, KITCHEN),
            destination=GeoPoint(37.34, -121.87),
            items=(Item("Lasagne", 1, 1000 + number),),
            currency="USD",
            payment_token="tok_declined" if random.random() < 0.15 else "tok_visa",
            delay_seconds=0 if ready_at else random.choice((0, 0, 2, 6)),
            ready_at=ready_at,
        )


async def call_back(loop: SimulatedLoop, random: Random, web: Web, order_id: str) -> None:
    """A restaurant says that an order is ready, until the front has taken it."""

    async def handle(worker: Worker) -> None:
        front = worker.front
        if not front.owns(order_id) or front.row(order_id) is None:
            raise RefusedError("there is no such order here")
        await front.send(FinishPreparation(order_id), ids.derive(order_id, "FinishPreparation"))

    await persist(loop, random, lambda: web.ask("order", handle))


async def persist(
    loop: SimulatedLoop, random: Random, ask: Callable[[], Awaitable[_Answer]]
) -> _Answer:
    """Asks until there is an answer."""
    while True:
        try:
            return await ask()
        except (NoAnswerError, RefusedError):
            await asyncio.sleep(0.3 + 0.4 * random.random())


class Phone:
    """One driver's phone: it polls, drives, reports what it reached, and repeats itself."""

    def __init__(
        self,
        loop: SimulatedLoop,
        random: Random,
        web: Web,
        broker: Broker,
        driver_id: str,
        regions: Sequence[str],
    ) -> None:
        self.driver_id = driver_id
        self.is_away = False
        self.is_sober = False
        self._loop = loop
        self._random = random
        self._web = web
        self._producer = Producer(broker, None, 3600.0)
        self._regions = regions
        self._region = random.choice(regions)
        self._leg = 0
        self._work: AssignedDelivery | None = None
        self._old_work: AssignedDelivery | None = None
        self._polls_without_work = 0
        self._unsent: list[tuple[bytes, bytes]] = []

    async def run(self) -> None:
        """Lives on, tick by tick."""
        while True:
            await asyncio.sleep(TICK_SECONDS * (0.5 + self._random.random()))
            if self.is_away:
                continue
            try:
                await self._tick()
            except (NoAnswerError, RefusedError):
                continue

    async def _tick(self) -> None:
        work = await self._web.ask("driver", self._poll)
        if self._work is not None and (work is None or work.delivery_id != self._work.delivery_id):
            self._old_work, self._leg = self._work, 0
        self._work = work
        if not self.is_sober and self._random.random() < 0.1:
            await self._err()
        if work is None:
            await self._offer()
            return
        self._polls_without_work = 0
        self._leg += 1
        await self._locate()
        if self._leg >= 2 * LEGS and work.picked_up:
            await self._report(ReportDropoff(self.driver_id, work.delivery_id), "dropoff")
        elif self._leg >= LEGS and not work.picked_up:
            await self._report(ReportPickup(self.driver_id, work.delivery_id), "pickup")

    async def _poll(self, worker: Worker) -> AssignedDelivery | None:
        if not worker.front.owns(self.driver_id):
            raise RefusedError("the driver is not here")
        row = worker.front.row(self.driver_id)
        delivery: AssignedDelivery | None = None if row is None else row.state.delivery
        return delivery

    async def _offer(self) -> None:
        """Says that the driver takes work, now and then in another region."""
        if self._polls_without_work % 4 == 0:
            if self._polls_without_work:
                self._region = self._random.choice(self._regions)
            await self._announce(True)
        self._polls_without_work += 1

    async def _announce(self, available: bool) -> None:
        command = SetAvailability(self.driver_id, available, self._region, KITCHEN)
        command_id = ids.derive(self.driver_id, f"availability/{self._random.getrandbits(64)}")

        async def handle(worker: Worker) -> None:
            await worker.front.send(command, command_id)

        await self._web.ask("driver", handle)

    async def _report(self, command: ReportPickup | ReportDropoff, purpose: str) -> None:
        command_id = ids.derive(self.driver_id, f"{purpose}/{command.delivery_id}")

        async def handle(worker: Worker) -> None:
            front = worker.front
            row = front.row(self.driver_id) if front.owns(self.driver_id) else None
            if row is None:
                raise RefusedError("the driver is not here")
            current = None if row.state.delivery is None else row.state.delivery.delivery_id
            if command.delivery_id not in (current, row.state.last_delivery_id):
                raise RefusedError("it is not assigned to the driver")
            await front.send(command, command_id)

        await self._web.ask("driver", handle)

    async def _locate(self) -> None:
        """Sends where it is; without a network it keeps it, and sends all later, some twice."""
        now = instant(self._loop.now)
        place = GeoPoint(KITCHEN.latitude + 0.001 * self._leg, KITCHEN.longitude)
        command_id = ids.derive(self.driver_id, f"location/{now.isoformat()}")
        envelope = Envelope(command_id, "ReportLocation", now, command_id, command_id)
        value = encode_command(envelope, ReportLocation(self.driver_id, place, now))
        self._unsent.append((self.driver_id.encode(), value))
        if self._random.random() < 0.2:
            return
        for key, kept in self._unsent:
            for _ in range(2 if self._random.random() < 0.1 else 1):
                await self._producer.send("driver.locations", kept, key)
        self._unsent.clear()

    async def _err(self) -> None:
        """What people do with phones."""
        match self._random.randrange(3):
            case 0 if self._work is not None:
                work = self._work
                await self._report(ReportDropoff(self.driver_id, work.delivery_id), "dropoff")
            case 1 if self._old_work is not None:
                old = self._old_work
                await self._report(ReportPickup(self.driver_id, old.delivery_id), "pickup")
            case _:
                await self._announce(self._random.random() < 0.5)


def _tell(answered: "asyncio.Future[Any]", answer: Any) -> None:
    if not answered.done():
        answered.set_result(answer)


def _refuse(answered: "asyncio.Future[Any]", reason: str) -> None:
    if not answered.done():
        answered.set_exception(RefusedError(reason))


def drive(loop: SimulatedLoop, phones: Sequence[Phone], process: Process | None = None) -> None:
    """Switches the phones on."""
    for phone in phones:
        loop.spawn(process, phone.run())
