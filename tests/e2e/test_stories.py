"""The story of an order over HTTP: all services, and what was said to the outside world."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from infra.stack import Stack, StackPlan
from services.common.messages.shared import CallMade
from tests.e2e.conftest import FAST
from tests.e2e.world import World, supervised

TOKEN = "tok_timeout_once"
OWNERS = {"order", "restaurant", "delivery", "matcher", "driver"}


@pytest.fixture(scope="module")
def seen_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One worker of each service, and the web front."""
    plan = StackPlan.on_free_ports(tmp_path_factory.mktemp("seen"), environment=FAST, with_web=True)
    stack = Stack(replace(plan, partitions=2))
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
async def seen(seen_stack: Stack) -> AsyncIterator[World]:
    """The stack as a browser sees it."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client, supervised(seen_stack):
        yield World(seen_stack, client)


def _calls(story: dict[str, Any], call: str) -> list[dict[str, Any]]:
    contents = (each["content"] for each in story["records"] if each["kind"] == "call")
    return [each for each in contents if each["call"] == call]


async def test_the_story_tells_both_attempts_of_a_charge_that_timed_out(seen: World) -> None:
    """With requests and responses, in the order of time, and no payment token anywhere."""
    order_id = await seen.submit(seen.order(payment_token=TOKEN))
    await seen.reaches(order_id, "DELIVERED")
    story = await seen.becomes(
        "web",
        f"/api/board/orders/{order_id}/story",
        lambda seen: (
            len(_calls(seen, "ChargePayment")) >= 2
            and _calls(seen, "RequestPreparation")
            and seen["order"]["status"] == "DELIVERED"
            and {each["service"] for each in seen["records"]} == OWNERS
        ),
    )
    first, *_, last = _calls(story, "ChargePayment")
    assert (first["attempt"], first["outcome"]) == (1, "unanswered")
    (lost,) = first["exchanges"]
    assert (lost["method"], lost["status"]) == ("POST", None)
    assert '"payment_token":"hidden"' in lost["request"]
    assert (last["outcome"], last["command_type"]) == ("answered", "ConfirmPayment")
    (found,) = last["exchanges"]
    assert (found["method"], found["status"]) == ("GET", 200)
    assert '"succeeded"' in found["response"]
    (ticket,) = _calls(story, "RequestPreparation")[-1:]
    assert ticket["exchanges"][-1]["request"]

    places = {each["id"]: place for place, each in enumerate(story["records"])}
    charge = places[last["id"]]
    assert places[first["causation_id"]] < places[first["id"]] < charge < places[last["command_id"]]
    assert TOKEN not in str(story)
    raw = await seen.raw_records("order.calls")
    assert raw
    assert all(TOKEN.encode() not in (record.value or b"") for record in raw)
    page = await seen.client.get(f"{seen.url('web')}/board/orders/{order_id}")
    assert page.status_code == 200


async def test_events_of_every_service_tell_before_and_after(seen: World) -> None:
    """Each event that says that something has changed says what."""
    order_id = await seen.submit(seen.order())
    await seen.reaches(order_id, "DELIVERED")
    story = await seen.becomes(
        "web",
        f"/api/board/orders/{order_id}/story",
        lambda seen: (
            {"DeliveryCompleted", "GoodsDroppedOff", "OfferConfirmed"}
            <= {each["type"] for each in seen["records"]}
        ),
    )
    changed = {
        each["type"]: (each.get("before"), each.get("after"))
        for each in story["records"]
        if each["kind"] == "event"
    }
    assert changed["AdmissionGranted"][1]["admission"] == "GRANTED"
    assert changed["OfferConfirmed"] == ({"request": "OFFERED"}, {"request": "CONFIRMED"})
    assert changed["GoodsPickedUp"] == ({"has_goods": False}, {"has_goods": True})
    assert changed["DeliveryPickedUp"][0]["status"] == "DRIVER_ASSIGNED"
    assert changed["GoodsDroppedOff"][0]["status"] == "ON_DELIVERY"
    moves = {"DriverLocated", "DeliveryEtaChanged", "OrderEtaChanged"}
    silent = {name for name, (_, after) in changed.items() if not after} - moves
    assert silent == set()


async def test_calls_are_told_with_the_fields_of_their_schema(seen: World) -> None:
    """By the one service that calls."""
    records = await seen.eventually(lambda found: found, "order.calls")
    assert {each["type"] for each in records} == {CallMade.__name__}
    fields = set(CallMade.__dataclass_fields__)
    assert all(set(each) == fields for each in records)
