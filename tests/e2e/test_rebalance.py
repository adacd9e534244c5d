"""Workers come and go under load: no order is lost or doubled, and no partition stands for long."""

import asyncio
import logging
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from infra.programs import Program
from infra.stack import SERVICES, Stack, StackPlan
from infra.verify.verdict import Verdict
from tests.e2e.conftest import FAST
from tests.e2e.proof import proven_clean
from tests.e2e.world import World, order_id_of, supervised

SESSION_SECONDS = 4.0
# What a machine that does much else may add to the session of a worker that is gone.
ALLOWANCE_SECONDS = 10.0
ORDER_SECONDS = 0.5
MOVE_SECONDS_MAX = 90.0
NAP_SECONDS = 0.1
AFTER_SECONDS = 2.0
LIFE_SECONDS_MAX = 120.0

log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def moving_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers of each service are planned, one of each runs."""
    environment = {
        **FAST,
        "TIFFIN_SANDBOX_DRIVER_COUNT": "24",
        "TIFFIN_SESSION_SECONDS": str(SESSION_SECONDS),
    }
    directory = tmp_path_factory.mktemp("moving")
    stack = Stack(StackPlan.on_free_ports(directory, workers=2, environment=environment))
    stack.start(besides=[f"{name}-2" for name in SERVICES])
    yield stack
    stack.stop()


@dataclass(slots=True)
class Load:
    """Orders at a steady rate, half to whichever front takes them, half straight into Kafka."""

    world: World
    order_ids: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """As long as the block; on its way out every order that was begun is taken."""
        end = asyncio.Event()
        producer = AIOKafkaProducer(bootstrap_servers=self.world.stack.bootstrap, acks="all")
        await producer.start()
        ordering = asyncio.create_task(self._order_until(end, producer))
        try:
            yield
        finally:
            end.set()
            await ordering
            await producer.stop()

    async def _order_until(self, end: asyncio.Event, producer: AIOKafkaProducer) -> None:
        async with asyncio.TaskGroup() as tasks:
            while not end.is_set():
                tasks.create_task(self._submit())
                tasks.create_task(self._produce(producer))
                await asyncio.sleep(2 * ORDER_SECONDS)

    async def _submit(self) -> None:
        order = self.world.order()
        taken = await self.world.submit_until_taken(order, workers=2, seconds_max=MOVE_SECONDS_MAX)
        self.order_ids.append(taken)

    async def _produce(self, producer: AIOKafkaProducer) -> None:
        order = self.world.order()
        order_id = order_id_of(order)
        value = msgspec.json.encode({"type": "SubmitOrder", **order})
        await producer.send_and_wait("order.commands", value, order_id.encode())
        self.order_ids.append(order_id)


@dataclass(slots=True)
class Moves:
    """What is done to the second worker of every service, and when."""

    world: World
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def seconds(self) -> list[Program]:
        """The second workers."""
        return [self.world.stack.programs[f"{name}-2"] for name in SERVICES]

    @asynccontextmanager
    async def span(self, name: str) -> AsyncIterator[None]:
        """One move, with some time after it."""
        begun = time.time()
        yield
        await asyncio.sleep(AFTER_SECONDS)
        self.spans[name] = (begun, time.time())

    async def until_shared(self) -> None:
        """Waits until both workers of each service have partitions, and all are open."""
        await self._until(lambda first, second: bool(first and second) and len(first | second) == 4)

    async def until_alone(self) -> None:
        """Waits until the first worker of each service has all partitions open."""
        await self._until(lambda first, second: len(first) == 4)

    async def _until(self, wanted: Callable[[set[int], set[int]], bool]) -> None:
        async with asyncio.timeout(MOVE_SECONDS_MAX):
            for name in SERVICES:
                while not wanted(await self._open(name, 0), await self._open(name, 1)):
                    await asyncio.sleep(NAP_SECONDS)

    async def _open(self, name: str, worker: int) -> set[int]:
        try:
            url = f"{self.world.url(name, worker)}/health/ready"
            answer = await self.world.client.get(url, timeout=1)
        except httpx.TransportError:
            return set()
        return set(answer.json()["open"])


@pytest.mark.timeout(400)
async def test_partitions_move_without_loss_doubling_or_a_long_stall(
    moving_stack: Stack,
) -> None:
    """A worker is added, killed, stopped, and paused beyond its session, all while orders come.

    The stall of a partition is told by the log alone: from a command to the next event.
    """
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client, supervised(moving_stack):
        world = World(moving_stack, client)
        load, moves = Load(world), Moves(world)
        async with load.running():
            await _move_through_all(moves)
        for order_id in load.order_ids:
            await world.reaches(order_id, "DELIVERED", seconds_max=LIFE_SECONDS_MAX)
        stalls = await _stalls(world, moves.spans)
        log.info("longest stall in seconds, by move and partition: %s", stalls)
        for name, of_partition in stalls.items():
            session = 0.0 if name == "added" else SESSION_SECONDS
            assert max(of_partition.values()) < session + ALLOWANCE_SECONDS, (name, of_partition)
        verdicts = await proven_clean(world, load.order_ids)
        await _check_writers(world, verdicts["writers"])


async def _move_through_all(moves: Moves) -> None:
    async with moves.span("added"):
        for program in moves.seconds:
            program.start()
        await moves.until_shared()
    async with moves.span("killed"):
        for program in moves.seconds:
            program.kill()
        await moves.until_alone()
    for program in moves.seconds:
        program.start()
    await moves.until_shared()
    async with moves.span("stopped"):
        await asyncio.gather(*(asyncio.to_thread(program.stop) for program in moves.seconds))
        await moves.until_alone()
    for program in moves.seconds:
        program.start()
    await moves.until_shared()
    async with moves.span("paused"):
        pids = [program.pid for program in moves.seconds]
        for program in moves.seconds:
            program.pause()
        await moves.until_alone()
    async with moves.span("resumed"):
        for program in moves.seconds:
            program.resume()
        async with asyncio.timeout(MOVE_SECONDS_MAX):
            for program, pid in zip(moves.seconds, pids, strict=True):
                while program.pid in (None, pid):
                    await asyncio.sleep(NAP_SECONDS)
                assert "another owner" in program.log.read_text()
        await moves.until_shared()


async def _stalls(
    world: World, spans: dict[str, tuple[float, float]]
) -> dict[str, dict[int, float]]:
    """By move and partition: the longest time from a command to the next event, in s."""
    commands = await world.raw_records("order.commands")
    events: dict[int, list[float]] = {}
    for record in await world.raw_records("order.events"):
        events.setdefault(record.partition, []).append(record.timestamp / 1000)
    stalls: dict[str, dict[int, float]] = {}
    for record in commands:
        at = record.timestamp / 1000
        following = sorted(events[record.partition])
        place = bisect_left(following, at - 0.001)
        for name, (begun, ended) in spans.items():
            if begun <= at <= ended:
                assert place < len(following), f"nothing follows a command in {record.partition}"
                longest = stalls.setdefault(name, {})
                stall = round(max(0.0, following[place] - at), 2)
                longest[record.partition] = max(longest.get(record.partition, 0.0), stall)
    assert stalls.keys() == spans.keys()
    return stalls


async def _check_writers(world: World, verdict: Verdict) -> None:
    """Every event names its writer, and partitions really went from one worker to the other."""
    events = await world.raw_records("order.events")
    assert verdict.checked >= len(events)
    workers: dict[int, list[str]] = {}
    for event in sorted(events, key=lambda event: (event.partition, event.offset)):
        worker = msgspec.json.decode(dict(event.headers)["writer"])["worker"]
        seen = workers.setdefault(event.partition, [])
        if worker not in seen[-1:]:
            seen.append(worker)
    assert max(len(seen) for seen in workers.values()) >= 5, workers
