"""How many drivers are on duty, and how one leaves."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from services.sandbox.settings import Settings

from .asgi import assert_problem, eventually, running
from .fake_driver_service import FakeDriverService
from .test_driver_phones import FakeLocations, phones

pytestmark = pytest.mark.asyncio


async def ids(client: httpx.AsyncClient) -> list[str]:
    """The drivers that have a phone."""
    return [each["driver_id"] for each in (await client.get("/phones")).json()]


async def becomes(client: httpx.AsyncClient, *drivers: str) -> None:
    """Waits until these are all that have a phone."""

    async def holds() -> bool:
        return await ids(client) == list(drivers)

    await eventually(holds)


async def doing(client: httpx.AsyncClient, driver_id: str, status: str) -> None:
    """Waits until a phone does this."""

    async def holds() -> bool:
        views = (await client.get("/phones")).json()
        return any(each["driver_id"] == driver_id and each["status"] == status for each in views)

    await eventually(holds)


async def put(client: httpx.AsyncClient, count: int) -> Any:
    """Sets the number of drivers."""
    answer = await client.put("/drivers", json={"count": count})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_drivers_come_and_go(settings: Settings) -> None:
    """New ones announce themselves; who goes says so, and its phone ends."""
    service = FakeDriverService()
    async with running(phones(settings, service, FakeLocations())) as client:
        assert (await client.get("/drivers")).json() == {
            "count": 2,
            "finishing": 0,
            "count_max": 200,
        }
        assert (await put(client, 4))["count"] == 4
        for number in range(1, 5):
            await doing(client, f"driver-{number}", "available")
        told = await put(client, 1)
        assert (told["count"], told["finishing"]) == (1, 3)
        await becomes(client, "driver-1")
        assert service.off_duty == {"driver-2", "driver-3", "driver-4"}
        assert (await client.get("/drivers")).json()["finishing"] == 0
        assert (await put(client, 0))["count"] == 0
        await becomes(client)
        await put(client, 2)
        await doing(client, "driver-2", "available")
        assert service.off_duty == {"driver-3", "driver-4"}
        assert (await client.get("/health/live")).status_code == 200


async def test_who_goes_brings_its_delivery_first(settings: Settings) -> None:
    """And sends all its places; whoever has nothing to bring goes before it."""
    service, locations = FakeDriverService(), FakeLocations()
    async with running(phones(replace(settings, speed_mps=20_000), service, locations)) as client:
        await doing(client, "driver-2", "available")
        service.assign("driver-2", "d-1")
        await doing(client, "driver-2", "driving_to_pickup")
        assert await put(client, 1) == {"count": 1, "finishing": 1, "count_max": 200}
        await becomes(client, "driver-2")
        assert await put(client, 0) == {"count": 0, "finishing": 1, "count_max": 200}
        assert "dropoff" not in service.calls
        locations.is_available = False
        await doing(client, "driver-2", "going_off_duty")
        assert service.deliveries == {}
        locations.is_available = True
        await becomes(client)
    assert service.calls[-3:].count("unavailable") == 1
    assert service.calls.index("dropoff") < len(service.calls) - 1
    assert service.off_duty == {"driver-1", "driver-2"}


async def test_an_open_offer_does_not_hold_a_driver_who_goes(settings: Settings) -> None:
    """It is declined by going."""
    service = FakeDriverService()
    ignoring = replace(settings, driver_count=1, phones_faults='{"ignore_offers_share": 1}')
    async with running(phones(ignoring, service, FakeLocations())) as client:
        await doing(client, "driver-1", "available")
        service.offer("driver-1", "d-1")
        await doing(client, "driver-1", "offered")
        await put(client, 0)
        await becomes(client)
    assert service.offers == {}


async def test_going_outlives_a_service_that_is_away(settings: Settings) -> None:
    """It is said until it counts, though calls fail, or are answered and lost."""
    service = FakeDriverService(to_lose={"unavailable": 2})
    one = replace(settings, driver_count=1)
    async with running(phones(one, service, FakeLocations())) as client:
        await doing(client, "driver-1", "available")
        service.failures = 6
        await put(client, 0)
        await becomes(client)
    assert service.calls == ["available", *["unavailable"] * 3]
    assert service.failures == 0


async def test_a_driver_that_nobody_knows_may_go(settings: Settings) -> None:
    service = FakeDriverService(knows_drivers=False)
    async with running(phones(settings, service, FakeLocations())) as client:
        await put(client, 0)
        await becomes(client)


async def test_a_driver_who_was_about_to_go_is_called_back(settings: Settings) -> None:
    """Before anybody new comes, and with the delivery that it has."""
    service = FakeDriverService()
    one = replace(settings, driver_count=1, speed_mps=1)
    async with running(phones(one, service, FakeLocations())) as client:
        await doing(client, "driver-1", "available")
        service.assign("driver-1", "d-1")
        await doing(client, "driver-1", "driving_to_pickup")
        assert (await put(client, 0))["finishing"] == 1
        assert await put(client, 2) == {"count": 2, "finishing": 0, "count_max": 200}
        assert await ids(client) == ["driver-1", "driver-2"]
        service.deliveries.clear()
        await doing(client, "driver-1", "available")
    assert service.off_duty == set()


@pytest.mark.parametrize("body", [{"count": -1}, {"count": 201}, {"count": "2"}, {"count": True}])
async def test_a_number_that_can_not_be_is_refused(settings: Settings, body: Any) -> None:
    """And changes nothing."""
    async with running(phones(settings, FakeDriverService(), FakeLocations())) as client:
        for bad, place in (
            (body, "body.count"),
            ({}, "body.count"),
            ({"counts": 1}, "body.counts"),
        ):
            answer = await client.put("/drivers", json=bad)
            assert_problem(answer, 422, "invalid-request")
            assert place in answer.json()["detail"]
        assert (await client.get("/drivers")).json()["count"] == 2


async def test_no_more_begin_than_there_may_be() -> None:
    with pytest.raises(ValueError, match="DRIVERS_MAX is 200"):
        Settings(driver_count=201)
