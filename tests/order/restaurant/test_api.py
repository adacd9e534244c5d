"""Restaurants over HTTP: what is taken is in the log, what is wrong is told with its place."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from services.common import clock
from services.common.kafka import partition_of
from services.common.messages.restaurant import RestaurantConfigured
from tests.order.restaurant.fronts import PARTITIONS, Worker, client, workers

R1 = "/restaurants/r1"

One = tuple[Worker, httpx.AsyncClient]


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[One]:
    """A worker that owns all partitions, and its client."""
    async with workers(tmp_path, set(range(PARTITIONS))) as (worker,), client(worker) as http:
        yield worker, http


def problem(answer: httpx.Response, status: int, detail: str) -> None:
    """The answer is a problem that says what is wrong and where (RFC 9457)."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == answer.json()["status"] == status, answer.text
    assert detail in answer.json()["detail"]


async def said(one: One, method: str, path: str, body: Any = None, **headers: str) -> list[Any]:
    """What a request that is taken leads to in the log."""
    worker, http = one
    answer = await http.request(
        method, path, json=body, headers={name.replace("_", "-"): headers[name] for name in headers}
    )
    assert answer.status_code == 202, answer.text
    links = answer.json()["links"]
    assert answer.headers["location"] == links["self"] == R1
    return worker.run()


async def test_a_restaurant_says_its_zone_hours_and_limits(one: One) -> None:
    hours = [{"weekday": 1, "opens_minute": 1080, "closes_minute": 60}]
    body = {"zone": "Asia/Tokyo", "hours": hours, "preparation_seconds": 600}
    (event,) = await said(one, "PUT", R1, body)
    assert isinstance(event, RestaurantConfigured)
    shown = (await one[1].get(R1)).json()
    assert (shown["zone"], shown["hours"], shown["preparation_seconds"]) == (
        "Asia/Tokyo",
        hours,
        600,
    )
    assert shown["status"] == "OPEN"
    assert shown["accept_seconds_max"] is None
    assert shown["links"] == {"self": R1}
    assert "snapshot_at" not in shown


