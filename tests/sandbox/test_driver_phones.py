"""The phones against a driver service in this process: whole deliveries and their faults."""

import asyncio
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from services.sandbox.driver_phones import create_phones
from services.sandbox.locations import LocationReport, LocationsUnavailableError
from services.sandbox.settings import Settings

from .asgi import assert_problem, eventually, running
from .fake_driver_service import DROPOFF, PICKUP, FakeDriverService

pytestmark = pytest.mark.asyncio


@dataclass
class FakeLocations:
    """Keeps what the phones send; refuses while it is unavailable."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    is_available: bool = True

    async def start(self) -> None:
        """Does nothing."""

    async def send(self, report: LocationReport) -> None:
        """Keeps the report, after a while as a network would."""
        await asyncio.sleep(0)
        if not self.is_available:
            raise LocationsUnavailableError("no broker")
        self.reports.append(orjson.loads(report.encode()))

    async def stop(self) -> None:
        """Does nothing."""


def phones(settings: Settings, service: FakeDriverService, locations: FakeLocations) -> FastAPI:
    return create_phones(settings, Random(1), locations, httpx.ASGITransport(app=service.app()))


async def view(client: httpx.AsyncClient, number: int = 1) -> dict[str, Any]:
    views: list[dict[str, Any]] = (await client.get("/phones")).json()
    return views[number - 1]


async def reaches(client: httpx.AsyncClient, **wanted: object) -> None:
    """Waits until driver-1's view has these values."""

    async def holds() -> bool:
        return wanted.items() <= (await view(client)).items()

    await eventually(holds)


@pytest.fixture
def one_driver(settings: Settings) -> Settings:
    return replace(settings, driver_count=1)


async def test_a_whole_delivery(one_driver: Settings) -> None:
    """A phone announces itself, drives to pickup and dropoff, pauses and announces itself again."""
    service, locations = FakeDriverService(), FakeLocations()
    async with running(phones(replace(one_driver, speed_mps=20_000), service, locations)) as client:
        await reaches(client, status="available")
        service.assign("driver-1", "d-1")
        await reaches(client, status="driving_to_pickup")
        await reaches(client, status="driving_to_dropoff", delivery_id="d-1")
        await reaches(client, status="pausing", deliveries_completed=1)
        await reaches(client, status="available", delivery_id=None, location=DROPOFF)
        assert (await client.get("/health/live")).status_code == 200
    assert service.calls == ["available", "pickup", "dropoff", "available"]
    points = [report["location"] for report in locations.reports]
    assert points.count(PICKUP) == 1
    assert points[-1] == DROPOFF
    assert len(points) > 15
    times = [report["recorded_at"] for report in locations.reports]
    assert times == sorted(times)
    first = locations.reports[0]
    assert set(first) > {"id", "type", "occurred_at", "driver_id", "location", "recorded_at"}
    assert (first["type"], first["driver_id"]) == ("ReportLocation", "driver-1")
    assert first["recorded_at"].endswith("Z")


async def test_lost_reports_are_repeated(one_driver: Settings) -> None:
    """A pickup or dropoff that was answered 202 and had no effect is reported again."""
    service = FakeDriverService(to_lose={"pickup": 2, "dropoff": 1})
    service.assign("driver-1", "d-1")
    async with running(phones(one_driver, service, FakeLocations())) as client:
        await reaches(client, status="available", deliveries_completed=1)
    assert service.calls == [*["pickup"] * 3, *["dropoff"] * 2, "available"]


async def test_a_restart_goes_on_with_the_delivery(one_driver: Settings) -> None:
    """A phone that starts with an assigned delivery makes it before it announces itself."""
    service = FakeDriverService()
    service.assign("driver-1", "d-1", picked_up=True)
    async with running(phones(one_driver, service, FakeLocations())) as client:
        await reaches(client, status="available", deliveries_completed=1)
    assert service.calls == ["dropoff", "available"]


async def test_a_cancelled_delivery_frees_the_phone(one_driver: Settings) -> None:
    """A delivery that disappears is not completed, and the phone becomes available again."""
    service = FakeDriverService()
    service.assign("driver-1", "d-1")
    slow = replace(one_driver, speed_mps=1)
    async with running(phones(slow, service, FakeLocations())) as client:
        await reaches(client, status="driving_to_pickup")
        service.deliveries.clear()
        await reaches(client, status="available", deliveries_completed=0)
    assert service.calls == ["available"]


async def test_an_unknown_driver_announces_itself(one_driver: Settings) -> None:
    """404 to polling means that the service has never seen the driver."""
    service = FakeDriverService(knows_drivers=False)
    async with running(phones(one_driver, service, FakeLocations())) as client:
        await reaches(client, status="available", last_error=None)


async def test_a_waiting_phone_repeats_its_announcement(one_driver: Settings) -> None:
    """An announcement is repeated every availability_repeat_seconds, and not when that is 0."""
    often, never = FakeDriverService(), FakeDriverService()
    repeating = replace(one_driver, availability_repeat_seconds=0.05)
    once = replace(one_driver, availability_repeat_seconds=0)
    async with (
        running(phones(repeating, often, FakeLocations())),
        running(phones(once, never, FakeLocations())),
    ):
        await asyncio.sleep(0.4)
    assert 3 <= len(often.announced) <= 8
    assert len(never.announced) == 1


async def test_failures_are_got_over(one_driver: Settings) -> None:
    """A service that answers 503 is asked again, with pauses, and the delivery is made."""
    service = FakeDriverService(failures=8)
    service.assign("driver-1", "d-1")
    async with running(phones(one_driver, service, FakeLocations())) as client:

        async def shows_error() -> bool:
            return "503" in str((await view(client))["last_error"])

        await eventually(shows_error)
        await reaches(client, deliveries_completed=1, last_error=None)


