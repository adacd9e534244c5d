"""What the operations board is told."""

import httpx

from services.common.masking import MASK
from services.common.messages.order import ConfirmPayment
from services.web.board import LetterTools
from services.web.fronts import read_metrics
from tests.web.outside import web
from tests.web.written import (
    ASSIGNED,
    AVAILABLE,
    CREATED,
    DELIVERY_ID,
    DELIVERY_STARTED,
    LIFE,
    ORDER_ID,
    Log,
)

METRICS = """\
# TYPE tiffin_input_lag_records gauge
tiffin_input_lag_records{aggregate="order",partition="1",topic="order.commands"} 3.0
tiffin_flagged{aggregate="order",partition="0"} 1.0
tiffin_flagged{aggregate="order",partition="1"} 1.0
tiffin_flagged{aggregate="restaurant",partition="1"} 5.0
"""


def test_lag_and_flags_are_read_from_metrics() -> None:
    """By aggregate, over all partitions."""
    lag, flagged = read_metrics("order", METRICS)
    assert lag == [
        {
            "service": "order",
            "aggregate": "order",
            "topic": "order.commands",
            "partition": 1,
            "records": 3,
        }
    ]
    assert flagged == {"order": 2, "restaurant": 5}


async def test_the_summary_counts_what_was_folded_and_what_the_services_say() -> None:
    """One that does not answer is not ready."""
    log = Log()
    async with web() as front:
        for event in LIFE[:4]:
            front.take(log.event("order", event))
        front.take(log.event("driver", AVAILABLE))
        front.take(log.event("delivery", DELIVERY_STARTED))
        front.calls.answers["GET order/health/ready"] = (200, {})
        front.calls.answers["GET order/metrics"] = lambda _: httpx.Response(200, text=METRICS)
        summary = (await front.http.get("/api/board/summary")).json()
    assert summary["orders_by_status"] == {"IN_PREPARATION": 1}
    assert summary["payments_by_status"] == {"CHARGED": 1}
    assert summary["deliveries_by_status"] == {"WAITING_FOR_DRIVER": 1}
    assert summary["drivers_by_status"] == {"AVAILABLE": 1}
    assert [each["status"] for each in summary["ages"]] == ["IN_PREPARATION"]
    assert summary["flagged"] == {"orders": 2, "deliveries": None}
    assert [each["ready"] for each in summary["workers"]] == [True, False, False, False]
    assert summary["lag"][0]["records"] == 3


async def test_the_map_shows_drivers_and_goods_on_their_way() -> None:
    """Deliveries that have ended are not on it."""
    log = Log()
    async with web() as front:
        front.take(log.event("driver", AVAILABLE))
        front.take(log.event("delivery", DELIVERY_STARTED))
        front.take(log.event("delivery", ASSIGNED))
        shown = (await front.http.get("/api/board/map")).json()
    assert [each["driver_id"] for each in shown["drivers"]] == ["driver-1"]
    (delivery,) = shown["deliveries"]
    assert (delivery["delivery_id"], delivery["driver_id"]) == (DELIVERY_ID, "driver-1")


async def test_the_story_tells_before_and_after() -> None:
    """And hides what opens the door."""
    log = Log()
    async with web() as front:
        for event in LIFE:
            front.take(log.event("order", event))
        story = (await front.http.get(f"/api/board/orders/{ORDER_ID}/story")).json()
        missing = await front.http.get("/api/board/orders/nobody/story")
    first, second = story["records"][:2]
    assert first["content"]["code"] == MASK
    assert (second["before"], second["after"]) == ({"is_admitted": False}, {"is_admitted": True})
    assert [each["service"] for each in story["records"]] == ["order"] * len(LIFE)
    assert missing.status_code == 404


async def test_the_story_tells_calls_where_they_were_made() -> None:
    """After what they are made for and before the command that they have led to."""
    log = Log()
    async with web() as front:
        created = log.event("order", LIFE[0])
        front.take(created)
        call = {
            "id": "call-1",
            "type": "CallMade",
            "occurred_at": created.at.isoformat(),
            "causation_id": created.id,
            "correlation_id": ORDER_ID,
            "key": ORDER_ID,
            "call": "ChargePayment",
            "exchanges": [{"method": "POST", "status": 201, "request": "{}", "response": "{}"}],
        }
        front.take(log.command("order", ConfirmPayment(ORDER_ID, "ch_1"), "c-1"))
        front.take(log.plain("order.calls", call))
        story = (await front.http.get(f"/api/board/orders/{ORDER_ID}/story")).json()
    assert [each["kind"] for each in story["records"]] == ["event", "call", "command"]
    told = story["records"][1]
    assert told["content"]["exchanges"] == call["exchanges"]
    assert "before" not in told


