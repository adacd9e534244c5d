"""Workers of restaurants in memory, whose fronts reach each other."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from services.common import clock
from services.common.api import Peers, create_base_api
from services.common.codec import RESTAURANT, encode_event
from services.common.decider import Rejected
from services.common.event_table import Appended, EventTable
from services.common.front import Front, FrontLimits
from services.common.log import Appender
from services.common.open_requests import RequestLimits
from services.order.restaurant import Restaurant
from services.order.restaurant.api import add_routes
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.given import event_envelope
from tests.order.restaurant.said import DECIDER

PARTITIONS = 4


@dataclass(slots=True)
class Owners:
    """Who owns what, as the test says."""

    urls: dict[int, str] = field(default_factory=dict)

    async def owners(self, fresh: bool = False) -> dict[int, str]:
        """URL by partition."""
        return dict(self.urls)


@dataclass(slots=True)
class Worker:
    """A worker of restaurants in memory: the ports of its front, and its command loop by hand."""

    table: EventTable[Restaurant]
    log: MemoryLog
    open_partitions: frozenset[int]
    is_ready: bool = True
    request_limits: RequestLimits = field(default_factory=lambda: RequestLimits(open_max=9))
    front: Front[Restaurant] = field(init=False)
    peers: Peers = field(init=False)
    decided: dict[int, int] = field(default_factory=dict)

    def live(self) -> Mapping[str, Any]:
        """Facts for a person."""
        return {"live": True}

    def ready(self) -> Mapping[str, Any]:
        """Facts for a person."""
        return {"ready": True}

    def metrics(self) -> bytes:
        """Nothing."""
        return b""

    def run(self) -> list[Any]:
        """Decides the commands that have come and folds their events; returns the outcomes."""
        outcomes = []
        for partition in sorted(self.open_partitions):
            start = self.decided.get(partition, 0)
            for record in self.log.read("restaurant.commands", partition, start):
                self.decided[partition] = record.offset + 1
                command_envelope, command = RESTAURANT.decode_command(
                    record.value, f"commands/{partition}/{record.offset}", clock.now()
                )
                row = self.table[partition].row(command.restaurant_id)
                if row is not None and command_envelope.id in row.recent:
                    continue
                state = None if row is None else row.state
                event = DECIDER.decide(command, state, command_envelope.occurred_at)
                outcomes.append(event)
                if event is None or isinstance(event, Rejected):
                    continue
                version = 1 if row is None else row.version + 1
                envelope = event_envelope(event, command_envelope, version)
                offset = self.table[partition].position.next_offset
                encoded = encode_event(envelope, event)
                self.table[partition].apply([Appended(offset, envelope, event, encoded)])
        return outcomes


@asynccontextmanager
async def workers(directory: Path, *owned: set[int]) -> AsyncIterator[list[Worker]]:
    """Workers that own these partitions and reach each other's fronts."""
    made: list[Worker] = []
    owners, log = Owners(), MemoryLog(PARTITIONS)
    mounts: dict[str, httpx.AsyncBaseTransport] = {}
    async with AsyncExitStack() as stack:
        for number, partitions in enumerate(owned):
            url = f"http://worker-{number}"
            owners.urls |= dict.fromkeys(partitions, url)
            table = EventTable[Restaurant](directory / str(number), DECIDER)
            for partition in partitions:
                table.open(partition)
                stack.callback(table.close, partition)
            worker = Worker(table, log, frozenset(partitions))
            worker.front = Front(
                url,
                RESTAURANT,
                table,
                Appender("restaurant", MemoryProducer(log)),
                owners,  # type: ignore[arg-type]
                worker,
                PARTITIONS,
                FrontLimits(0.9, 9),
            )
            worker.peers = Peers(lambda worker=worker: worker.front, 2.0)  # type: ignore[misc]
            api = create_base_api("Restaurants", "", worker)
            add_routes(api, worker)
            mounts[url] = httpx.ASGITransport(api, raise_app_exceptions=False)
            made.append(worker)
        for worker in made:
            await worker.peers.close()
            worker.peers._client = httpx.AsyncClient(mounts=mounts)
            stack.push_async_callback(worker.peers.close)
        yield made


def client(worker: Worker) -> httpx.AsyncClient:
    """A client of one worker."""
    transport = worker.peers._client._transport_for_url(httpx.URL(worker.front.url))
    return httpx.AsyncClient(transport=transport, base_url=worker.front.url)
