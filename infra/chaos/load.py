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
NAP_SECONDS = 0.5
CODE_SHARE = 0.25
CUSTOMERS = 50
# What becomes of a ticket there, by how a restaurant's id begins in the sandbox; shares of orders.
RESTAURANTS = {
    "": 0.66,
    "refuses-all": 0.06,
    "asks-first": 0.12,
    "asks-refuses-later": 0.04,
    "changes-mind-often": 0.04,
    "silent-kitchen": 0.03,
    "later-than-said": 0.05,
}
# What a front may answer to a submission: taken, conflict, too much at once, not now.
EXPECTED = (202, 409, 429, 503)


class Partners:
    """Whoever orders. Only what was answered with 202, or acknowledged by Kafka, counts."""

    def __init__(
        self,
        stack: Stack,
        random: Random,
        tale: Tale,
        client: httpx.AsyncClient,
        producer: AIOKafkaProducer,
        workers: int,
    ) -> None:
        self._stack = stack
        self._random = random
        self._tale = tale
        self._client = client
        self._producer = producer
        self._workers = workers
        self._example: dict[str, Any] = msgspec.json.decode(EXAMPLE.read_bytes())
        self._name = f"chaos-{random.getrandbits(32):08x}"

    async def order_for(self, seconds: float, rate: float) -> None:
        """Orders so many a second, and returns when each is acknowledged or given up."""
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            while time.monotonic() < until:
                tasks.create_task(self.order())
                await asyncio.sleep(self._random.expovariate(rate))

    async def order(self) -> None:
        """Submits one more order: over HTTP, over Kafka, or both; at times twice, or otherwise."""
        order, way = self._next(), self._random.random()
        submissions = []
        if way < 0.8:
            submissions += [self.over_http(order)]
        if way < 0.1:
            submissions += [self.over_http(order)]
        if way >= 0.7:
            submissions += [self.over_kafka(order)]
        if way < 0.03:
            other = {**order, "destination": order["restaurant"]["location"]}
            submissions += [self.over_http(other)]
        await asyncio.gather(*submissions)

    def _next(self) -> dict[str, Any]:
        self._tale.submitted += 1
        order = {
            **self._example,
            "partner": self._name,
            "reference": f"{self._tale.submitted}",
            "customer": f"customer-{self._tale.submitted % CUSTOMERS}",
        }
        choice = self._random.random()
        if choice < 0.08:
            order["payment_token"] = "tok_declined"
        elif choice < 0.12:
            order["payment_token"] = "tok_refund_refused"
        elif choice < 0.24:
            order["delay_seconds"] = self._random.randint(1, 12)
        kind = self._random.choices(tuple(RESTAURANTS), tuple(RESTAURANTS.values()))[0]
        restaurant_id = kind or order["restaurant"]["restaurant_id"]
        order["restaurant"] = {**order["restaurant"], "restaurant_id": restaurant_id}
        order["requires_code"] = self._random.random() < CODE_SHARE
        if restaurant_id not in self._tale.restaurants:
            self._tale.restaurants.append(restaurant_id)
        return order

    async def over_http(self, order: dict[str, Any]) -> None:
        """Asks any front, again and again, until one answers for good."""
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
                    self._acknowledged(self._tale.acknowledged_by_http, order, begun)
                if answer.status_code in (202, 409):
                    return
            await asyncio.sleep(NAP_SECONDS * (0.5 + self._random.random()))
        self._tale.given_up += 1

    async def over_kafka(self, order: dict[str, Any]) -> None:
        """Sends it as an adapter does, to any partition, again until Kafka has it."""
        begun = time.monotonic()
        key = ids.order_id(order["partner"], order["reference"]).encode()
        value = msgspec.json.encode({"type": "SubmitOrder", **order})
        partition = self._random.randrange(self._stack.plan.partitions)
        for _ in range(ATTEMPTS_MAX):
            try:
                await self._producer.send_and_wait("order.commands", value, key, partition)
            except KafkaError:
                await asyncio.sleep(NAP_SECONDS)
            else:
                self._acknowledged(self._tale.acknowledged_by_kafka, order, begun)
                return
        self._tale.given_up += 1

    def _acknowledged(self, orders: set[str], order: dict[str, Any], begun: float) -> None:
        order_id = ids.order_id(order["partner"], order["reference"])
        orders.add(order_id)
        self._tale.acknowledged_lately.append(order_id)
        waited = time.monotonic() - begun
        tale = self._tale
        tale.slowest_acknowledgement_seconds = max(tale.slowest_acknowledgement_seconds, waited)
