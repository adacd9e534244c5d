"""The driver service's front: a phone is told at once what can't be, and never a code."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common.admission import SenderLimits
from services.common.api import Peers
from services.common.codec import DRIVER, encode_event
from services.common.decider import Rejected, is_repeat
from services.common.event_table import Appended, EventTable
from services.common.front import Front, FrontLimits
from services.common.log import Appender
from services.common.messages.driver import (
    DeliveryAccepted,
    DeliveryDeclined,
    DeliveryGivenUp,
    DropoffFailed,
    GoodsDroppedOff,
    GoodsReturned,
    OfferDelivery,
    ReleaseDriver,
)
from services.common.open_requests import RequestLimits
from services.driver.api import create_api
from services.driver.domain import Driver
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.driver.situations import CODE, COMMANDS, DECIDER, LIMITS, OFFER, WRONG
from tests.given import command_envelope, event_envelope

PLACE = {"latitude": 37.3, "longitude": -121.9}
HERE = {"available": True, "region": "north", "location": PLACE}
ALL, ONE = "http://worker/drivers", "http://worker/drivers/v"
D1 = {"delivery_id": "d1"}


class Alone:
    """Nobody else owns anything."""

    async def owners(self, fresh: bool = False) -> dict[int, str]:
        """URL by partition."""
        return {0: "http://worker"}


@dataclass(slots=True)
class Worker:
    """A worker in memory that owns its one partition; it decides when the test says so."""

    table: EventTable[Driver]
    log: MemoryLog = field(default_factory=MemoryLog)
    now: datetime = datetime(2030, 1, 31, 12, tzinfo=UTC)
    is_ready: bool = True
    open_partitions: frozenset[int] = frozenset({0})
    request_limits: RequestLimits = field(default_factory=RequestLimits)
    events: list[Any] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)
    _taken: int = 0
    front: Front[Driver] = field(init=False)
    peers: Peers = field(init=False)

    def __post_init__(self) -> None:
        self.front = Front(
            "http://worker",
            DRIVER,
            self.table,
            Appender("driver", MemoryProducer(self.log)),
            Alone(),  # type: ignore[arg-type]
            self,
            1,
            FrontLimits(0.9, 3, SenderLimits(1000.0, 1000, 8)),
        )
        self.peers = Peers(lambda: self.front, 1.0)

    def live(self) -> Mapping[str, Any]:
        """Facts for a person."""
        return {"live": True}

    def ready(self) -> Mapping[str, Any]:
        """Facts for a person."""
        return {"ready": True}

    def metrics(self) -> bytes:
        """None."""
        return b""

    @property
    def sent(self) -> list[Any]:
        """The commands in the log."""
        return [
            DRIVER.decode_command(record.value, "", self.now)[1]
            for record in self.log.read("driver.commands")
        ]

    def settle(self) -> None:
        """Decides what is in the log, as the command loop does."""
        for record in self.log.read("driver.commands", start=self._taken):
            self._taken += 1
            self._decide(*DRIVER.decode_command(record.value, "", self.now))

    def tell(self, command: Any) -> None:
        """The matcher or a delivery says something."""
        self.settle()
        name = f"told-{len(self.events)}-{len(self.rejections)}"
        self._decide(command_envelope(command, self.now, name), command)

    def _decide(self, envelope: Any, command: Any) -> None:
        row = self.table[0].row(command.driver_id)
        if is_repeat(row, envelope):
            return
        event = DECIDER.decide(command, None if row is None else row.state, self.now)
        if isinstance(event, Rejected):
            self.rejections.append(event.reason)
        elif event is not None:
            version = 1 if row is None else row.version + 1
            made = event_envelope(event, envelope, version)
            value = encode_event(made, event)
            self.table[0].apply([Appended(len(self.events), made, event, value)])
            self.events.append(event)


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker whose clock the test sets."""
    table = EventTable[Driver](tmp_path, DECIDER)
    table.open(0)
    made = Worker(table)
    monkeypatch.setattr("services.common.clock.now", lambda: made.now)
    yield made
    table.close(0)


