"""What a restart, clean or not, may not change."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from infra.stack import SERVICES
from tests.e2e.world import World


async def test_a_scheduled_order_starts_in_time_after_a_restart(world: World) -> None:
    """A due time outlives kill -9 and a start after it has passed; it is never early."""
    ready_at = datetime.now(UTC) + timedelta(seconds=9)
    later = await world.submit(world.order(ready_at=ready_at.isoformat()))
    passed = await world.submit(world.order(delay_seconds=2))
    await world.reaches(later, "SCHEDULED")
    await world.reaches(passed, "SCHEDULED")
    service = world.stack.programs["order"]
    service.kill()
    await asyncio.sleep(3)
    service.start()
    await asyncio.to_thread(service.wait_ready)
    for order_id in (later, passed):
        order = await world.reaches(order_id, "DELIVERED")
        events = (await world.get("order", f"/orders/{order_id}/events"))["items"]
        [due] = [event for event in events if event["type"] == "PreparationDue"]
        late = datetime.fromisoformat(due["occurred_at"]) - datetime.fromisoformat(
            order["prepare_at"]
        )
        assert late >= timedelta(milliseconds=-1)
        assert late < timedelta(seconds=12 if order_id == passed else 3)


@pytest.mark.parametrize("name", SERVICES)
async def test_a_table_is_folded_anew_from_the_log(world: World, name: str) -> None:
    """With its RocksDB directory gone, every answer of a front is the same as before."""
    order_id = await world.submit(world.order())
    await world.reaches(order_id, "DELIVERED")
    await _quiet(world)
    before = await world.answers()
    service = world.stack.programs[name]
    await asyncio.to_thread(service.stop)
    directory = world.stack.table_directory(name)
    kept = [path for path in directory.iterdir() if path.name.startswith(f"{name}-")]
    assert kept
    for path in kept:
        shutil.rmtree(path)
    service.start()
    await asyncio.to_thread(service.wait_ready)
    assert await world.answers() == before


@pytest.mark.parametrize("name", SERVICES)
async def test_kill_9_loses_and_doubles_nothing(world: World, name: str) -> None:
    """Orders that are on their way while a service dies arrive, each charged and cooked once."""
    order_ids = [await world.submit(world.order()) for _ in range(6)]
    await asyncio.sleep(0.6)
    service = world.stack.programs[name]
    service.kill()
    service.start()
    order_ids += [await _submit_until_taken(world) for _ in range(2)]
    await asyncio.to_thread(service.wait_ready)
    for order_id in order_ids:
        await world.reaches(order_id, "DELIVERED")
        assert len(await world.charges(order_id)) == 1
        assert len(await world.tickets(order_id)) == 1


async def test_the_broker_may_go_and_come_back(world: World) -> None:
    """An outage refuses new orders within a second and loses none that were acknowledged."""
    order_ids = [await world.submit(world.order()) for _ in range(3)]
    world.stack.cluster.kill()
    began_at = asyncio.get_running_loop().time()
    answer = await world.client.post(f"{world.url('order')}/orders", json=world.order())
    took_seconds = asyncio.get_running_loop().time() - began_at
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert took_seconds < 2
    await asyncio.to_thread(world.stack.cluster.start_node)
    order_ids.append(await _submit_until_taken(world))
    for order_id in order_ids:
        await world.reaches(order_id, "DELIVERED", seconds_max=90)
        assert len(await world.charges(order_id)) == 1


async def _submit_until_taken(world: World) -> str:
    """A partner's way: the same order again until it is acknowledged."""
    order = world.order()
    for _ in range(200):
        try:
            return await world.submit(order)
        except (AssertionError, OSError, Exception):
            await asyncio.sleep(0.2)
    raise AssertionError("the order was never taken")


async def _quiet(world: World) -> None:
    """Returns when no event is appended any more: all drivers wait, and no order is open."""
    seen = -1
    while True:
        count = 0
        for name in SERVICES:
            count += len(await world.records(f"{name}.events"))
        if count == seen:
            return
        seen = count
        await asyncio.sleep(1.5)
