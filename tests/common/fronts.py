"""Workers of a service of tallies in memory, whose fronts a test asks."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Query, Request, Response

from services.common.admission import SenderLimits
from services.common.api import Peers, create_base_api, incoming_trace, json_response, list_rows
from services.common.event_table import EventTable
from services.common.front import Front, FrontLimits
from services.common.kafka import partition_of
from services.common.log import Appender
from services.common.open_requests import RequestLimits
from services.common.problem import ProblemError
from tests.common import tally
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.common.tally import Add, Added, Tally, appended

PARTITIONS = 4
LANGUAGE = tally.language()
SENDER = SenderLimits(per_second_max=0.001, burst_max=5, open_max=2)
REQUESTS = RequestLimits(open_max=3)


@dataclass(slots=True)
class Ownership:
    """Who owns what, as the test says."""

    urls: dict[int, str] = field(default_factory=dict)

    async def owners(self, fresh: bool = False) -> dict[int, str]:
        """URL by partition."""
        return dict(self.urls)


@dataclass(slots=True)
class Worker:
    """A worker in memory: the ports of a front, and the front itself."""

    front: Front[Tally]
    producer: MemoryProducer
    table: EventTable[Tally]
    open_partitions: frozenset[int]
    is_ready: bool = True
    is_live: bool = True
    api: FastAPI = field(init=False)
    peers: Peers = field(init=False)
    request_limits: RequestLimits = field(default_factory=lambda: REQUESTS)

    def live(self) -> Mapping[str, Any]:
        """Facts for a person."""
        return {"live": self.is_live}

    def metrics(self) -> bytes:
        """What a test says."""
        return b"a 1\n"

    def ready(self) -> Mapping[str, Any]:
        """Facts for a person."""
        return {"ready": self.is_ready}


def create_api(worker: Worker) -> FastAPI:
    """The front of a service of tallies."""
    api = create_base_api("Tallies", "", worker)

    @api.get("/tallies")
    async def list_tallies(
        request: Request,
        colour: str | None = None,
        limit: Annotated[int, Query()] = 3,
        cursor: str | None = None,
    ) -> Response:
        return await list_rows(
            request, worker, {"colour": colour}, limit, cursor, lambda key, row: {"key": key}
        )

    @api.get("/tallies/{key:path}")
    async def get_tally(request: Request, key: str) -> Response:
        if answer := await worker.peers.owner_answers(request, key, 0.0):
            return answer
        row = worker.front.row(key)
        if row is None:
            raise ProblemError(404, f"there is no tally {key}")
        return json_response({"key": key, "total": row.state.total, "by": worker.front.url})

    @api.post("/tallies/{key}", status_code=202)
    async def add(request: Request, key: str, amounts: list[int]) -> Response:
        if answer := await worker.peers.owner_answers(request, key, 0.0):
            return answer
        await worker.front.send(Add(key, sum(amounts)), f"id-{key}", incoming_trace(request))
        return json_response({"by": worker.front.url}, 202, {"Location": f"/tallies/{key}"})

    @api.post("/senders/{name}", status_code=204)
    async def ask(name: str) -> None:
        with worker.front.admitted(name):
            pass

    @api.get("/broken")
    async def broken() -> Response:
        raise KeyError("secret")

    return api


@asynccontextmanager
async def workers(
    directory: Path, *owned: set[int], seconds_max: float = 0.9
) -> AsyncIterator[list[Worker]]:
    """Workers that own these partitions and reach each other's fronts."""
    made: list[Worker] = []
    ownership = Ownership()
    mounts: dict[str, httpx.AsyncBaseTransport] = {}
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # Nobody waits long for a partition that nobody owns.
        patch.setattr("services.common.front.OWNER_SECONDS_MAX", 0.1)
        patch.setattr("services.common.front.OWNER_NAP_SECONDS", 0.01)
        for number, partitions in enumerate(owned):
            url = f"http://worker-{number}"
            ownership.urls |= dict.fromkeys(partitions, url)
            table = EventTable[Tally](directory / str(number), tally.decider())
            for partition in partitions:
                table.open(partition)
                stack.callback(table.close, partition)
            producer = MemoryProducer(MemoryLog(PARTITIONS))
            readiness = SimpleNamespace()
            front = Front(
                url,
                LANGUAGE,
                table,
                Appender("tally", producer),
                ownership,  # type: ignore[arg-type]
                readiness,
                PARTITIONS,
                FrontLimits(seconds_max, 3, SENDER),
            )
            worker = Worker(front, producer, table, frozenset(partitions))
            front._readiness = worker
            worker.peers = Peers(lambda front=front: front, 2.0)  # type: ignore[misc]
            worker.api = create_api(worker)
            mounts[url] = httpx.ASGITransport(worker.api, raise_app_exceptions=False)
            made.append(worker)
        for worker in made:
            await worker.peers.close()
            worker.peers._client = httpx.AsyncClient(mounts=mounts)
            stack.push_async_callback(worker.peers.close)
        yield made


@asynccontextmanager
async def client(worker: Worker) -> AsyncIterator[httpx.AsyncClient]:
    """A client of one worker."""
    transport = httpx.ASGITransport(worker.api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=worker.front.url) as made:
        yield made


One = tuple[Worker, httpx.AsyncClient]


def add_rows(worker: Worker, keys: list[str]) -> None:
    """Puts rows where they belong; a later one is newer."""
    for number, key in enumerate(keys):
        partition = partition_of(key, PARTITIONS)
        if partition in worker.open_partitions:
            each = appended(number, Added(key, number + 1, "red" if number % 2 else "blue"), 1)
            worker.table[partition].apply([each])


def check_problem(answer: httpx.Response, status: int, detail: str) -> dict[str, Any]:
    """The answer is a whole problem details object (RFC 9457)."""
    assert answer.headers["content-type"] == "application/problem+json"
    content: dict[str, Any] = answer.json()
    assert answer.status_code == content["status"] == status
    assert content["type"] == "about:blank"
    assert content["title"]
    assert detail in content["detail"]
    return content
