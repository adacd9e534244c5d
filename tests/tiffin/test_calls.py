"""`tiffin orders show` tells the calls to the outside world in the history of an order."""

import json
from typing import Any

import pytest

from infra.look.errors import UnansweredError
from services.common import ids
from tests.tiffin.fakes import World, full_world, record, run

# Seconds after the epoch of the log.
NOON = 12 * 3600
ORDER_3 = ids.order_id("acme", "3")


def call(attempt: int, second: int, **changes: Any) -> dict[str, Any]:
    """A call, and what was said."""
    return {
        "id": f"call-{attempt}",
        "type": "CallMade",
        "occurred_at": f"2030-01-01T12:02:{second:02}Z",
        "key": ORDER_3,
        "call": "ChargePayment",
        "target": "payment provider",
        "attempt": attempt,
        "outcome": "answered",
        "error": None,
        "duration_ms": 12,
        "command_type": "ConfirmPayment",
        "exchanges": [
            {
                "method": "POST",
                "url": "http://pay/charges",
                "request": "{}",
                "status": 201,
                "error": None,
            }
        ],
        **changes,
    }


def world() -> World:
    """An order with two calls, of which the later was written first."""
    made = full_world()
    made.events[ORDER_3] = [
        {"type": "OrderCreated", "occurred_at": "2030-01-01T12:02:00Z", "amount_cents": 1350},
        {"type": "OrderScheduled", "occurred_at": "2030-01-01T12:02:30.5Z"},
    ]
    lost = {"method": "POST", "url": "http://pay/charges", "status": None, "error": "ReadTimeout"}
    late = {"outcome": "unanswered", "error": "no answer", "command_type": None}
    made.records += [
        record("order.calls", call(2, 20), ORDER_3, NOON + 150),
        record("order.calls", call(1, 10, exchanges=[lost], **late), ORDER_3, NOON + 151),
        record("order.calls", call(1, 11, key="another"), "another", NOON + 152),
        record("order.calls", b"no JSON", ORDER_3, NOON + 153),
        record("order.calls", {"type": "Other", "key": ORDER_3}, ORDER_3, NOON + 154),
    ]
    return made


def test_calls_stand_in_the_history_with_what_they_were_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the order of time, each exchange in a line of its own."""
    assert run(world(), "orders", "show", ORDER_3) == 0
    assert capsys.readouterr().out.splitlines()[-6:] == [
        "12:02:00  OrderCreated            amount_cents=1350",
        "12:02:10  ChargePayment           attempt 1  unanswered  12 ms  no answer",
        "          POST http://pay/charges -> ReadTimeout",
        "12:02:20  ChargePayment           attempt 2  answered  12 ms  ConfirmPayment",
        "          POST http://pay/charges -> 201",
        "12:02:30  OrderScheduled",
    ]
    assert run(world(), "orders", "show", ORDER_3, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [each["attempt"] for each in shown["calls"]] == [1, 2]
    assert len(shown["events"]) == 2


def test_an_order_is_shown_without_calls_where_kafka_is_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence says so; who wants none does not ask."""
    away = world()
    away.log_error = UnansweredError("no broker answers at there:9092")
    assert run(away, "orders", "show", ORDER_3) == 0
    told = capsys.readouterr()
    assert told.err == "its calls are not shown: no broker answers at there:9092\n"
    assert "OrderScheduled" in told.out
    assert run(away, "orders", "show", ORDER_3, "--no-calls") == 0
    assert capsys.readouterr().err == ""


def test_calls_are_a_table_and_can_be_tailed(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the same records."""
    query = (
        "SELECT content->>'call' AS call, count(*) AS n FROM order_calls GROUP BY ALL ORDER BY n"
    )
    assert run(world(), "sql", query, "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"call": "ChargePayment", "n": 3} in rows
    words = ("tail", "order.calls", "--from-beginning", "--no-follow", "--order", ORDER_3)
    assert run(world(), *words) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert "CallMade" in first
    assert "call=ChargePayment" in first
    assert "outcome=answered" in first
