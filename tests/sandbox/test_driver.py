"""What drivers do about offers, doors, codes and goods that go back."""

import asyncio
from dataclasses import replace

import pytest

from services.sandbox.settings import Settings

from .asgi import eventually, running
from .fake_driver_service import DROPOFF, PICKUP, FakeDriverService
from .test_driver_phones import FakeLocations, phones, reaches, view

pytestmark = pytest.mark.asyncio


@pytest.fixture
def one_driver(settings: Settings) -> Settings:
    return replace(settings, driver_count=1)


async def test_an_offer_is_accepted_and_delivered(one_driver: Settings) -> None:
    """An offer is accepted, again and again until polling shows the delivery."""
    service = FakeDriverService(to_lose={"accept": 2})
    async with running(phones(one_driver, service, FakeLocations())) as client:
        await reaches(client, status="available")
        service.offer("driver-1", "d-1")
        await reaches(client, status="available", deliveries_completed=1)
    assert service.calls == ["available", *["accept"] * 3, "pickup", "dropoff", "available"]


async def test_an_offer_is_rejected_on_demand(one_driver: Settings) -> None:
    """A rejection is repeated until the offer is gone; then the phone announces itself again."""
    service = FakeDriverService(to_lose={"reject": 1})
    rejecting = replace(one_driver, phones_faults='{"reject_share": 1}')
    async with running(phones(rejecting, service, FakeLocations())) as client:
        await reaches(client, status="available")
        service.offer("driver-1", "d-1")
        await reaches(client, status="offered", offered_delivery_id="d-1")
        await reaches(client, status="available", offered_delivery_id=None)
    assert service.calls == ["available", "reject", "reject", "available"]


async def test_an_offer_is_ignored_on_demand(one_driver: Settings) -> None:
    """An ignored offer runs out; the next one is another decision."""
    service = FakeDriverService()
    async with running(phones(one_driver, service, FakeLocations())) as client:
        await reaches(client, status="available")
        await client.put("/faults", json={"ignore_offers_share": 1})
        service.offer("driver-1", "d-1")
        await reaches(client, status="offered")
        await client.put("/faults", json={})
        await asyncio.sleep(0.05)
        assert service.calls == ["available"]
        service.offers.clear()
        await reaches(client, status="available")
        assert service.calls == ["available", "available"]
        service.offer("driver-1", "d-1")
        await reaches(client, deliveries_completed=1)


async def test_a_delivery_is_given_up_on_demand(one_driver: Settings) -> None:
    """A driver who gives up does so before the pickup, and announces itself again."""
    service = FakeDriverService(to_lose={"give-up": 1})
    giving_up = replace(one_driver, phones_faults='{"give_up_share": 1}')
    service.assign("driver-1", "d-1")
    async with running(phones(giving_up, service, FakeLocations())) as client:
        await reaches(client, status="available", deliveries_completed=0)
    assert service.calls == ["give-up", "give-up", "available"]


async def test_goods_are_never_given_up(one_driver: Settings) -> None:
    """A driver who has the goods brings them."""
    service = FakeDriverService()
    giving_up = replace(one_driver, phones_faults='{"give_up_share": 1}')
    service.assign("driver-1", "d-1", picked_up=True)
    async with running(phones(giving_up, service, FakeLocations())) as client:
        await reaches(client, status="available", deliveries_completed=1)
    assert service.calls == ["dropoff", "available"]


async def test_goods_that_nobody_takes_go_back(one_driver: Settings) -> None:
    """At the door of an unreachable customer the driver turns round; each report is repeated."""
    service, locations = FakeDriverService(), FakeLocations()
    service.to_lose = {"delivery-failed": 1, "returned": 1}
    service.assign("driver-1", "d-1", picked_up=True)
    unreachable = replace(one_driver, speed_mps=20_000, phones_faults='{"unreachable_share": 1}')
    async with running(phones(unreachable, service, locations)) as client:
        await reaches(client, status="returning")
        await reaches(client, status="available", deliveries_completed=0, location=PICKUP)
    assert service.calls == [*["delivery-failed"] * 2, *["returned"] * 2, "available"]
    points = [report["location"] for report in locations.reports]
    assert DROPOFF in points
    assert points[-1] == PICKUP