async def test_an_order_that_is_too_old_to_be_kept_is_found_by_its_id() -> None:
    """Its front still knows it."""
    order = {
        "order_id": ORDER_ID,
        "partner": "acme",
        "reference": "1",
        "status": "DELIVERED",
        "created_at": "2030-01-01T00:00:00Z",
        "restaurant": {"restaurant_id": "r"},
    }
    async with web() as front:
        front.calls.answers[f"GET order/orders/{ORDER_ID}"] = (200, order)
        found = (await front.http.get(f"/api/board/search?q={ORDER_ID}")).json()
        nothing = (await front.http.get("/api/board/search?q=zzz")).json()
    assert found[0]["restaurant_id"] == "r"
    assert nothing == []


async def test_all_orders_of_a_customer_are_found() -> None:
    """Those that are kept, and those that only their front still knows; each once."""
    old = {
        "partner": "acme",
        "reference": "0",
        "customer": "cust-42",
        "status": "DELIVERED",
        "created_at": "2029-01-01T00:00:00Z",
        "restaurant": {"restaurant_id": "r"},
    }
    rows = [{**old, "order_id": ORDER_ID, "status": "NEW"}, {**old, "order_id": "old"}]
    log = Log()
    async with web() as front:
        front.take(log.event("order", CREATED))
        front.calls.answers["GET order/orders"] = (200, {"items": rows, "cursor": None})
        found = (await front.http.get("/api/board/search?q=cust-42")).json()
        asked = front.calls.asked[-1].url.params
        front.calls.asked.clear()
        by_reference = (await front.http.get(f"/api/board/search?q={CREATED.reference}")).json()
    assert [(each["order_id"], each["status"]) for each in found] == [
        (ORDER_ID, "CREATED"),
        ("old", "DELIVERED"),
    ]
    assert {each["customer"] for each in found} == {"cust-42"}
    assert asked["customer"] == "cust-42"
    assert [each["order_id"] for each in by_reference] == [ORDER_ID]
    assert front.calls.asked == []


async def test_dead_letters_are_open_until_somebody_has_seen_to_them() -> None:
    """And are replayed or discarded by who can; that wants a word about why."""
    log = Log()

    async def replay(service: str, letter_id: str) -> list[str]:
        return [f"{service}/{letter_id}"]

    async def discard(service: str, letter_id: str, note: str) -> None:
        discarded.append(f"{service}/{letter_id}: {note}")

    discarded: list[str] = []
    async with web(tools=LetterTools(replay, discard)) as front:
        letter = {"id": "l1", "type": "DeadLetter", "reason": "bad", "value": "{"}
        front.take(log.plain("order.dead-letters", letter))
        (before,) = (await front.http.get("/api/board/dead-letters")).json()
        resolved = {
            "id": "r",
            "type": "DeadLetterResolved",
            "letter_id": "l1",
            "action": "replayed",
        }
        front.take(log.plain("order.dead-letters", resolved))
        (after,) = (await front.http.get("/api/board/dead-letters")).json()
        done = await front.http.post("/api/board/dead-letters/order/l1/replay")
        path = "/api/board/dead-letters/order/l1/discard"
        unsaid = await front.http.post(path, json={"note": ""})
        said = await front.http.post(path, json={"note": "a test"})
    assert (unsaid.status_code, said.status_code) == (422, 200)
    assert discarded == ["order/l1: a test"]
    assert (before["is_open"], after["is_open"]) == (True, False)
    assert before["reason"] == "bad"
    assert done.json() == {"appended": ["order/l1"]}
    async with web() as front:
        undone = await front.http.post("/api/board/dead-letters/order/l1/replay")
        kept = await front.http.post(path, json={"note": "a test"})
    assert (undone.status_code, kept.status_code) == (501, 501)


async def test_rejections_and_what_is_stuck_are_listed() -> None:
    """The newest refusal first; flags from the fronts."""
    log = Log()
    async with web() as front:
        for number in range(2):
            rejection = {"id": str(number), "type": "CommandRejected", "key": ORDER_ID}
            front.take(log.plain("order.rejections", rejection))
        front.calls.answers["GET order/orders"] = (200, {"items": [{"code": "1234"}]})
        rejections = (await front.http.get("/api/board/rejections")).json()
        stuck = (await front.http.get("/api/board/stuck")).json()
    assert [each["content"]["id"] for each in rejections] == ["1", "0"]
    assert rejections[0]["order_id"] == ORDER_ID
    # The delivery front was not asked in vain: that it can't say is not that there is nothing.
    assert stuck == {"orders": [{"code": MASK}], "deliveries": [], "unknown": ["delivery"]}
