"""Two workers of each service share the partitions and answer for each other."""

import asyncio

from infra.stack import SERVICES
from tests.e2e.world import World


async def _partitions(pair: World, name: str) -> list[set[int]]:
    shares = []
    for worker in (0, 1):
        facts = await pair.get(name, "/health/ready", worker)
        shares.append(set(facts["open"]))
    return shares


async def test_workers_share_the_partitions(pair: World) -> None:
    """Each partition has one owner, and each worker has some."""
    for name in SERVICES:
        first, second = await _partitions(pair, name)
        assert first
        assert second
        assert not first & second
        assert first | second == set(range(pair.stack.plan.partitions))


async def test_workers_answer_each_others_keys(pair: World) -> None:
    """Any worker takes any order, answers any key, and gives whole lists."""
    order_ids = [await pair.submit(pair.order(), worker=n % 2) for n in range(8)]
    for order_id in order_ids:
        await pair.reaches(order_id, "DELIVERED")
    for order_id in order_ids:
        one, other = [await pair.get("order", f"/orders/{order_id}", w) for w in (0, 1)]
        assert one == other
        history = [await pair.get("order", f"/orders/{order_id}/events", w) for w in (0, 1)]
        assert history[0] == history[1]
        delivery = f"/deliveries/{one['delivery_id']}"
        assert await pair.get("delivery", delivery, 0) == await pair.get("delivery", delivery, 1)
        assert len(await pair.charges(order_id)) == 1
        assert len(await pair.tickets(order_id)) == 1
    for worker in (0, 1):
        page = await pair.get("order", f"/orders?partner={pair.partner}&limit=100", worker)
        assert sorted(each["order_id"] for each in page["items"]) == sorted(order_ids)
    drivers = [(await pair.get("driver", "/drivers", w))["items"] for w in (0, 1)]
    assert [d["driver_id"] for d in drivers[0]] == [d["driver_id"] for d in drivers[1]]
    for driver in drivers[0]:
        path = f"/drivers/{driver['driver_id']}"
        assert (await pair.get("driver", path, 0))["driver_id"] == driver["driver_id"]
        assert (await pair.get("driver", path, 1))["driver_id"] == driver["driver_id"]
    for worker in (0, 1):
        region = await pair.get("matcher", "/regions/san-jose", worker)
        assert region["region"] == "san-jose"


async def test_a_worker_takes_over_from_one_that_died(pair: World) -> None:
    """Within a session or so, the other worker goes on with the dead one's orders."""
    order_ids = [await pair.submit(pair.order()) for _ in range(6)]
    for name in SERVICES:
        pair.stack.programs[f"{name}-2"].kill()
    order_ids += [await pair.submit(pair.order()) for _ in range(2)]
    for order_id in order_ids:
        await pair.reaches(order_id, "DELIVERED", seconds_max=90)
        assert len(await pair.charges(order_id)) == 1
        assert len(await pair.tickets(order_id)) == 1
    for name in SERVICES:
        pair.stack.programs[f"{name}-2"].start()
    for name in SERVICES:
        await asyncio.to_thread(pair.stack.programs[f"{name}-2"].wait_ready)
    order_ids = [await pair.submit(pair.order(), worker=n % 2) for n in range(4)]
    for order_id in order_ids:
        await pair.reaches(order_id, "DELIVERED", seconds_max=90)


async def test_a_paused_worker_does_not_append_when_it_wakes(pair: World) -> None:
    """Stopped beyond its session, a worker exits on waking and its partitions stay consistent."""
    order_ids = [await pair.submit(pair.order()) for _ in range(4)]
    paused = pair.stack.programs["order-2"]
    pid = paused.pid
    paused.pause()
    await asyncio.sleep(8)
    order_ids += [await pair.submit(pair.order()) for _ in range(2)]
    paused.resume()
    async with asyncio.timeout(15):
        while paused.pid in (None, pid):
            await asyncio.sleep(0.1)
    assert "exit 72" in paused.log.read_text()
    await asyncio.to_thread(paused.wait_ready)
    for order_id in order_ids:
        await pair.reaches(order_id, "DELIVERED", seconds_max=90)
        assert len(await pair.charges(order_id)) == 1
    versions: dict[str, list[int]] = {}
    for event in await pair.records("order.events"):
        versions.setdefault(event["order_id"], []).append(event["version"])
    for order_id in order_ids:
        assert versions[order_id] == list(range(1, len(versions[order_id]) + 1))