async def test_recalled_goods_go_back(one_driver: Settings) -> None:
    """A delivery that is returning goes back to the pickup, wherever the driver was."""
    service = FakeDriverService(to_lose={"dropoff": 1_000})
    service.assign("driver-1", "d-1", picked_up=True)
    async with running(phones(one_driver, service, FakeLocations())) as client:
        await reaches(client, location=DROPOFF)
        service.deliveries["driver-1"]["returning"] = True
        await reaches(client, status="available", deliveries_completed=0, location=PICKUP)
    assert service.calls[-2:] == ["returned", "available"]


async def test_the_customer_tells_the_code(one_driver: Settings) -> None:
    """A code that is asked for is the one that the order shows, in every report."""
    service = FakeDriverService(code="0420", to_lose={"dropoff": 1})
    service.assign("driver-1", "d-1", picked_up=True)
    async with running(phones(one_driver, service, FakeLocations())) as client:
        await reaches(client, deliveries_completed=1)
    assert service.codes_named == ["0420", "0420"]


async def test_no_code_is_named_where_none_is_asked_for(one_driver: Settings) -> None:
    """A report without a code is one where none is needed."""
    service = FakeDriverService()
    service.assign("driver-1", "d-1", picked_up=True)
    async with running(phones(one_driver, service, FakeLocations())) as client:
        await reaches(client, deliveries_completed=1)
    assert service.codes_named == [None]


async def test_a_customer_without_a_code_is_asked_again(one_driver: Settings) -> None:
    """Until the order shows its code, nothing is handed over."""
    service = FakeDriverService(code="0420")
    service.assign("driver-1", "d-1", picked_up=True)
    service.code = None
    async with running(phones(one_driver, service, FakeLocations())) as client:

        async def shows_error() -> bool:
            return "without a code" in str((await view(client))["last_error"])

        await eventually(shows_error)
        assert service.codes_named == []
        service.code = "0420"
        await reaches(client, deliveries_completed=1, last_error=None)


async def test_a_wrong_code_is_named_first_on_demand(one_driver: Settings) -> None:
    """One wrong code is named, then the right one."""
    service = FakeDriverService(code="9999")
    service.assign("driver-1", "d-1", picked_up=True)
    wrong = replace(one_driver, phones_faults='{"wrong_code_share": 1}')
    async with running(phones(wrong, service, FakeLocations())) as client:
        await reaches(client, deliveries_completed=1)
    assert service.codes_named == ["0000", "9999"]


async def test_no_code_is_named_to_a_locked_door(one_driver: Settings) -> None:
    """After too many wrong codes, all different, the driver waits until none is needed."""
    service = FakeDriverService(code="0420")
    service.assign("driver-1", "d-1", picked_up=True)
    faults = '{"wrong_code_share": 1, "wrong_codes": 20}'
    async with running(
        phones(replace(one_driver, phones_faults=faults), service, FakeLocations())
    ) as client:

        async def is_locked() -> bool:
            return bool(service.deliveries["driver-1"]["code_locked"])

        await eventually(is_locked)
        await asyncio.sleep(0.05)
        assert service.codes_named == ["0440", "0439"]
        assert (await view(client))["last_error"] is None
        service.deliveries["driver-1"] |= {"requires_code": False, "code_locked": False}
        await reaches(client, deliveries_completed=1)
    assert service.codes_named == ["0440", "0439", None]


async def test_a_standing_phone_sends_where_it_is(one_driver: Settings) -> None:
    """While a delivery lasts a place is sent every location_seconds, and none without one."""
    service, locations = FakeDriverService(to_lose={"dropoff": 1_000}), FakeLocations()
    often = replace(one_driver, location_seconds=0.05)
    async with running(phones(often, service, locations)) as client:
        await reaches(client, status="available")
        await asyncio.sleep(0.1)
        assert locations.reports == []
        service.assign("driver-1", "d-1", picked_up=True)
        await reaches(client, location=DROPOFF)
        await asyncio.sleep(0.4)
        points = [report["location"] for report in locations.reports]
    assert 3 <= points.count(DROPOFF) <= 10
