"""What end-to-end tests do with a running stack, as partners, restaurants and operators would."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.stack import Stack
from services.common import ids
from services.common.log import Record

EXAMPLE = Path("infra/examples/order.json")
FINAL = {"DELIVERED", "REJECTED", "CANCELLED"}
LIFE_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class World:
    """A running stack, and a client for it."""

    stack: Stack
    client: httpx.AsyncClient
    partner: str = field(default_factory=lambda: f"partner-{uuid4().hex[:8]}")

    def order(self, **changes: Any) -> dict[str, Any]:
        """An order that nobody has submitted yet, with these fields changed."""
        example: dict[str, Any] = msgspec.json.decode(EXAMPLE.read_bytes())
        reference = f"r-{uuid4().hex[:12]}"
        restaurant = {**example["restaurant"], **changes.pop("restaurant", {})}
        return {
            **example,
            "partner": self.partner,
            "reference": reference,
            "restaurant": restaurant,
            **changes,
        }

    def url(self, name: str, worker: int = 0) -> str:
        """The base URL of a service's worker or of a program of the sandbox."""
        return self.stack.plan.url(name, worker)

    async def submit(self, order: dict[str, Any], worker: int = 0, **headers: str) -> str:
        """The id of an order submitted over HTTP, which must be taken."""
        answer = await self.client.post(
            f"{self.url('order', worker)}/orders", json=order, headers=headers
        )
        assert answer.status_code == 202, answer.text
        order_id = order_id_of(order)
        assert answer.headers["location"] == f"/orders/{order_id}"
        return order_id

    async def submit_until_taken(
        self, order: dict[str, Any], workers: int = 1, seconds_max: float = LIFE_SECONDS_MAX
    ) -> str:
        """The id of an order submitted as a partner does: again until a front has taken it."""
        until, attempt = time.monotonic() + seconds_max, 0
        while True:
            try:
                return await self.submit(order, worker=attempt % workers)
            except (AssertionError, httpx.TransportError):
                if time.monotonic() > until:
                    raise
            attempt += 1
            await asyncio.sleep(POLL_SECONDS)

    async def produce(
        self, topic: str, key: bytes | None, value: bytes, partition: int | None = None
    ) -> None:
        """Appends a record as any Kafka client would; acknowledged when it returns."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.stack.bootstrap, acks="all", max_request_size=8 << 20
        )
        await producer.start()
        try:
            await producer.send_and_wait(topic, value, key, partition=partition)
        finally:
            await producer.stop()

    async def produce_order(self, order: dict[str, Any]) -> str:
        """The id of an order put on order.commands, by a client that places keys as it likes."""
        order_id = order_id_of(order)
        value = msgspec.json.encode({"type": "SubmitOrder", **order})
        partition = random.randrange(self.stack.plan.partitions)
        await self.produce("order.commands", order_id.encode(), value, partition)
        return order_id

    async def get(self, name: str, path: str, worker: int = 0) -> Any:
        """The JSON of a GET that must answer 200."""
        answer = await self.client.get(f"{self.url(name, worker)}{path}")
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def reaches(
        self, order_id: str, *statuses: str, seconds_max: float = LIFE_SECONDS_MAX
    ) -> dict[str, Any]:
        """The order once it has one of the statuses; fails when it ends in another, or too late."""
        until = time.monotonic() + seconds_max
        order: dict[str, Any] = {}
        while time.monotonic() < until:
            try:
                answer = await self.client.get(f"{self.url('order')}/orders/{order_id}")
            except httpx.TransportError:
                await asyncio.sleep(POLL_SECONDS)
                continue
            if answer.status_code == 200:
                order = answer.json()
                if order["status"] in statuses:
                    return order
                assert order["status"] not in FINAL, f"{order_id} ended as {order}"
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(f"{order_id} is not {statuses} after {seconds_max} s: {order}")

    async def call(
        self, method: str, name: str, path: str, content: Any = None, status: int = 202
    ) -> Any:
        """The JSON of a request that must be answered with this status."""
        answer = await self.client.request(method, f"{self.url(name)}{path}", json=content)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def becomes(
        self,
        name: str,
        path: str,
        is_so: Callable[[Any], Any],
        seconds_max: float = LIFE_SECONDS_MAX,
    ) -> Any:
        """What a GET answers once it is so.

        What is only acknowledged yet has little to show, and is so of nothing that it lacks.
        """
        until, seen = time.monotonic() + seconds_max, None
        while time.monotonic() < until:
            answer = await self.client.get(f"{self.url(name)}{path}")
            seen = answer.json() if answer.status_code == 200 else None
            with contextlib.suppress(KeyError):
                if seen is not None and is_so(seen):
                    return seen
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(f"{path} of {name} is {seen} after {seconds_max} s")

    async def kinds(self, order_id: str) -> list[str]:
        """The types of an order's events, first to last, without those of its ETA."""
        events = (await self.get("order", f"/orders/{order_id}/events"))["items"]
        return [each["type"] for each in events if each["type"] != "OrderEtaChanged"]

    async def refunds(self, order_id: str) -> list[dict[str, Any]]:
        """The payment provider's own ledger of what an order got back."""
        key = ids.derive(order_id, "charge")
        ledger = await self.get("payments", "/refunds")
        return [each for each in ledger if each["charge_idempotency_key"] == key]

    async def charges(self, order_id: str) -> list[dict[str, Any]]:
        """The payment provider's own ledger of an order."""
        key = ids.derive(order_id, "charge")
        ledger = await self.get("payments", "/charges")
        return [each for each in ledger if each["idempotency_key"] == key]

    async def tickets(self, order_id: str) -> list[dict[str, Any]]:
        """The point of sale's own list of an order's tickets."""
        return [each for each in await self.get("pos", "/tickets") if each["order_id"] == order_id]

    async def records(self, topic: str) -> list[dict[str, Any]]:
        """All records of a topic as JSON, in the order of each partition."""
        return [
            msgspec.json.decode(record.value or b"") for record in await self.raw_records(topic)
        ]

    async def raw_records(self, topic: str) -> list[Record]:
        """All records of a topic, in the order of each partition."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.stack.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 << 20,
        )
        await consumer.start()
        try:
            places = [TopicPartition(topic, n) for n in range(self.stack.plan.partitions)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            records: list[Record] = []
            while [place for place in places if await consumer.position(place) < ends[place]]:
                fetched = await consumer.getmany(timeout_ms=200)
                for part in fetched.values():
                    records += part
            return records
        finally:
            await consumer.stop()

    async def eventually(
        self, found: Callable[[list[dict[str, Any]]], Any], topic: str, seconds_max: float = 20.0
    ) -> Any:
        """What `found` finds in a topic, once it does."""
        until = time.monotonic() + seconds_max
        while time.monotonic() < until:
            if result := found(await self.records(topic)):
                return result
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(f"not found in {topic} within {seconds_max} s")

    async def answers(self) -> dict[str, Any]:
        """Every answer of every front: lists, each row of them, and histories."""
        answers: dict[str, Any] = {}
        lists = (
            ("order", "/orders", "order_id"),
            ("order", "/restaurants", "restaurant_id"),
            ("delivery", "/deliveries", "delivery_id"),
            ("matcher", "/regions", "region"),
            ("driver", "/drivers", "driver_id"),
        )
        for name, path, key in lists:
            items = (await self.get(name, f"{path}?limit=500"))["items"]
            answers[f"{name}{path}"] = items
            for item in items:
                one = f"{path}/{item[key]}"
                answers[f"{name}{one}"] = await self.get(name, one)
                if path == "/orders":
                    answers[f"{name}{one}/events"] = await self.get(name, f"{one}/events")
        return answers


@asynccontextmanager
async def supervised(stack: Stack) -> AsyncIterator[None]:
    """Starts again what ended by its own decision, as a supervisor does; not what a test killed."""

    async def watch() -> None:
        while True:
            for program in stack.programs.values():
                if (program.exit_code or 0) > 0:
                    program.start()
            await asyncio.sleep(POLL_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def order_id_of(order: dict[str, Any]) -> str:
    """The id that the order has, or will have."""
    return ids.order_id(order["partner"], order["reference"])
