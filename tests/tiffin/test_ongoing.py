"""What is going on, as a person and as a program reads it."""

import json
from typing import Any

import pytest

from services.common import ids
from tests.tiffin.fakes import World, full_world, run

ORDER_2, ORDER_3 = ids.order_id("acme", "2"), ids.order_id("acme", "3")
CALL = {
    "aggregate": "order",
    "order_id": ORDER_2,
    "status": "CREATED",
    "what": "ChargePayment",
    "why": "A call to the payment provider.",
    "flag": None,
    "key": ORDER_2,
    "kind": "call",
    "state": "pausing",
    "at": "2030-01-01T12:03:07Z",
    "target": "payment provider",
    "attempt": 5,
    "error": "it answered 503\x1b[2J",
}
TIMER = {
    "aggregate": "order",
    "order_id": ORDER_2,
    "status": "CREATED",
    "what": "CheckDeadline",
    "why": "It may be late.",
    "flag": "payment_late",
    "key": ORDER_2,
    "kind": "timer",
    "state": "late",
    "at": "2030-01-01T12:02:00Z",
}


def world(*items: dict[str, Any], total: int | None = None) -> World:
    """Three orders, of which one waits."""
    made = full_world()
    made.ongoing = {"order": list(items)}
    made.ongoing_total = total
    return made


def test_what_is_soonest_stands_first(capsys: pytest.CaptureFixture[str]) -> None:
    """With how long it is late, or still has; nothing that a terminal takes as an order."""
    assert run(world(TIMER, CALL), "ongoing", "list") == 0
    told = capsys.readouterr().out
    heading, late, pausing = told.splitlines()
    assert heading.split()[:4] == ["service", "key", "status", "what"]
    assert "CheckDeadline payment_late  late     1 min ago" in late
    assert "ChargePayment               pausing  in 7 s     5" in pausing
    assert "\x1b" not in told


def test_programs_get_objects_and_a_cut_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """On the other stream."""
    made = world(TIMER, CALL, total=7)
    assert run(made, "ongoing", "list", "--json", "--kind", "call", "--limit", "1") == 0
    told = capsys.readouterr()
    assert [json.loads(line)["what"] for line in told.out.splitlines()] == ["CheckDeadline"]
    assert "there are 7" in told.err
    assert any("kind=call" in url and "limit=1" in url for url in made.asked)


def test_an_order_is_described_with_its_delivery_and_driver(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By whatever an order may be named."""
    made = world(TIMER, CALL)
    assert run(made, "ongoing", "describe", "acme/3") == 0
    assert "nothing is pending" in capsys.readouterr().out
    assert {key for key in (ORDER_3, "driver-1") if any(f"key={key}" in url for url in made.asked)}
    assert run(made, "ongoing", "describe", "acme/2") == 0
    told = capsys.readouterr().out
    assert "payment_late" in told
    assert "attempt 5" in told
    assert "A call to the payment provider." in told
    assert "last error: it answered 503" in told


def test_what_nobody_knows_is_not_described(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; 2 where the service is of another version."""
    assert run(world(), "ongoing", "describe", "nobody") == 1
    assert "nothing is going on for 'nobody'" in capsys.readouterr().err
    made = world()
    made.ongoing = None
    assert run(made, "ongoing", "list") == 2
    assert "there is no /ongoing" in capsys.readouterr().err


def test_a_query_takes_what_is_going_on_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all services."""
    query = "SELECT service, what, attempt FROM ongoing ORDER BY ongoing.at"
    assert run(world(CALL, TIMER), "sql", query, "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        {"service": "order", "what": "CheckDeadline", "attempt": None},
        {"service": "order", "what": "ChargePayment", "attempt": 5},
    ]
