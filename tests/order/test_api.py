"""The order service's front: what may be asked of an order, by whom, and as which command."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi import Response

from services.common import clock
from services.common.api import Peers
from services.common.messages.order import RefuseRefund
from services.order.domain import OrderStatus
from tests.order.fronts import BODY, ORDER_ID, PATH, RESTAURANT, World


async def test_an_order_shows_its_code_and_no_secrets(world: World) -> None:
    """The customer tells the driver the code; nobody can charge with what is shown."""
    answer = await world.http.post("/orders", json=BODY, headers={"idempotency-key": "key_secret"})
    assert (answer.json()["order_id"], answer.json()["status"]) == (ORDER_ID, "NEW")
    assert answer.headers["location"] == PATH
    assert (await world.view())["status"] == "NEW"
    world.settle()
    view = await world.view()
    assert view["status"] == "CREATED"
    assert len(view["code"]) == 4
    assert (view["refunds"], view["flags"], view["refusal"]) == ([], [], None)
    for path in (PATH, f"{PATH}/events", "/orders"):
        shown = (await world.http.get(path)).text
        assert "soup" in shown
        assert "tok_secret" not in shown
        assert "key_secret" not in shown


async def test_a_zone_that_is_none_is_refused(world: World) -> None:
    """422, where it stands."""
    body = {**BODY, "restaurant": {**RESTAURANT, "zone": "Mars/Olympus"}}
    answer = await world.http.post("/orders", json=body)
    assert answer.status_code == 422
    assert "zone is an IANA time zone" in answer.json()["detail"]


async def test_orders_are_found_by_customer_and_by_restaurant(world: World) -> None:
    """Alone, together and with a status; a bad one is refused where it stands."""
    for number in range(6):
        place = {**RESTAURANT, "restaurant_id": f"r-{number % 2}"}
        customer = {"customer": f"cust-{number % 3}"} if number < 5 else {}
        body = {**BODY, "reference": f"{number}", "restaurant": place, **customer}
        assert (await world.http.post("/orders", json=body)).status_code == 202
    world.settle()

    async def found(query: str) -> list[str]:
        rows = (await world.http.get(f"/orders?{query}")).json()["items"]
        return [row["reference"] for row in rows]

    assert await found("customer=cust-1") == ["4", "1"]
    assert await found("customer=cust-") == []
    assert await found("restaurant=r-1&status=CREATED") == ["5", "3", "1"]
    assert await found("restaurant=r-0&customer=cust-1&partner=eat") == ["4"]
    assert await found("restaurant=r-1&status=DELIVERED") == []
    shown = (await world.http.get("/orders?customer=cust-1&limit=1")).json()
    assert shown["items"][0]["customer"] == "cust-1"
    assert await found(f"customer=cust-1&cursor={shown['cursor']}") == ["1"]
    for bad in ("", "x" * 201, 7):
        answer = await world.http.post("/orders", json={**BODY, "customer": bad})
        assert answer.status_code == 422
        assert "customer" in answer.json()["detail"]


async def test_the_wanted_time_is_shown_by_the_clock_of_the_restaurant(world: World) -> None:
    """From the partner's zone on, until the restaurant says another; none where nobody knows it."""
    ready_at = clock.now().replace(microsecond=0) + timedelta(hours=2)
    for number, zone in enumerate(("Asia/Kathmandu", None)):
        body = {**BODY, "reference": f"{number}", "restaurant": {**RESTAURANT, "zone": zone}}
        answer = await world.http.post("/orders", json={**body, "ready_at": ready_at.isoformat()})
        world.settle()
        view = (await world.http.get(answer.headers["location"])).json()
        wall = None if zone is None else ready_at.astimezone(ZoneInfo(zone)).isoformat()
        assert view["ready_at_local"] == wall
        assert wall is None or wall.endswith("+05:45")