async def test_an_unreachable_service_is_got_over(one_driver: Settings) -> None:
    """A phone outlives a service that is not there at all."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    app = create_phones(one_driver, Random(1), FakeLocations(), httpx.MockTransport(refuse))
    async with running(app) as client:

        async def shows_error() -> bool:
            return "ConnectError" in str((await view(client))["last_error"])

        await eventually(shows_error)
        await asyncio.sleep(0.1)
        assert (await client.get("/health/live")).status_code == 200


async def test_nonsense_is_got_over(one_driver: Settings) -> None:
    """A delivery that cannot be read counts as a failed call."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b'{"delivery_id": 1}'))
    async with running(create_phones(one_driver, Random(1), FakeLocations(), transport)) as client:

        async def shows_error() -> bool:
            return "assigned-delivery" in str((await view(client))["last_error"])

        await eventually(shows_error)
        assert (await client.get("/health/live")).status_code == 200


async def test_an_offline_phone_flushes_late_and_in_order(one_driver: Settings) -> None:
    """Locations of an offline spell are kept, and arrive afterwards in the order they were made."""
    service, locations = FakeDriverService(), FakeLocations()
    async with running(phones(replace(one_driver, speed_mps=2000), service, locations)) as client:
        await reaches(client, status="available")
        service.assign("driver-1", "d-1", picked_up=True)
        await reaches(client, status="driving_to_dropoff")
        await client.put("/faults", json={"network_loss_share": 1, "offline_seconds": 0.3})

        async def buffers() -> bool:
            return int((await view(client))["locations_buffered"]) >= 5

        await eventually(buffers)
        sent_before = len(locations.reports)
        buffered = await view(client)
        assert buffered["is_online"] is False
        await client.put("/faults", json={})
        await reaches(client, is_online=True, locations_buffered=0)
    assert len(locations.reports) >= sent_before + 5
    times = [report["recorded_at"] for report in locations.reports]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


async def test_locations_wait_for_the_broker(one_driver: Settings) -> None:
    """Without a broker a delivery is made all the same, and its locations are sent later."""
    service, locations = FakeDriverService(), FakeLocations(is_available=False)
    service.assign("driver-1", "d-1")
    async with running(phones(one_driver, service, locations)) as client:
        await reaches(client, deliveries_completed=1)
        assert locations.reports == []
        locations.is_available = True
        await reaches(client, locations_buffered=0)
    assert [report["location"] for report in locations.reports][-1] == DROPOFF


async def test_buffers_have_a_limit(one_driver: Settings) -> None:
    """At the limit the oldest locations give way."""
    service, locations = FakeDriverService(), FakeLocations(is_available=False)
    service.assign("driver-1", "d-1")
    limited = replace(one_driver, locations_buffered_max=2, speed_mps=20_000)
    async with running(phones(limited, service, locations)) as client:
        await reaches(client, deliveries_completed=1)
        assert (await view(client))["locations_buffered"] == 2


async def test_locations_are_doubled_on_demand(one_driver: Settings) -> None:
    """With duplicate_locations every report is sent twice."""
    service, locations = FakeDriverService(), FakeLocations()
    doubled = replace(one_driver, phones_faults='{"duplicate_locations": true}')
    service.assign("driver-1", "d-1")
    async with running(phones(doubled, service, locations)) as client:
        await reaches(client, deliveries_completed=1, locations_buffered=0)
    assert locations.reports
    assert locations.reports[::2] == locations.reports[1::2]


async def test_a_vanished_phone_is_silent_until_it_returns(settings: Settings) -> None:
    """A vanished phone neither polls nor drives; others go on; later it finishes its delivery."""
    service, locations = FakeDriverService(), FakeLocations()
    service.assign("driver-1", "d-1")
    async with running(phones(replace(settings, speed_mps=500), service, locations)) as client:
        await reaches(client, status="driving_to_pickup")
        await client.put("/faults", json={"vanish": ["driver-1"]})
        await reaches(client, status="silent", locations_buffered=0)
        await asyncio.sleep(0.03)
        sent = len(locations.reports)
        await asyncio.sleep(0.1)
        assert len(locations.reports) == sent
        assert (await view(client, 2))["status"] == "available"
        await client.put("/faults", json={})
        await reaches(client, status="driving_to_pickup")


async def test_all_phones_can_stand_still(settings: Settings) -> None:
    """pause_all silences every phone."""
    service = FakeDriverService()
    paused = replace(settings, phones_faults='{"pause_all": true}')
    async with running(phones(paused, service, FakeLocations())) as client:
        await asyncio.sleep(0.05)
        views = (await client.get("/phones")).json()
        assert service.calls == []
        await client.put("/faults", json={})
        await reaches(client, status="available")
    assert [one["status"] for one in views] == ["silent", "silent"]


async def test_an_unknown_driver_cannot_vanish(settings: Settings) -> None:
    """A vanish list that names no phone is refused and changes nothing."""
    async with running(phones(settings, FakeDriverService(), FakeLocations())) as client:
        response = await client.put("/faults", json={"vanish": ["driver-9"]})
        assert (await client.get("/faults")).json()["vanish"] == []
    assert_problem(response, 422, "unknown-driver")


async def test_the_seed_decides_the_start_positions(settings: Settings) -> None:
    """The same seed puts the phones at the same places within the region."""
    places = []
    for _ in range(2):
        async with running(phones(settings, FakeDriverService(), FakeLocations())) as client:
            places.append([one["location"] for one in (await client.get("/phones")).json()])
    assert places[0] == places[1]
    assert places[0][0] != places[0][1]
