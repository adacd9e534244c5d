"""What a restart, clean or not, may not change."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from infra.stack import SERVICES
from tests.e2e.world import World

# A worker refuses within a second, and fires at once; the rest is for a machine with other work.
REFUSAL_SECONDS_MAX = 5.0
LATE_MAX = timedelta(seconds=10)


async def test_a_scheduled_order_starts_in_time_after_a_restart(world: World) -> None:
    """A due time outlives kill -9 and a start after it has passed; it is never early."""
    ready_at = datetime.now(UTC) + timedelta(seconds=12)
    later = await world.submit(world.order(ready_at=ready_at.isoformat()))
    await world.reaches(later, "SCHEDULED")
    passed = await world.submit(world.order(delay_seconds=4))
    scheduled = await world.reaches(passed, "SCHEDULED")
    service = world.stack.programs["order"]
    service.kill()
    passes_at = datetime.fromisoformat(scheduled["prepare_at"])
    while datetime.now(UTC) < passes_at:
        await asyncio.sleep(0.1)
    service.start()
    await asyncio.to_thread(service.wait_ready)
    ready_again_at = datetime.now(UTC)
    for order_id in (later, passed):
        order = await world.reaches(order_id, "DELIVERED")
        events = (await world.get("order", f"/orders/{order_id}/events"))["items"]
        [due] = [event for event in events if event["type"] == "PreparationDue"]
        due_at = datetime.fromisoformat(due["occurred_at"])
        prepare_at = datetime.fromisoformat(order["prepare_at"])
        # The broker stamps whole milliseconds, cut off.
        assert due_at >= prepare_at - timedelta(milliseconds=1)
        assert due_at < max(prepare_at, ready_again_at) + LATE_MAX


async def test_all_tables_are_folded_anew_from_the_logs(world: World) -> None:
    """With the RocksDB directories gone, every answer of every front is the same as before."""
    order_id = await world.submit(world.order())
    await world.reaches(order_id, "DELIVERED")
    await _quiet(world)
    before = await world.answers()
    assert order_id in {each["order_id"] for each in before["order/orders"]}
    services = [world.stack.programs[name] for name in SERVICES]
    await asyncio.gather(*(asyncio.to_thread(service.stop) for service in services))
    for name in SERVICES:
        directory = world.stack.table_directory(name)
        kept = [path for path in directory.iterdir() if path.name.startswith(f"{name}-")]
        assert kept
        for path in kept:
            shutil.rmtree(path)
    for service in services:
        service.start()
    for service in services:
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
    order_ids += [await world.submit_until_taken(world.order()) for _ in range(2)]
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
    assert took_seconds < REFUSAL_SECONDS_MAX
    await asyncio.to_thread(world.stack.cluster.start_node)
    order_ids.append(await world.submit_until_taken(world.order()))
    for order_id in order_ids:
        await world.reaches(order_id, "DELIVERED", seconds_max=90)
        assert len(await world.charges(order_id)) == 1


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
