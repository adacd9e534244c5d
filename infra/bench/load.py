"""Submits orders over Kafka and sees what becomes of them."""

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from aiokafka import AIOKafkaConsumer

from infra.bench.clients import create_producer, open_tail
from infra.bench.context import BenchError
from infra.bench.orders import NewOrder, OrderBook

COMMANDS, EVENTS = "order.commands", "order.events"
SILENCE_SECONDS_MAX = 30.0
NAP_SECONDS = 0.05
# Records begin with their id and type; what is behind is not looked at.
HEAD_BYTES = 120
ENDED_BADLY = (b'"type":"OrderCancelled"', b'"type":"OrderRejected"')

Outcome = TypeVar("Outcome")


class Load:
    """Orders under way; each counts as done at its event of one type.

    Args:
        done_at: the type of that event.
        settled_at: the type of the event after which nothing more happens to an order.
    """

    def __init__(
        self,
        bootstrap: str,
        book: OrderBook,
        done_at: str = "OrderDelivered",
        settled_at: str | None = None,
    ) -> None:
        self.submitted = 0
        self.done = 0
        self.settled = 0
        self.latencies: list[float] = []
        self._book = book
        self._done_mark = _mark(done_at)
        self._settled_mark = self._done_mark if settled_at is None else _mark(settled_at)
        self._open: dict[bytes, float] = {}
        self._unsettled: set[bytes] = set()
        self._room: asyncio.Semaphore | None = None
        self._is_stopped = False
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None
        self._producer = create_producer(bootstrap)
        self._following: asyncio.Task[None] | None = None

    @property
    def open(self) -> int:
        """How many orders are under way."""
        return len(self._open)

    async def __aenter__(self) -> Self:
        self._consumer = await open_tail(self._bootstrap, EVENTS)
        await self._producer.start()
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._following is not None:
            self._following.cancel()
        await self._producer.stop()
        if self._consumer is not None:
            await self._consumer.stop()

    async def keep(self, window: int) -> None:
        """Has so many orders under way at a time, until it is stopped."""
        self._room, self._is_stopped = asyncio.Semaphore(window), False
        while True:
            await self._room.acquire()
            if self._is_stopped:
                return
            await self._submit(time.monotonic())

    def stop(self) -> None:
        """Has no more orders submitted; those under way go on."""
        self._is_stopped = True
        if self._room is not None:
            self._room.release()

    async def pace(self, per_second: float, seconds: float) -> None:
        """Submits orders that come by chance, at this mean rate (a Poisson process).

        An order counts from when it was to come, also where it could not be submitted then.
        """
        self._room = None
        chance = random.Random(7)
        began_at = due_at = time.monotonic()
        while (due_at := due_at + chance.expovariate(per_second)) < began_at + seconds:
            if (wait_seconds := due_at - time.monotonic()) > 0:
                await asyncio.sleep(wait_seconds)
            await self._submit(due_at)

    async def wait(self, done: int) -> None:
        """Returns when so many orders are done.

        Raises:
            BenchError: nothing more happens before.
        """
        seen, seen_at = self.done, time.monotonic()
        while self.done < done:
            await asyncio.sleep(NAP_SECONDS)
            if self.done != seen:
                seen, seen_at = self.done, time.monotonic()
            elif time.monotonic() - seen_at > SILENCE_SECONDS_MAX:
                raise BenchError(f"only {self.done} of {done} orders were done")

    async def drain(self) -> None:
        """Returns when all orders that were submitted are done, and settled.

        Raises:
            BenchError: some are not, and nothing more happens.
        """
        seen, seen_at = self.settled, time.monotonic()
        while self._unsettled:
            await asyncio.sleep(NAP_SECONDS)
            if self.settled != seen:
                seen, seen_at = self.settled, time.monotonic()
            elif time.monotonic() - seen_at > SILENCE_SECONDS_MAX:
                some = next(iter(self._unsettled)).decode()
                raise BenchError(
                    f"{len(self._unsettled)} of {self.submitted} orders stay where they are, "
                    f"such as {some}"
                )
        if not self.submitted == self.done == self.settled:
            raise BenchError(
                f"{self.submitted} orders were submitted, {self.done} done, {self.settled} settled"
            )

    async def during(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """What the work comes to, unless something goes wrong with an order meanwhile.

        Raises:
            BenchError: an order ended badly, or twice.
        """
        assert self._following is not None
        working = asyncio.create_task(work)
        try:
            await asyncio.wait((working, self._following), return_when=asyncio.FIRST_COMPLETED)
            if self._following.done():
                self._following.result()
            return await working
        finally:
            working.cancel()

    def expect(self, at: float) -> NewOrder:
        """The next order, which the caller submits; it counts from that monotonic time."""
        order = self._book.next()
        key = order.order_id.encode()
        self._open[key] = at
        self._unsettled.add(key)
        self.submitted += 1
        return order

    async def _submit(self, at: float) -> None:
        order = self.expect(at)
        await self._producer.send(COMMANDS, order.record, order.order_id.encode())

    async def _follow(self) -> None:
        assert self._consumer is not None
        while True:
            for records in (await self._consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    self.see(record.key, record.value[:HEAD_BYTES])

    def see(self, key: bytes, head: bytes) -> None:
        """Takes the beginning of an event of an order.

        Raises:
            BenchError: it should not be.
        """
        if self._done_mark in head:
            submitted_at = self._open.pop(key, None)
            if submitted_at is None:
                raise BenchError(f"order {key.decode()} was done twice, or is of nobody")
            self.done += 1
            self.latencies.append(time.monotonic() - submitted_at)
            if self._room is not None:
                self._room.release()
        elif any(mark in head for mark in ENDED_BADLY):
            raise BenchError(f"order {key.decode()} ended badly: {head.decode()}")
        if self._settled_mark in head:
            if key not in self._unsettled:
                raise BenchError(f"order {key.decode()} was settled twice, or is of nobody")
            self._unsettled.remove(key)
            self.settled += 1


def _mark(event_type: str) -> bytes:
    return f'"type":"{event_type}"'.encode()


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that so large a share of all does not exceed (nearest rank).

    Raises:
        BenchError: there are no values.
    """
    if not values:
        raise BenchError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1_000_000) * len(ordered) // 1_000_000) - 1)]
