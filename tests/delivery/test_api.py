"""What operators see of deliveries over HTTP, and what they can do about them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common.admission import SenderLimits
from services.common.api import Peers
from services.common.codec import DELIVERY, encode_event
from services.common.event_table import Appended, EventTable
from services.common.front import Front, FrontLimits
from services.common.log import Appender
from services.common.messages.delivery import ReassignDelivery, WaiveCode, WriteOffDelivery
from services.common.open_requests import RequestLimits
from services.delivery.api import create_api
from services.delivery.domain import Delivery
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.delivery.past import CODE, DECIDER, SITUATIONS
from tests.given import NOON, command_envelope, event_envelope

COMMANDS_BURST_MAX = 20
URL = "http://worker"
GROUNDS = {"reason": "the driver called"}


class Nobody:
    """Knows of no other worker."""

    async def owners(self, fresh: bool = False) -> dict[int, str]:
        """The one worker owns all."""
        return {0: URL}


@dataclass
class Worker:
    """The ports of a front that owns the one partition."""

    directory: Path
    log: MemoryLog = field(default_factory=MemoryLog)
    open_partitions: frozenset[int] = frozenset({0})
    is_ready: bool = True
    request_limits: RequestLimits = field(default_factory=RequestLimits)

    def __post_init__(self) -> None:
        self.table = EventTable[Delivery](self.directory, DECIDER)
        limits = FrontLimits(1.0, 10, SenderLimits(0.001, COMMANDS_BURST_MAX))
        appender = Appender("delivery", MemoryProducer(self.log))
        self.front = Front(URL, DELIVERY, self.table, appender, Nobody(), self, 1, limits)  # type: ignore[arg-type]
        self.peers = Peers(lambda: self.front, 1.0)

    def live(self) -> Mapping[str, Any]:
        """Always live."""
        return {"live": True}

    def ready(self) -> Mapping[str, Any]:
        """Always ready."""
        return {"ready": True}

    def metrics(self) -> bytes:
        """Nothing is counted."""
        return b""

    def sent(self) -> list[Any]:
        """The commands that came into the log."""
        values = self.log.values("delivery.commands")
        return [DELIVERY.decode_command(value, "place", NOON)[1] for value in values]

    def ids(self) -> set[str]:
        """The ids of the commands that came into the log."""
        values = self.log.values("delivery.commands")
        return {DELIVERY.decode_command(value, "place", NOON)[0].id for value in values}


@dataclass(frozen=True, slots=True)
class One:
    """A worker whose table has one delivery, named d, in some situation; and its client."""

    worker: Worker
    http: httpx.AsyncClient

    def put(self, situation: str) -> None:
        """Brings the delivery into a situation."""
        for offset, event in enumerate(SITUATIONS[situation]):
            command = command_envelope(event, NOON, f"past-{offset}")
            envelope = event_envelope(event, command, offset + 1)
            record = Appended(offset, envelope, event, encode_event(envelope, event))
            self.worker.table[0].apply([record])


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[One]:
    """The worker, before anything has happened."""
    worker = Worker(tmp_path)
    worker.table.open(0)
    async with AsyncExitStack() as stack:
        stack.callback(worker.table.close, 0)
        stack.push_async_callback(worker.peers.close)
        transport = httpx.ASGITransport(create_api(worker), raise_app_exceptions=False)
        http = httpx.AsyncClient(transport=transport, base_url=URL)
        yield One(worker, await stack.enter_async_context(http))


ACTIONS: dict[str, tuple[str, str, dict[str, str], Any]] = {
    "reassign": (
        "assigned",
        "waiting",
        {"driver_id": "driver-1", **GROUNDS},
        ReassignDelivery("d", "driver-1", "the driver called"),
    ),
    "write-off": ("failed", "driven", GROUNDS, WriteOffDelivery("d", "the driver called")),
    "waive-code": ("driven", "waiting", GROUNDS, WaiveCode("d", "the driver called")),
}
REASONS = {"reassign": "impossible_now", "write-off": "impossible_now", "waive-code": "no_driver"}


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_operator_is_answered_once_the_command_is_in_the_log(
    one: One, action: str
) -> None:
    """202, with where the delivery can be followed."""
    situation, _, body, command = ACTIONS[action]
    one.put(situation)
    answer = await one.http.post(f"/deliveries/d/{action}", json=body)
    assert answer.status_code == 202
    assert answer.json() == {"delivery_id": "d", "links": {"self": "/deliveries/d"}}
    assert one.worker.sent() == [command]


@pytest.mark.parametrize("action", ACTIONS)
async def test_what_the_delivery_would_refuse_is_refused_at_once(one: One, action: str) -> None:
    """409 with the reason, and nothing comes into the log."""
    _, situation, body, _ = ACTIONS[action]
    one.put(situation)
    answer = await one.http.post(f"/deliveries/d/{action}", json=body)
    assert answer.status_code == 409
    assert REASONS[action] in answer.text
    assert one.worker.sent() == []


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_delivery_that_nobody_knows_is_not_found(one: One, action: str) -> None:
    answer = await one.http.post(f"/deliveries/d/{action}", json=ACTIONS[action][2])
    assert answer.status_code == 404
    assert (await one.http.get("/deliveries/d")).status_code == 404


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("reason", ["", " ", "x" * 501])
async def test_an_operator_has_to_give_a_reason(one: One, action: str, reason: str) -> None:
    situation, _, body, _ = ACTIONS[action]
    one.put(situation)
    answer = await one.http.post(f"/deliveries/d/{action}", json={**body, "reason": reason})
    assert answer.status_code == 422
    assert "reason" in answer.json()["detail"]
    missing = {name: value for name, value in body.items() if name != "reason"}
    assert (await one.http.post(f"/deliveries/d/{action}", json=missing)).status_code == 422
    assert one.worker.sent() == []


async def test_the_wrong_driver_is_not_taken_off(one: One) -> None:
    one.put("assigned")
    answer = await one.http.post(
        "/deliveries/d/reassign", json={"driver_id": "driver-2", **GROUNDS}
    )
    assert answer.status_code == 409
    assert "another_driver" in answer.json()["detail"]


async def test_a_request_with_the_same_idempotency_key_is_one_command(one: One) -> None:
    one.put("failed")
    for key, count in (("one", 1), ("one", 1), ("two", 2)):
        await one.http.post(
            "/deliveries/d/write-off", json=GROUNDS, headers={"Idempotency-Key": key}
        )
        assert len(one.worker.ids()) == count


async def test_operators_share_the_front(one: One) -> None:
    """An operator who floods it is told to wait."""
    one.put("failed")
    for _ in range(COMMANDS_BURST_MAX):
        answer = await one.http.post("/deliveries/d/write-off", json=GROUNDS)
        assert answer.status_code == 202
    answer = await one.http.post("/deliveries/d/write-off", json=GROUNDS)
    assert answer.status_code == 429
    assert "operator" in answer.json()["detail"]


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_no_answer_tells_the_code(one: One, situation: str) -> None:
    """Only that one has to be named."""
    one.put(situation)
    answer = await one.http.get("/deliveries/d")
    shown = answer.json()
    assert shown["requires_code"] == (situation != "waived")
    assert "code" not in shown
    listed = await one.http.get("/deliveries")
    assert listed.json()["items"] == [shown]
    assert f'"{CODE}"' not in answer.text + listed.text


async def test_lists_tell_what_is_flagged(one: One) -> None:
    one.put("silent")
    flagged = await one.http.get("/deliveries?flagged=true&status=PICKED_UP&region=north")
    assert [each["flags"] for each in flagged.json()["items"]] == [["driver_silent"]]
    assert (await one.http.get("/deliveries?flagged=true&region=south")).json()["items"] == []
    assert (await one.http.get("/deliveries?flagged=maybe")).status_code == 422


async def test_what_is_not_flagged_is_not_listed_as_such(one: One) -> None:
    one.put("driven")
    assert (await one.http.get("/deliveries?flagged=true")).json()["items"] == []