async def test_instants_are_utc_and_the_wall_clock_is_the_restaurants(
    one: One, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown at the hour on the wall, with its offset from UTC."""
    noon = datetime(2030, 1, 31, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: noon)
    hours = [{"weekday": 4, "opens_minute": 1200, "closes_minute": 1300}]
    await said(one, "PUT", R1, {"zone": "Asia/Tokyo", "hours": hours})
    pause = {"status": "PAUSED", "until": "2030-01-31T22:00:00+09:00"}
    await said(one, "PUT", f"{R1}/status", pause)
    shown = (await one[1].get(R1)).json()
    assert shown["until"] == "2030-01-31T13:00:00Z"
    assert shown["wall_clock"] == "2030-01-31T21:00:00+09:00"
    assert shown["is_in_hours"] is True


async def test_restaurants_are_listed_by_status(one: One) -> None:
    await said(one, "PUT", f"{R1}/status", {"status": "BUSY", "busy_seconds": 300})
    rows = (await one[1].get("/restaurants?status=BUSY")).json()["items"]
    assert [(row["restaurant_id"], row["busy_seconds"]) for row in rows] == [("r1", 300)]
    assert (await one[1].get("/restaurants?status=OPEN")).json()["items"] == []
    assert len((await one[1].get("/restaurants")).json()["items"]) == 1


@pytest.mark.parametrize("item", ["Pizza", "Soup / bread", "Crème 50%?#", "a/snooze"])
async def test_an_item_is_snoozed_and_restored_by_its_name(one: One, item: str) -> None:
    path = f"{R1}/items/{quote(item, safe='')}/snooze"
    assert len(await said(one, "PUT", path)) == 1
    shown = (await one[1].get(R1)).json()
    assert shown["snoozed"] == [{"item": item, "until": None}]
    assert len(await said(one, "DELETE", path)) == 1
    assert (await one[1].get(R1)).json()["snoozed"] == []


async def test_an_item_whose_snooze_has_ended_is_not_shown(
    one: One, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = clock.now() + timedelta(hours=1)
    await said(one, "PUT", f"{R1}/items/Pizza/snooze", {"until": until.isoformat()})
    assert len((await one[1].get(R1)).json()["snoozed"]) == 1
    monkeypatch.setattr(clock, "now", lambda: until)
    assert (await one[1].get(R1)).json()["snoozed"] == []


async def test_what_is_said_with_one_idempotency_key_counts_once(one: One) -> None:
    """Paused, opened, and paused late by a repeated request: the restaurant stays open."""
    pause, open_again = {"status": "PAUSED"}, {"status": "OPEN"}
    path = f"{R1}/status"
    assert len(await said(one, "PUT", path, pause, idempotency_key="a")) == 1
    assert len(await said(one, "PUT", path, open_again, idempotency_key="a")) == 1
    assert await said(one, "PUT", path, pause, idempotency_key="a") == []
    assert (await one[1].get(R1)).json()["status"] == "OPEN"
    assert len(await said(one, "PUT", path, pause)) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("PUT", R1, {}, "body/zone"),
        ("PUT", R1, {"zone": "Mars/Olympus"}, "body: zone"),
        ("PUT", R1, {"zone": "UTC", "preparation_seconds": -1}, "body: preparation_seconds"),
        ("PUT", R1, {"zone": "UTC", "accept_seconds_max": 0}, "body: accept_seconds_max"),
        (
            "PUT",
            R1,
            {"zone": "UTC", "hours": [{"weekday": 8, "opens_minute": 0, "closes_minute": 0}]},
            "body/hours/0",
        ),
        (
            "PUT",
            R1,
            {"zone": "UTC", "hours": [{"weekday": 1, "opens_minute": 0, "closes_minute": 0}] * 29},
            "body: hours",
        ),
        ("PUT", "/restaurants/-r", {"zone": "UTC"}, "path/restaurant_id"),
        ("PUT", f"{R1}/status", {"status": "CLOSED"}, "body/status"),
        ("PUT", f"{R1}/status", {"status": "BUSY", "busy_seconds": 10**20}, "body: busy_seconds"),
        ("PUT", f"{R1}/status", {"status": "PAUSED", "until": "soon"}, "body/until"),
        ("PUT", f"{R1}/status", {"status": "PAUSED", "until": "2030-01-01T00:00"}, "body: until"),
        ("PUT", f"{R1}/status", {"status": "PAUSED", "until": "2300-01-01T00:00Z"}, "body: until"),
        ("PUT", f"{R1}/items/Pizza/snooze", {"until": "1999-01-01T00:00Z"}, "body: until"),
        ("PUT", f"{R1}/items/%20/snooze", None, "path/item"),
        ("DELETE", f"{R1}/items/{'x' * 201}/snooze", None, "path/item"),
        ("GET", "/restaurants?status=CLOSED", None, "query/status"),
        ("GET", "/restaurants?limit=0", None, "limit"),
    ],
)
async def test_bad_input_is_told_with_its_place_and_reaches_no_log(
    one: One, method: str, path: str, body: Any, detail: str
) -> None:
    """422."""
    worker, http = one
    problem(await http.request(method, path, json=body), 422, detail)
    assert list(worker.log.records) == []


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("status", {"status": "OPEN", "until": "2190-01-01T00:00Z"}, "open_has_no_end"),
        ("status", {"status": "PAUSED", "busy_seconds": 60}, "not_busy"),
        ("status", {"status": "PAUSED", "until": "2020-01-01T00:00Z"}, "until_past"),
        ("items/Pizza/snooze", {"until": "2020-01-01T00:00Z"}, "until_past"),
    ],
)
async def test_what_would_be_refused_is_refused_at_once(
    one: One, path: str, body: Any, reason: str
) -> None:
    """409 with the reason, and nothing in the log."""
    worker, http = one
    problem(await http.put(f"{R1}/{path}", json=body), 409, reason)
    assert list(worker.log.records) == []


async def test_a_restaurant_that_nobody_has_named_is_not_found(one: One) -> None:
    problem(await one[1].get(R1), 404, "r1")


async def test_any_worker_answers_for_all_restaurants(tmp_path: Path) -> None:
    """A request goes to the owner with its Idempotency-Key; lists come from all."""
    mine = partition_of("r1", PARTITIONS)
    async with (
        workers(tmp_path, {mine}, set(range(PARTITIONS)) - {mine}) as (owner, other),
        client(other) as http,
    ):
        for _ in range(2):
            answer = await http.put(
                f"{R1}/status", json={"status": "PAUSED"}, headers={"idempotency-key": "a"}
            )
            assert answer.status_code == 202
        commands = [
            msgspec.json.decode(record.value or b"")
            for record in owner.log.read("restaurant.commands", mine)
        ]
        assert len({command["id"] for command in commands}) == 1
        assert len(owner.run()) == 1
        assert (await http.get(R1)).json()["status"] == "PAUSED"
        rows = (await http.get("/restaurants")).json()["items"]
        assert [row["restaurant_id"] for row in rows] == ["r1"]
