"""Everybody who orders, over HTTP or over Kafka, thinks better of it, and wants money back."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

from infra.simulation.broker import Broker, instant
from infra.simulation.clients import Producer
from infra.simulation.loop import SimulatedLoop
from infra.simulation.tickets import KINDS
from infra.simulation.web import ConflictError, Web, persist
from services.common import ids
from services.common.codec import encode_command
from services.common.decider import Envelope
from services.common.messages.order import (
    CancelledBy,
    CancelOrder,
    RefundItem,
    RequestRefund,
    SubmitOrder,
)
from services.common.values import GeoPoint, Item, Restaurant
from services.common.worker import Worker

KITCHEN = GeoPoint(37.33, -121.88)
ARRIVALS_SECONDS = 6.0
THOUGHT_SECONDS_MAX = 14.0


class Partners:
    """Partners and their customers."""

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
        """Places so many orders, and returns when all are acknowledged and all thoughts told."""
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
        await asyncio.gather(self._cancel(order), self._complain(order))

    async def _cancel(self, order: SubmitOrder) -> None:
        """Some customers think better of it, at any time."""
        if self._random.random() < 0.85:
            return
        await asyncio.sleep(THOUGHT_SECONDS_MAX * self._random.random())
        by = self._random.choice((CancelledBy.CUSTOMER, CancelledBy.PARTNER))
        await self._tell(CancelOrder(order.order_id, by, "changed_mind"), by.value)

    async def _complain(self, order: SubmitOrder) -> None:
        """Some want money back for what is missing, more than once and by several names."""
        random = self._random
        if random.random() < 0.7:
            return
        for number in range(random.randint(1, 3)):
            await asyncio.sleep(THOUGHT_SECONDS_MAX * random.random())
            lines = (RefundItem(random.randrange(2), 1),) if random.random() < 0.8 else ()
            name = f"missing-{number}"
            await self._tell(RequestRefund(order.order_id, name, "missing", lines), name)

    async def _tell(self, command: CancelOrder | RequestRefund, purpose: str) -> None:
        """Asks a front; those that judge say no at once, others let the order itself say it."""
        is_judged = self._random.random() < 0.5
        with contextlib.suppress(ConflictError, TimeoutError):
            await asyncio.wait_for(
                persist(
                    self._loop,
                    self._random,
                    lambda: self._web.send("order", command, purpose, is_judged),
                ),
                THOUGHT_SECONDS_MAX,
            )

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
        restaurant = f"{random.choice(KINDS)}-{number % 2}"
        return SubmitOrder(
            partner="acme",
            reference=f"order {number}",
            restaurant=Restaurant(restaurant, region, KITCHEN),
            destination=GeoPoint(37.34, -121.87),
            items=(Item("Lasagne", 2, 1000 + number), Item("Water", 1, 250)),
            currency="USD",
            payment_token="tok_declined" if random.random() < 0.15 else "tok_visa",
            delay_seconds=0 if ready_at else random.choice((0, 0, 2, 6)),
            ready_at=ready_at,
            requires_code=random.random() < 0.4,
            customer=f"customer-{number % 3}" if number % 4 else None,
        )
