"""The `tiffin` command sees an order that was delivered, on a real stack."""

import asyncio
import json
from typing import Any

import pytest

from infra.tiffin import main
from tests.e2e.world import World


async def _lines(
    world: World, capsys: pytest.CaptureFixture[str], *words: str
) -> list[dict[str, Any]]:
    """What a run with --json, that must succeed, has printed."""
    code = await asyncio.to_thread(main, [*words, "--json"])
    told = capsys.readouterr()
    assert code == 0, told.err
    return [json.loads(line) for line in told.out.splitlines()]


async def test_a_delivered_order_is_listed_shown_tailed_and_queried(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command tells the same of it, as do the fronts."""
    monkeypatch.setenv("TIFFIN_BOOTSTRAP", world.stack.bootstrap)
    for name in ("order", "delivery", "matcher", "driver"):
        monkeypatch.setenv(f"TIFFIN_{name.upper()}_URL", world.url(name))
    order = world.order()
    order_id = await world.submit(order)
    [*_, watched] = await _lines(world, capsys, "orders", "watch", order_id, "--seconds", "0.2")
    assert watched["status"] == "DELIVERED"

    front = await world.reaches(order_id, "DELIVERED")
    assert front in await _lines(world, capsys, "orders", "list", "--partner", world.partner)
    assert await _lines(world, capsys, "orders", "list", "--open") == []
    [shown] = await _lines(world, capsys, "orders", "show", f"{world.partner}/{order['reference']}")
    events = (await world.get("order", f"/orders/{order_id}/events"))["items"]
    calls = shown.pop("calls")
    assert shown == {**front, "events": events}
    assert [(each["call"], each["attempt"], each["outcome"]) for each in calls] == [
        ("ChargePayment", 1, "answered"),
        ("RequestPreparation", 1, "answered"),
    ]

    words = ("tail", "*.events", "--order", order_id[:13], "--from-beginning", "--no-follow")
    told = await _lines(world, capsys, *words)
    types = [each["type"] for each in told if each["topic"] == "order.events"]
    assert types == [each["type"] for each in events]
    assert {each["topic"] for each in told} >= {"delivery.events", "matcher.events"}
    [first] = await _lines(world, capsys, *words[:-1], "--count", "1")
    assert first == told[0]

    sql = (
        "SELECT o.status, d.status AS delivery, r.name AS driver, count(e.id) AS events "
        "FROM orders o JOIN deliveries d USING (order_id) "
        "JOIN (SELECT driver_id AS name FROM drivers) r ON r.name = o.driver_id "
        "JOIN order_events e ON e.correlation_id = o.order_id "
        f"WHERE o.order_id = '{order_id}' GROUP BY ALL"
    )
    assert await _lines(world, capsys, "sql", sql) == [
        {
            "status": "DELIVERED",
            "delivery": "DELIVERED",
            "driver": front["driver_id"],
            "events": len(events),
        }
    ]
