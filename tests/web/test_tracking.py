"""The link of a customer, and what it shows."""

import json

import pytest

from services.common.problem import ProblemError
from services.web.tracking import follow_order, order_of, token_of
from tests.web.outside import SETTINGS, Web, web
from tests.web.written import (
    ASSIGNED,
    AVAILABLE,
    DELIVERED,
    DELIVERY_STARTED,
    DOOR,
    LIFE,
    ORDER_ID,
    Log,
)

TOKEN = token_of(ORDER_ID, SETTINGS.track_secret)


def test_a_token_is_known_again_and_can_not_be_guessed() -> None:
    """Neither another order nor another secret opens one."""
    assert order_of(TOKEN, SETTINGS.track_secret) == ORDER_ID
    for wrong in ("", ORDER_ID, TOKEN[:-1], f"x{TOKEN}", token_of(ORDER_ID, "other"), "é.é"):
        with pytest.raises(ProblemError):
            order_of(wrong, SETTINGS.track_secret)


def tell(front: Web, count: int, log: Log) -> None:
    """The first events of an order's life."""
    for event in LIFE[:count]:
        front.take(log.event("order", event))


async def test_the_page_shows_the_order_with_its_code_and_history() -> None:
    """And nothing that could charge the customer."""
    async with web() as front:
        tell(front, 6, Log())
        answer = await front.http.get(f"/api/track/{TOKEN}")
    shown = answer.json()
    assert shown["order"]["status"] == "WAITING_FOR_DRIVER"
    assert shown["order"]["code"] == "1234"
    assert "customer" not in shown["order"]
    assert "payment_token" not in answer.text
    assert [each["type"] for each in shown["timeline"]] == [
        "OrderCreated",
        "OrderScheduled",
        "PreparationStarted",
        "PreparationFinished",
        "DriverFound",
    ]
    assert shown["restaurant"]["name"] == "Taqueria La Esquina"
    assert shown["can_cancel"]


async def test_the_driver_is_shown_while_it_has_to_do_with_the_order() -> None:
    """Not after the door."""
    log = Log()
    async with web() as front:
        tell(front, 7, log)
        front.take(log.event("driver", AVAILABLE))
        front.take(log.event("delivery", DELIVERY_STARTED))
        front.take(log.event("delivery", ASSIGNED))
        front.take(log.location(DOOR))
        on_the_road = (await front.http.get(f"/api/track/{TOKEN}")).json()
        front.take(log.event("order", DELIVERED))
        at_the_door = (await front.http.get(f"/api/track/{TOKEN}")).json()
    assert on_the_road["driver"]["location"] == {
        "latitude": DOOR.latitude,
        "longitude": DOOR.longitude,
    }
    assert not on_the_road["can_cancel"]
    assert at_the_door["driver"] is None


async def test_an_order_that_was_not_read_yet_is_asked_of_its_front() -> None:
    """It was acknowledged a moment ago."""
    async with web() as front:
        front.calls.answers[f"GET order/orders/{ORDER_ID}"] = (
            200,
            {"order_id": ORDER_ID, "status": "NEW"},
        )
        known = await front.http.get(f"/api/track/{TOKEN}")
        other = await front.http.get(f"/api/track/{token_of('x', SETTINGS.track_secret)}")
        wrong = await front.http.get(f"/api/track/{ORDER_ID}.abc")
    assert known.json()["order"]["status"] == "NEW"
    assert known.json()["can_cancel"]
    assert (other.status_code, wrong.status_code) == (404, 404)


async def test_the_customer_cancels_in_its_own_name() -> None:
    """Whatever the page says; a refusal is passed on."""
    async with web() as front:
        path = f"POST order/orders/{ORDER_ID}/cancel"
        front.calls.answers[path] = (202, {"order_id": ORDER_ID})
        body = {"reason": "late", "by": "operator"}
        taken = await front.http.post(f"/api/track/{TOKEN}/cancel", json=body)
        assert front.calls.body() == {"by": "customer", "reason": "late"}
        front.calls.answers[path] = (409, {"detail": "too late"})
        refused = await front.http.post(f"/api/track/{TOKEN}/cancel", json=body)
    assert (taken.status_code, refused.status_code) == (202, 409)


async def test_the_stream_tells_the_order_at_once_and_when_it_changes() -> None:
    """Also when its driver moves, and not when another's does."""
    log = Log()
    async with web() as front:
        tell(front, 1, log)
        stream = follow_order(front.tracking, front.hub, ORDER_ID, 0.05)
        assert (await anext(stream)).startswith(b"retry")
        assert told(await anext(stream)) == "CREATED"
        front.take(log.event("order", LIFE[2]))
        front.take(log.event("order", LIFE[3]))
        assert told(await anext(stream)) == "IN_PREPARATION"
        front.take(log.event("driver", AVAILABLE))
        front.take(log.location(DOOR))
        assert (await anext(stream)).startswith(b": alive")
        front.take(log.event("delivery", DELIVERY_STARTED))
        front.take(log.event("delivery", ASSIGNED))
        assert told(await anext(stream)) == "IN_PREPARATION"
        front.take(log.location(DOOR))
        assert told(await anext(stream)) == "IN_PREPARATION"
        await stream.aclose()
        assert front.hub.viewers == 0


async def test_what_was_read_only_later_reaches_who_looks_already() -> None:
    """A front that has begun to read the log tells its viewers once it has read all of it."""
    log = Log()
    async with web() as front:
        tell(front, 1, log)
        stream = follow_order(front.tracking, front.hub, ORDER_ID, 5)
        await anext(stream)
        assert told(await anext(stream)) == "CREATED"
        front.hub.renew()
        assert told(await anext(stream)) == "CREATED"
        await stream.aclose()


def told(part: bytes) -> str:
    """The status that a change tells."""
    assert part.startswith(b"event: change"), part
    status: str = json.loads(part.split(b"data: ")[1])["order"]["status"]
    return status
