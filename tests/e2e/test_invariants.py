"""What holds whatever happens, each test named after it: on one stack, seen from outside."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from infra.dead_letters.replay import REACTIONS
from infra.programs import Program
from infra.stack import SERVICES, Stack, StackPlan
from infra.verify.entry import INPUTS
from services.common.codec import LANGUAGES
from services.common.telemetry import EXIT_STALLED
from tests.e2e.conftest import FAST
from tests.e2e.proof import proven_clean
from tests.e2e.world import World, supervised

WARN_SECONDS = 2.0
STALL_SECONDS = 8.0
# From the moment on at which it stands to when it is told, on a machine that does much else.
TOLD_SECONDS_MAX = 30.0
LIFE_SECONDS_MAX = 120.0
NAP_SECONDS = 0.1

NO_COMMANDS: Mapping[str, bytes | None] = {
    "no value": None,
    "no bytes": b"",
    "no text": b"\xff\xfe\x00",
    "no JSON": b"not json",
    "deep": b"[" * 100_000,
    "no object": b'["a list"]',
    "no type": b"{}",
    "no such type": b'{"type":"NoSuchThing"}',
    "2 MB": b'{"type":"' + b"x" * 2_000_000 + b'"}',
}
NO_EVENTS = {name: NO_COMMANDS[name] for name in ("no bytes", "no JSON", "no object", "no type")}
# A message of each input that lacks what it is about.
INCOMPLETE = {
    "order.commands": b'{"type":"SubmitOrder","partner":"p"}',
    "restaurant.commands": b'{"type":"SnoozeItem","restaurant_id":"r"}',
    "delivery.commands": b'{"type":"StartDelivery","order_id":7}',
    "matcher.commands": b'{"type":"RequestDriver"}',
    "driver.commands": b'{"type":"RegisterDriver","driver_id":""}',
    "driver.locations": b'{"type":"ReportLocation","driver_id":"d","location":{"latitude":91}}',
}


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose broker dies, and whose log gets what no program would write."""
    environment = {
        **FAST,
        "TIFFIN_STALL_WARN_SECONDS": str(WARN_SECONDS),
        "TIFFIN_STALL_SECONDS_MAX": str(STALL_SECONDS),
    }
    directory = tmp_path_factory.mktemp("invariants")
    stack = Stack(StackPlan.on_free_ports(directory, environment=environment))
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
async def own(own_stack: Stack) -> AsyncIterator[World]:
    """The stack, its supervisor, and a client."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client, supervised(own_stack):
        yield World(own_stack, client)


async def _ready(own: World) -> None:
    for name in SERVICES:
        await asyncio.to_thread(own.stack.programs[name].wait_ready)


async def test_an_acknowledged_order_is_durable(own: World) -> None:
    """Everything dies at once right after the answer, the broker too, and all tables are gone."""
    before = [await own.submit(own.order()) for _ in range(4)]
    kafka = [await own.produce_order(own.order()) for _ in range(2)]
    last = await asyncio.gather(*(own.submit(own.order()) for _ in range(4)))
    for name in SERVICES:
        own.stack.programs[name].kill()
    own.stack.cluster.kill()
    shutil.rmtree(own.stack.plan.directory / "tables")
    await asyncio.to_thread(own.stack.cluster.start_node)
    for name in SERVICES:
        own.stack.programs[name].start()
    await _ready(own)
    order_ids = [*before, *kafka, *last]
    for order_id in order_ids:
        await own.reaches(order_id, "DELIVERED", seconds_max=LIFE_SECONDS_MAX)
    await proven_clean(own, order_ids)


async def test_an_effect_counts_once_after_kill_9_by_an_independent_count(own: World) -> None:
    """The provider has charged and the kitchen has printed while their caller died, thrice."""
    slow = {"delay_seconds": 0.3, "timeout_share": 0.3, "timeout_seconds": 1.0}
    for program in ("payments", "pos"):
        answer = await own.client.put(f"{own.url(program)}/faults", json=slow)
        assert answer.status_code == 200, answer.text
    order_ids = []
    service = own.stack.programs["order"]
    for _ in range(3):
        charged = len(await own.get("payments", "/charges"))
        order_ids += [await own.submit(own.order()) for _ in range(3)]
        async with asyncio.timeout(LIFE_SECONDS_MAX):
            while len(await own.get("payments", "/charges")) == charged:
                await asyncio.sleep(NAP_SECONDS)
        service.kill()
        service.start()
        await asyncio.to_thread(service.wait_ready)
    for program in ("payments", "pos"):
        await own.client.put(f"{own.url(program)}/faults", json={})
    for order_id in order_ids:
        await own.reaches(order_id, "DELIVERED", seconds_max=LIFE_SECONDS_MAX)
        assert len(await own.charges(order_id)) == 1
        assert len(await own.tickets(order_id)) == 1
    verdicts = await proven_clean(own, order_ids)
    for rule in ("charges", "money", "tickets", "outcomes"):
        assert verdicts[rule].checked >= len(order_ids), verdicts[rule]


async def test_a_consumer_that_hears_nothing_is_told_from_outside_within_seconds(
    own: World,
) -> None:
    """Lag grows and /health/live names what stands; then the worker ends, and another goes on."""
    program = own.stack.programs["delivery"]
    arguments = program.arguments
    await asyncio.to_thread(program.stop)
    program.arguments = ("tests.e2e.deaf_worker", "delivery", *arguments[1:])
    program.start()
    try:
        await asyncio.to_thread(program.wait_ready)
        deaf = program.pid
        order_id = await own.submit(own.order())
        stands = await _stands(own, program)
    finally:
        program.arguments = arguments
    assert all(each["loop"].startswith("order.events/") for each in stands), stands
    assert all(each["seconds"] >= WARN_SECONDS for each in stands)
    async with asyncio.timeout(TOLD_SECONDS_MAX):
        while program.pid in (None, deaf):
            await asyncio.sleep(NAP_SECONDS)
    assert f"exit {EXIT_STALLED}: order.events/" in program.log.read_text()
    await own.reaches(order_id, "DELIVERED", seconds_max=LIFE_SECONDS_MAX)
    assert (await own.get("delivery", "/health/live"))["live"]


async def _stands(own: World, program: Program) -> list[dict[str, Any]]:
    """What health names, once it does and metrics tell of lag and of a stall; the worker lives."""
    pid, lag, stalled = program.pid, 0.0, 0.0
    stands: list[dict[str, Any]] = []
    while not (stands and lag and stalled):
        assert program.pid == pid, (stands, lag, stalled)
        await asyncio.sleep(NAP_SECONDS)
        health = await own.client.get(f"{own.url('delivery')}/health/live")
        if health.status_code == 503:
            stands = health.json()["stalled"]
        metrics = await _metrics(own, "delivery")
        lag, stalled = metrics["tiffin_input_lag_records"], metrics["tiffin_loop_stalled"]
    return stands


async def test_one_bad_message_never_ends_a_consumer(own: World) -> None:
    """Every kind of bad record on every input: put aside with its reason, and the next is taken."""
    partitions = range(own.stack.plan.partitions)
    bad = [
        (topic, partition, kind, value)
        for topic in INCOMPLETE
        for partition in partitions
        for kind, value in {**NO_COMMANDS, "incomplete": INCOMPLETE[topic]}.items()
    ] + [
        (f"{name}.events", partition, kind, value)
        for name in LANGUAGES
        for partition in partitions
        for kind, value in NO_EVENTS.items()
    ]
    expected: dict[str, set[tuple[str, int, int]]] = {name: set() for name in LANGUAGES}
    producer = AIOKafkaProducer(bootstrap_servers=own.stack.bootstrap, max_request_size=8 << 20)
    await producer.start()
    try:
        for topic, partition, _, value in bad:
            sent = await producer.send_and_wait(topic, value, b"bad", partition=partition)
            for reader in _readers()[topic]:
                expected[reader].add((topic, partition, sent.offset))
    finally:
        await producer.stop()
    for name, places in expected.items():
        assert places
        await _put_aside(own, name, places)
    for order_id in [await own.submit_until_taken(own.order()) for _ in range(8)]:
        await own.reaches(order_id, "DELIVERED", seconds_max=LIFE_SECONDS_MAX)
    await _ready(own)
    async with asyncio.timeout(LIFE_SECONDS_MAX):
        for name in SERVICES:
            while (await _metrics(own, name))["tiffin_input_lag_records"]:
                await asyncio.sleep(NAP_SECONDS)


async def _put_aside(own: World, name: str, places: set[tuple[str, int, int]]) -> None:
    """Waits until a service has a dead letter with a reason for the record of each place."""

    def all_of_them(letters: list[dict[str, Any]]) -> bool:
        return places <= {
            (each["source_topic"], each["source_partition"], each["source_offset"])
            for each in letters
            if each["reason"]
        }

    await own.eventually(all_of_them, f"{name}.dead-letters", LIFE_SECONDS_MAX)


def _readers() -> dict[str, list[str]]:
    """The owners that read a topic, by topic."""
    readers = {topic: [name] for name, topics in INPUTS.items() for topic in topics}
    for name, reactions in REACTIONS.items():
        for owner in reactions:
            readers.setdefault(f"{owner}.events", []).append(name)
    return {**{f"{name}.events": [] for name in LANGUAGES}, **readers}


async def _metrics(own: World, name: str) -> dict[str, float]:
    """The largest value of each metric of a service."""
    answer = await own.client.get(f"{own.url(name)}/metrics")
    assert answer.status_code == 200
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        found[family.name] = max((sample.value for sample in family.samples), default=0.0)
    return found
