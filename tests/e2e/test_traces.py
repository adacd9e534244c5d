"""One order is one trace: through HTTP, Kafka, four services, and the calls outside."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from infra.stack import Stack, StackPlan
from services.common.telemetry import hex_of
from tests.common.collectors import Collector, Told, collector
from tests.e2e.conftest import FAST
from tests.e2e.world import World, supervised

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

LIFE_SECONDS_MAX = 120.0
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
# What leads to what, from the order's request to its end at the door.
HOPS = [
    "POST /orders",
    "append SubmitOrder",
    "decide SubmitOrder",
    "append OrderCreated",
    "react to OrderCreated",
    "append AdmitOrder",
    "decide AdmitOrder",
    "append AdmissionGranted",
    "react to AdmissionGranted",
    "append ConfirmAdmission",
    "decide ConfirmAdmission",
    "append OrderAdmitted",
    "call ChargePayment",
    "append ConfirmPayment",
    "decide ConfirmPayment",
    "append OrderScheduled",
]
LAST_HOPS = [
    "append GoodsDroppedOff",
    "react to GoodsDroppedOff",
    "append ConfirmDropoff",
    "decide ConfirmDropoff",
    "append DeliveryCompleted",
    "react to DeliveryCompleted",
    "append RecordDropoff",
    "decide RecordDropoff",
    "append OrderDelivered",
]


@pytest.fixture(scope="module")
def listening() -> Iterator[Collector]:
    """A collector in this process."""
    with collector() as made:
        yield made


@pytest.fixture(scope="module")
def traced_stack(listening: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One worker of each service, which exports its spans."""
    environment = {**FAST, "TIFFIN_OTLP_ENDPOINT": listening.url}
    plan = StackPlan.on_free_ports(tmp_path_factory.mktemp("traced"), environment=environment)
    stack = Stack(plan)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
async def world(traced_stack: Stack) -> AsyncIterator[World]:
    """The stack, seen from outside."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client, supervised(traced_stack):
        yield World(traced_stack, client)


async def test_all_hops_of_an_order_are_one_trace(world: World, listening: Collector) -> None:
    """Each under what led to it; no span names a parent that nobody told."""
    order_id = await world.submit(world.order(delay_seconds=0))
    spans = await _spans_of(listening, order_id)
    assert {each.service for each in spans} == {"order", "delivery", "matcher", "driver"}
    by_id = {each.span: each for each in spans}
    for each in spans:
        assert each.parent is None or each.parent in by_id, each
    last = next(each for each in spans if each.name == "append OrderDelivered")
    assert _ancestry(by_id, last)[-len(LAST_HOPS) :] == LAST_HOPS
    scheduled = next(each for each in spans if each.name == "append OrderScheduled")
    assert _ancestry(by_id, scheduled) == HOPS
    # What begins anew was asked for from outside, or by another order or a driver.
    roots = [each for each in spans if each.parent is None]
    assert all(each.kind == SERVER or each.links for each in roots), roots
    assert {each.name for each in spans if each.kind == CLIENT} == {
        "call ChargePayment",
        "call RequestPreparation",
    }
    assert not [each for each in spans if each.error]


async def test_a_client_that_names_a_trace_finds_its_request_there(
    world: World, listening: Collector
) -> None:
    """And the order's own trace links to it."""
    trace, span = "ab" * 16, "cd" * 8
    order = world.order(delay_seconds=0)
    order_id = await world.submit(order, traceparent=f"00-{trace}-{span}-01")
    spans = await _spans_of(listening, order_id)
    (request,) = (each for each in listening.spans() if each.trace == trace)
    assert (request.name, request.parent, request.kind) == ("POST /orders", span, SERVER)
    (submitted,) = (each for each in spans if each.name == "append SubmitOrder")
    assert submitted.links == ((trace, request.span),)


async def _spans_of(listening: Collector, order_id: str) -> list[Told]:
    """The spans of a delivered order, each once, when no more come."""
    until, before = time.monotonic() + LIFE_SECONDS_MAX, -1
    while True:
        found = {each.span: each for each in listening.spans() if each.trace == hex_of(order_id)}
        is_over = any(each.name == "append OrderDelivered" for each in found.values())
        if is_over and len(found) == before:
            return list(found.values())
        before = len(found)
        assert time.monotonic() < until, sorted(each.name for each in found.values())
        await asyncio.sleep(2.5)


def _ancestry(by_id: dict[str, Told], span: Told) -> list[str]:
    """The names from the root to this span."""
    names = [span.name]
    while span.parent is not None:
        span = by_id[span.parent]
        names.insert(0, span.name)
    return names
