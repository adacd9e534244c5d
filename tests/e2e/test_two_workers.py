"""Two workers of each service share the partitions and answer for each other."""

import asyncio

from infra.stack import SERVICES
from tests.e2e.world import LIFE_SECONDS_MAX, POLL_SECONDS, World


async def _partitions(pair: World, name: str) -> list[set[int]]:
    """What each worker has, once both say that they are ready: the group may yet find itself."""
    async with asyncio.timeout(LIFE_SECONDS_MAX):
        while True:
            answers = [
                await pair.client.get(f"{pair.url(name, worker)}/health/ready") for worker in (0, 1)
            ]
            shares = [set(answer.json()["open"]) for answer in answers]
            if all(answer.status_code == 200 for answer in answers) and all(shares):
                return shares
            await asyncio.sleep(POLL_SECONDS)


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