ASKED: list[tuple[str, str, object]] = [
    ("POST", "/cancel", {"by": "customer", "reason": "hungry no more"}),
    ("POST", "/accept", None),
    ("POST", "/refuse", {"reason": "closed"}),
    ("POST", "/undo-refusal", None),
    ("PUT", "/ready-time", {"ready_at": "2030-01-31T18:00:00Z"}),
    ("POST", "/preparation-finished", None),
    ("POST", "/refunds", {"refund": "soup", "reason": "cold"}),
    ("POST", "/refunds/soup/retry", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
async def test_nothing_can_be_asked_of_an_order_that_nobody_knows(
    world: World, method: str, path: str, body: object
) -> None:
    """404; and 503, to ask again in a moment, where it is acknowledged and not yet decided."""
    answer = await world.http.request(method, PATH + path, json=body)
    assert (answer.status_code, world.sent) == (404, [])
    await world.http.post("/orders", json=BODY)
    answer = await world.http.request(method, PATH + path, json=body)
    assert (answer.status_code, len(world.sent)) == (503, 1)
    assert answer.headers["retry-after"] == "1"
    assert "not decided yet" in answer.json()["detail"]


async def test_what_the_owner_of_an_order_answers_is_the_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it does not know yet what this worker has acknowledged."""

    async def answers(peers: Peers, request: object, key: str) -> Response:
        return Response(b'{"status":404}', 404)

    monkeypatch.setattr(Peers, "owner_answers", answers)
    assert (await world.http.post(f"{PATH}/accept")).status_code == 404
    world.front.remember(ORDER_ID)
    assert (await world.http.post(f"{PATH}/accept")).status_code == 503


@pytest.mark.parametrize("by", ["customer", "partner", "restaurant", "operator"])
async def test_an_order_is_cancelled_by_whom_it_concerns(world: World, by: str) -> None:
    """The same asked again is the same command, and no error."""
    await world.begin(OrderStatus.SCHEDULED)
    for _ in range(2):
        await world.post("/cancel", {"by": by, "reason": "no more"})
    view = await world.view()
    assert (view["status"], view["cancelled_by"], view["reason"]) == ("CANCELLED", by, "no more")
    assert [each["name"] for each in view["refunds"]] == ["cancellation"]
    assert len({envelope.id for envelope, _ in world.sent[1:]}) == 1


async def test_an_order_on_the_road_is_cancelled_by_operators_only(world: World) -> None:
    """409 for the others, and nothing enters the log."""
    await world.begin(OrderStatus.IN_DELIVERY)
    before = len(world.sent)
    problem = await world.post("/cancel", {"by": "customer", "reason": "no more"}, 409)
    assert "picked_up" in problem["detail"]
    assert len(world.sent) == before
    await world.post("/cancel", {"by": "operator", "reason": "the street is closed"})
    assert (await world.view())["status"] == "CANCELLED"


async def test_nobody_cancels_in_the_name_of_tiffin(world: World) -> None:
    """409."""
    await world.begin()
    problem = await world.post("/cancel", {"by": "tiffin", "reason": "no more"}, 409)
    assert "not_yours" in problem["detail"]


async def test_money_is_given_back_for_items_or_for_all_that_is_left(world: World) -> None:
    """A name is one refund: the same again is the same command, another content is refused."""
    await world.begin(OrderStatus.IN_PREPARATION)
    soup = {"refund": "soup", "reason": "cold", "items": [{"line": 0, "quantity": 1}]}
    for _ in range(2):
        await world.post("/refunds", soup)
    assert len({envelope.id for envelope, _ in world.sent[1:]}) == 1
    other = {**soup, "items": [{"line": 0, "quantity": 2}]}
    assert "refund_taken" in (await world.post("/refunds", other, 409))["detail"]
    unknown = {"refund": "x", "reason": "cold", "items": [{"line": 7, "quantity": 1}]}
    assert "unknown_item" in (await world.post("/refunds", unknown, 409))["detail"]
    await world.post("/refunds", {"refund": "rest", "reason": "never came"})
    view = await world.view()
    assert [(each["name"], each["amount_cents"]) for each in view["refunds"]] == [
        ("soup", 500),
        ("rest", 800),
    ]
    assert view["payment"] == "REFUNDING"
    more = {"refund": "more", "reason": "never came"}
    assert "nothing_left" in (await world.post("/refunds", more, 409))["detail"]


async def test_a_refund_that_was_refused_is_listed_and_tried_again(world: World) -> None:
    """Every try is a command of its own."""
    await world.begin(OrderStatus.IN_PREPARATION)
    await world.post("/refunds", {"refund": "soup", "reason": "cold"})
    assert "unknown_refund" in (await world.post("/refunds/x/retry", None, 409))["detail"]
    for attempt in (2, 3):
        world.tell(RefuseRefund(ORDER_ID, "soup", "card_closed"))
        page = (await world.http.get("/orders?flagged=true")).json()
        assert [each["flags"] for each in page["items"]] == [["refund_refused"]]
        for _ in range(2):
            await world.post("/refunds/soup/retry")
        (refund,) = (await world.view())["refunds"]
        assert (refund["status"], refund["attempt"]) == ("OPEN", attempt)
    assert (await world.http.get("/orders?flagged=true")).json()["items"] == []
    assert (await world.http.get("/orders?flagged=false")).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("POST", "/cancel", {"by": "nobody", "reason": "x"}, "body/by"),
        ("POST", "/cancel", {"by": "customer"}, "body/reason"),
        ("POST", "/cancel", {"by": "customer", "reason": " "}, "reason is empty"),
        ("POST", "/cancel", {"by": "customer", "reason": "x" * 501}, "at most 500"),
        ("POST", "/accept", {"preparation_seconds": -1}, "preparation_seconds is from 0"),
        ("POST", "/accept", {"preparation_seconds": 2**70}, "preparation_seconds is from 0"),
        ("POST", "/refuse", {"reason": "no gas"}, "body/reason"),
        ("POST", "/refuse", {"reason": "other", "detail": "x" * 501}, "at most 500"),
        ("PUT", "/ready-time", {"ready_at": "2030-01-31T18:00:00"}, "offset from UTC"),
        ("PUT", "/ready-time", {"ready_at": "1970-01-01T00:00:00Z"}, "from 2000 to 2200"),
        ("PUT", "/ready-time", {"ready_at": "0001-01-01T00:00:00+14:00"}, "from 2000 to 2200"),
        ("POST", "/refunds", {"refund": "a b", "reason": "x"}, "refund is 1 to 64"),
        ("POST", "/refunds", {"refund": "a", "reason": ""}, "reason is empty"),
        (
            "POST",
            "/refunds",
            {"refund": "a", "reason": "x", "items": [{"line": -1, "quantity": 1}]},
            "line is from 0",
        ),
        (
            "POST",
            "/refunds",
            {"refund": "a", "reason": "x", "items": [{"line": 0, "quantity": 1}] * 101},
            "at most 100",
        ),
        ("POST", "/refunds/a%20b/retry", None, "refund is 1 to 64"),
    ],
)
async def test_what_can_not_be_is_refused_before_the_log(
    world: World, method: str, path: str, body: object, detail: str
) -> None:
    """422, with what is wrong."""
    await world.begin(OrderStatus.IN_PREPARATION)
    answer = await world.http.request(method, PATH + path, json=body)
    assert (answer.status_code, len(world.sent)) == (422, 1)
    assert detail in answer.json()["detail"]


async def test_a_clients_own_key_names_its_command(world: World) -> None:
    """The same with the same key is the same; another wish is another, whatever its key."""
    await world.begin(OrderStatus.IN_PREPARATION)
    early, late = (clock.now() + timedelta(minutes=minutes) for minutes in (20, 40))
    for ready_at, key in ((early, "a"), (late, "a"), (early, "a"), (early, "b")):
        headers = {"idempotency-key": key}
        time = {"ready_at": ready_at.isoformat()}
        await world.http.put(f"{PATH}/ready-time", json=time, headers=headers)
        world.settle()
    first, second, again, other = [envelope.id for envelope, _ in world.sent[1:]]
    assert first == again
    assert len({first, second, other}) == 3
    assert datetime.fromisoformat((await world.view())["expected_ready_at"]) == early
    for quantity in (1, 2):
        items = [{"line": 0, "quantity": quantity}]
        body = {"refund": f"soup-{quantity}", "reason": "cold", "items": items}
        answer = await world.http.post(f"{PATH}/refunds", json=body, headers=headers)
        assert answer.status_code == 202
    assert len({envelope.id for envelope, _ in world.sent}) == len(world.sent) - 1
    await world.post("/accept", None, 422, key=" ")
    await world.post("/accept", None, 422, key="x" * 201)


async def test_each_sender_has_a_share_of_its_own(world: World) -> None:
    """The partner's, the restaurant's and the operators' requests are counted apart."""
    await world.begin(OrderStatus.IN_PREPARATION)
    taken = {"restaurant r-1": 20, "partner eat": 19, "operator": 20}
    for _ in range(taken["restaurant r-1"]):
        await world.post("/preparation-finished")
    await world.post("/preparation-finished", None, 429)
    await world.post("/cancel", {"by": "restaurant", "reason": "x"}, 429)
    body = {"refund": "soup", "reason": "cold"}
    for _ in range(taken["partner eat"]):
        await world.post("/refunds", body)
    await world.post("/refunds", body, 429)
    await world.post("/cancel", {"by": "customer", "reason": "x"}, 429)
    await world.post("/cancel", {"by": "partner", "reason": "x"}, 429)
    for _ in range(taken["operator"]):
        await world.post("/refunds/soup/retry")
    await world.post("/cancel", {"by": "operator", "reason": "x"}, 429)
