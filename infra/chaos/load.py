"""Partners under chaos: orders at a steady rate over HTTP and Kafka, often more than once."""

import asyncio
import time
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from infra.chaos.report import Tale
from infra.stack import Stack
from services.common import ids

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "order.json"
ATTEMPTS_MAX = 40
PAUSE_SECONDS = 0.5
# What a front may answer to a submission: taken, conflict, too much at once, not now.
EXPECTED = (202, 409, 429, 503)


class Partners:
    """Whoever orders. Only what was answered with 202, or acknowledged by Kafka, counts."""

    def __init__(
        self, stack: Stack, random: Random, tale: Tale, client: httpx.AsyncClient, workers: int
    ) -> None:
        self._stack = stack
        self._random = random
        self._tale = tale
        self._client = client
        self._workers = workers
        self._example: dict[str, Any] = msgspec.json.decode(EXAMPLE.read_bytes())
        self._name = f"chaos-{random.getrandbits(32):08x}"
        self._count = 0

    async def order_for(self, seconds: float, rate: float, producer: AIOKafkaProducer) -> None:
        """Orders so many a second, and returns when each is acknowledged or given up."""
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            while time.monotonic() < until:
                tasks.create_task(self._order(producer))
                await asyncio.sleep(self._random.expovariate(rate))

    async def _order(self, producer: AIOKafkaProducer) -> None:
        order, way = self._next(), self._random.random()
        submissions = []
        if way < 0.8:
            submissions += [self._over_http(order)]
        if way < 0.1:
            submissions += [self._over_http(order)]
        if way >= 0.7:
            submissions += [self._over_kafka(order, producer)]
        if way < 0.03:
            submissions += [
                self._over_http({**order, "destination": order["restaurant"]["location"]})
            ]
        await asyncio.gather(*submissions)

    def _next(self) -> dict[str, Any]:
        self._count += 1
        order = {
            **self._example,
            "partner": self._name,
            "reference": f"{self._count}",
        }
        choice = self._random.random()
        if choice < 0.08:
            order["payment_token"] = "tok_declined"
        elif choice < 0.16:
            order["restaurant"] = {**order["restaurant"], "restaurant_id": "refuses-all"}
        elif choice < 0.3:
            order["delay_seconds"] = self._random.randint(1, 12)
        return order

    async def _over_http(self, order: dict[str, Any]) -> None:
        begun = time.monotonic()
        for _ in range(ATTEMPTS_MAX):
            worker = self._random.randrange(self._workers)
            url = f"{self._stack.plan.url('order', worker)}/orders"
            try:
                answer = await self._client.post(url, json=order)
            except httpx.TransportError as error:
                self._tale.answers[type(error).__name__] += 1
            else:
                self._tale.answers[str(answer.status_code)] += 1
                if answer.status_code not in EXPECTED:
                    self._tale.surprise(f"POST /orders: {answer.status_code} {answer.text[:300]}")
                if answer.status_code == 202:
                    self._acknowledge(order, begun)
                if answer.status_code in (202, 409):
                    return
            await asyncio.sleep(PAUSE_SECONDS * (0.5 + self._random.random()))

    async def _over_kafka(self, order: dict[str, Any], producer: AIOKafkaProducer) -> None:
        begun = time.monotonic()
        key = ids.order_id(order["partner"], order["reference"]).encode()
        value = msgspec.json.encode({"type": "SubmitOrder", **order})
        partition = self._random.randrange(self._stack.plan.partitions)
        for _ in range(ATTEMPTS_MAX):
            try:
                await producer.send_and_wait("order.commands", value, key, partition)
            except KafkaError:
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._tale.acknowledged_on_kafka += 1
                self._acknowledge(order, begun)
                return

    def _acknowledge(self, order: dict[str, Any], begun: float) -> None:
        tale = self._tale
        tale.acknowledged.add(ids.order_id(order["partner"], order["reference"]))
        waited = time.monotonic() - begun
        tale.slowest_acknowledgement_seconds = max(tale.slowest_acknowledgement_seconds, waited)
