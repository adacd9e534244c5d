"""A worker of the order service in memory, whose front a test asks about one order."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from services.common import clock, ids
from services.common.admission import SenderLimits
from services.common.api import Peers
from services.common.codec import ORDER, encode_event
from services.common.decider import Envelope, Rejected, Row
from services.common.event_table import Appended, EventTable
from services.common.front import Front, FrontLimits
from services.common.log import Appender
from services.common.messages.order import (
    AcceptOrder,
    ConfirmAdmission,
    ConfirmPayment,
    FinishPreparation,
    OrderCommand,
    RecordDriver,
    RecordPickup,
    StartPreparation,
)
from services.common.open_requests import RequestLimits
from services.order.api import create_api
from services.order.domain import Order, OrderStatus, order_decider
from services.order.settings import Settings
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.given import command_envelope, event_envelope

SENDER = SenderLimits(per_second_max=0.001, burst_max=20, open_max=2)
RESTAURANT = {
    "restaurant_id": "r-1",
    "region": "rome",
    "location": {"latitude": 41.9, "longitude": 12.5},
    "zone": "Europe/Rome",
}
BODY = {
    "partner": "eat",
    "reference": "1",
    "restaurant": RESTAURANT,
    "destination": {"latitude": 41.91, "longitude": 12.5},
    "items": [
        {"name": "soup", "quantity": 2, "price_cents": 500},
        {"name": "bread", "quantity": 1, "price_cents": 300},
    ],
    "currency": "EUR",
    "payment_token": "tok_secret",
    "requires_code": True,
}
ORDER_ID = ids.order_id("eat", "1")
PATH = f"/orders/{ORDER_ID}"


class Alone:
    """The ownership of a worker that owns everything."""

    async def owners(self, fresh: bool = False) -> dict[int, str]:
        """Nobody else."""
        return {}


@dataclass(slots=True)
class World:
    """A worker of the order service in memory, and a client of its front."""

    log: MemoryLog
    table: EventTable[Order]
    front: Front[Order] = field(init=False)
    peers: Peers = field(init=False)
    http: httpx.AsyncClient = field(init=False)
    request_limits: RequestLimits = field(default_factory=RequestLimits)
    is_ready: bool = True
    open_partitions: frozenset[int] = frozenset({0})
    taken: int = 0

    def live(self) -> Mapping[str, Any]:
        """Facts for a person."""
        return {"live": True}

    def ready(self) -> Mapping[str, Any]:
        """Facts for a person."""
        return {"ready": True}

    def metrics(self) -> bytes:
        """Nothing is measured."""
        return b""

    @property
    def sent(self) -> list[tuple[Envelope, OrderCommand]]:
        """The commands in the log."""
        return [
            ORDER.decode_command(record.value, "", clock.now())
            for record in self.log.read("order.commands")
        ]

    @property
    def row(self) -> Row[Order]:
        """The row of the order."""
        row = self.table[0].row(ORDER_ID)
        assert row is not None
        return row

    def settle(self) -> None:
        """Decides what is in the log, and folds what comes of it."""
        for envelope, command in self.sent[self.taken :]:
            self.taken += 1
            self._decide(command, envelope)

    def tell(self, command: OrderCommand, at: datetime | None = None) -> None:
        """The order hears something from elsewhere."""
        number = self.table[0].position.next_offset
        assert self._decide(command, command_envelope(command, at or clock.now(), f"told-{number}"))

    def _decide(self, command: OrderCommand, envelope: Envelope) -> bool:
        table = self.table[0]
        row = table.row(command.order_id)
        if row is not None and envelope.id in row.recent:
            return False
        state = None if row is None else row.state
        event = self.table.decider.decide(command, state, envelope.occurred_at)
        if event is None or isinstance(event, Rejected):
            return False
        told = event_envelope(event, envelope, 1 if row is None else row.version + 1)
        offset = table.position.next_offset
        table.apply([Appended(offset, told, event, encode_event(told, event))])
        return True

    async def post(
        self, path: str, body: object = None, expected: int = 202, key: str | None = None
    ) -> dict[str, Any]:
        """Asks something of the order, and decides it; `key` is the client's own."""
        headers = {} if key is None else {"idempotency-key": key}
        answer = await self.http.post(PATH + path, json=body, headers=headers)
        return self._answered(answer, expected)

    async def put(self, path: str, body: object, expected: int = 202) -> dict[str, Any]:
        """Sets something of the order, and decides it."""
        return self._answered(await self.http.put(PATH + path, json=body), expected)

    async def view(self) -> dict[str, Any]:
        """The order as its front shows it."""
        content: dict[str, Any] = (await self.http.get(PATH)).json()
        return content

    async def begin(self, status: OrderStatus = OrderStatus.CREATED) -> None:
        """Submits the order, and has it come as far as this."""
        answer = await self.http.post("/orders", json=BODY)
        assert answer.status_code == 202, answer.text
        self.settle()
        for each in list(OrderStatus)[2 : list(OrderStatus).index(status) + 1]:
            self._advance(each)
        assert self.row.state.status is status

    def _advance(self, status: OrderStatus) -> None:
        match status:
            case OrderStatus.SCHEDULED:
                self.tell(ConfirmAdmission(ORDER_ID, "Europe/Rome", 900, 690))
                self.tell(ConfirmPayment(ORDER_ID, "charge"))
                prepare_at = self.row.state.prepare_at
                assert prepare_at is not None
                self.tell(StartPreparation(ORDER_ID, prepare_at))
            case OrderStatus.IN_PREPARATION:
                self.tell(AcceptOrder(ORDER_ID, 600))
            case OrderStatus.SCHEDULING_DELIVERY:
                self.tell(FinishPreparation(ORDER_ID))
            case OrderStatus.WAITING_FOR_DRIVER:
                delivery_id = self.row.state.delivery_id
                assert delivery_id is not None
                self.tell(RecordDriver(ORDER_ID, delivery_id, "d-1", clock.now()))
            case OrderStatus.IN_DELIVERY:
                self.tell(RecordPickup(ORDER_ID))

    def _answered(self, answer: httpx.Response, expected: int) -> dict[str, Any]:
        assert answer.status_code == expected, answer.text
        content: dict[str, Any] = answer.json()
        if expected == 202:
            assert content["links"]["self"] == PATH
        else:
            assert answer.headers["content-type"] == "application/problem+json"
        self.settle()
        return content


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[World]:
    """A world that ends."""
    log = MemoryLog()
    table = EventTable[Order](directory, order_decider(Settings().policy))
    table.open(0)
    world = World(log, table)
    world.front = Front(
        "http://worker",
        ORDER,
        table,
        Appender("order", MemoryProducer(log)),
        Alone(),  # type: ignore[arg-type]
        world,
        1,
        FrontLimits(1.0, 10, SENDER),
    )
    world.peers = Peers(lambda: world.front, 1.0)
    api: FastAPI = create_api(world)
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as world.http:
        yield world
    await world.peers.close()
    table.close(0)