@pytest.fixture
async def phone(worker: Worker) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the front."""
    api = create_api(worker, LIMITS.wrong_codes_max)
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ONE) as made:
        yield made
    await worker.peers.close()


async def accepted(worker: Worker, phone: httpx.AsyncClient, path: str, body: Any = D1) -> Any:
    """A report that is taken and decided; its event, or None where it leads to none."""
    count = len(worker.events)
    answer = await phone.post(path, json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"driver_id": "v", "links": {"self": "/drivers/v"}}
    worker.settle()
    assert worker.rejections == []
    return worker.events[-1] if len(worker.events) > count else None


async def refused(phone: httpx.AsyncClient, path: str, body: Any, detail: str) -> None:
    """A report that is answered 409."""
    answer = await phone.post(path, json=body)
    assert answer.status_code == 409, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


async def offered(worker: Worker, phone: httpx.AsyncClient, offer: OfferDelivery = OFFER) -> None:
    """The driver is available and asked to take a delivery."""
    assert (await phone.put("/availability", json=HERE)).status_code == 202
    worker.tell(offer)


async def driving(worker: Worker, phone: httpx.AsyncClient) -> None:
    """The driver has the goods on board."""
    await offered(worker, phone)
    await accepted(worker, phone, "/offer/accept")
    await accepted(worker, phone, "/pickup")


async def test_a_driver_that_nobody_knows_is_not_found(
    worker: Worker, phone: httpx.AsyncClient
) -> None:
    """Its phone has nothing to do, and can report nothing."""
    assert (await phone.get(ONE)).status_code == 404
    assert (await phone.get("/offer")).status_code == 204
    assert (await phone.get("/assigned-delivery")).status_code == 204
    for path in ("/pickup", "/dropoff", "/offer/accept", "/offer/reject", "/returned"):
        assert (await phone.post(path, json=D1)).status_code == 404
    assert worker.sent == []


async def test_a_delivery_is_offered_taken_and_brought(
    worker: Worker, phone: httpx.AsyncClient
) -> None:
    """And the phone is never shown the code."""
    await offered(worker, phone)
    offer = (await phone.get("/offer")).json()
    assert (offer["delivery_id"], offer["requires_code"]) == ("d1", True)
    assert offer["expires_at"] == "2030-01-31T12:00:30Z"
    assert isinstance(await accepted(worker, phone, "/offer/accept"), DeliveryAccepted)
    assert (await phone.get("/offer")).status_code == 204
    await accepted(worker, phone, "/pickup")
    work = (await phone.get("/assigned-delivery")).json()
    shown = {name: work[name] for name in ("picked_up", "returning", "wrong_codes", "code_locked")}
    assert shown == {"picked_up": True, "returning": False, "wrong_codes": 0, "code_locked": False}
    assert work["requires_code"] is True
    dropped_off = await accepted(worker, phone, "/dropoff", {**D1, "code": CODE})
    assert isinstance(dropped_off, GoodsDroppedOff)


async def test_nobody_is_shown_the_code(worker: Worker, phone: httpx.AsyncClient) -> None:
    """Neither of an offer nor of a delivery, of one driver or of all."""
    await offered(worker, phone)
    await check_code_hidden(phone, ONE, "/offer", ALL)
    await accepted(worker, phone, "/offer/accept")
    await check_code_hidden(phone, ONE, "/assigned-delivery", ALL)


async def check_code_hidden(phone: httpx.AsyncClient, *paths: str) -> None:
    """These answers say that a code is needed, and not which."""
    for path in paths:
        answer = await phone.get(path)
        assert answer.status_code == 200
        assert '"requires_code":true' in answer.text
        assert CODE not in answer.text


async def test_what_can_not_be_is_told_at_once_and_not_sent(
    worker: Worker, phone: httpx.AsyncClient
) -> None:
    """Impossible transitions are refused with their reason."""
    await offered(worker, phone)
    sent = len(worker.sent)
    explained = {**D1, "reason": "flat tyre"}
    await refused(phone, "/offer/accept", {"delivery_id": "d2"}, "no_such_offer")
    await refused(phone, "/pickup", D1, "not_assigned")
    await refused(phone, "/give-up", explained, "not_assigned")
    south = await phone.put("/availability", json={**HERE, "region": "south"})
    assert (south.status_code, south.json()["detail"][:10]) == (409, "offer_open")
    worker.now += timedelta(seconds=LIMITS.offer_seconds_max)
    await refused(phone, "/offer/accept", D1, "offer_expired")
    worker.now -= timedelta(seconds=1)
    await accepted(worker, phone, "/offer/accept")
    assert (await phone.put("/availability", json=HERE)).status_code == 409
    await refused(phone, "/dropoff", {**D1, "code": CODE}, "not_picked_up")
    await refused(phone, "/delivery-failed", explained, "not_picked_up")
    await refused(phone, "/returned", D1, "not_returning")
    assert len(worker.sent) == sent + 1
    await accepted(worker, phone, "/pickup")
    await refused(phone, "/give-up", explained, "picked_up")
    await refused(phone, "/dropoff", D1, "code_needed")


async def test_a_wrong_code_is_told_with_how_many_more_are_taken(
    worker: Worker, phone: httpx.AsyncClient
) -> None:
    """A phone that repeats itself is counted once; a waived code is not asked for."""
    await driving(worker, phone)
    for _ in range(2):
        await refused(phone, "/dropoff", {**D1, "code": WRONG}, "1 more are taken")
        worker.settle()
    await refused(phone, "/dropoff", {**D1, "code": "0000"}, "0 more are taken")
    worker.settle()
    work = (await phone.get("/assigned-delivery")).json()
    assert (work["wrong_codes"], work["code_locked"]) == (2, True)
    await refused(phone, "/dropoff", {**D1, "code": CODE}, "code_locked")
    worker.tell(COMMANDS["LiftCode"])
    assert (await phone.get("/assigned-delivery")).json()["requires_code"] is False
    dropped_off = await accepted(worker, phone, "/dropoff", {**D1, "code": WRONG})
    assert isinstance(dropped_off, GoodsDroppedOff)


async def test_an_offer_is_rejected_with_or_without_a_reason(
    worker: Worker, phone: httpx.AsyncClient
) -> None:
    """The driver stays available, and is not asked again."""
    for number, extra in enumerate(({}, {"reason": "too far"})):
        await offered(worker, phone, replace(OFFER, delivery_id=f"e{number}"))
        body = {"delivery_id": f"e{number}", **extra}
        event = await accepted(worker, phone, "/offer/reject", body)
        assert isinstance(event, DeliveryDeclined)
        assert event.is_excluded
        assert await accepted(worker, phone, "/offer/reject", body) is None


async def test_a_driver_gives_up_what_it_has_not_picked_up(
    worker: Worker, phone: httpx.AsyncClient
) -> None:
    await offered(worker, phone)
    await accepted(worker, phone, "/offer/accept")
    event = await accepted(worker, phone, "/give-up", {**D1, "reason": "flat tyre"})
    assert event == DeliveryGivenUp("v", "d1", "o1", "north", "flat tyre")


async def test_goods_that_nobody_takes_go_back(worker: Worker, phone: httpx.AsyncClient) -> None:
    await driving(worker, phone)
    event = await accepted(worker, phone, "/delivery-failed", {**D1, "reason": "nobody opens"})
    assert isinstance(event, DropoffFailed)
    await refused(phone, "/dropoff", {**D1, "code": CODE}, "returning")
    assert (await phone.get("/assigned-delivery")).json()["returning"] is True
    assert isinstance(await accepted(worker, phone, "/returned"), GoodsReturned)


async def test_a_phone_that_repeats_itself_counts_once(
    worker: Worker, phone: httpx.AsyncClient
) -> None:
    """Before its report is decided, and after."""
    await offered(worker, phone)
    for path in ("/offer/accept", "/pickup"):
        assert (await phone.post(path, json=D1)).status_code == 202
        assert await accepted(worker, phone, path) is not None
        assert await accepted(worker, phone, path) is None
    worker.settle()
    assert len(worker.events) == 4


async def test_a_second_time_with_the_same_delivery_is_no_repeat_of_the_first(
    worker: Worker, phone: httpx.AsyncClient
) -> None:
    """The driver was taken off it, and comes to it again."""
    for _ in range(2):
        await driving(worker, phone)
        worker.tell(ReleaseDriver("v", "d1", "reassigned", leaves_goods=True))
        worker.now += timedelta(minutes=1)
    names = [type(event).__name__ for event in worker.events]
    assert names.count("GoodsPickedUp") == names.count("DeliveryAccepted") == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/pickup", {}),
        ("/pickup", {"delivery_id": "x" * 65}),
        ("/dropoff", {**D1, "code": "12"}),
        ("/dropoff", {**D1, "code": "12345"}),
        ("/give-up", D1),
        ("/give-up", {**D1, "reason": " "}),
        ("/delivery-failed", {**D1, "reason": "x" * 501}),
        ("/offer/reject", {**D1, "reason": ""}),
    ],
)
async def test_a_body_that_makes_no_command_is_answered_422(
    worker: Worker, phone: httpx.AsyncClient, path: str, body: Any
) -> None:
    await driving(worker, phone)
    sent = len(worker.sent)
    answer = await phone.post(path, json=body)
    assert (answer.status_code, len(worker.sent)) == (422, sent)
