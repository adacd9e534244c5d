"""Fronts: errors are problem details, and any worker answers for all."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from aiokafka.errors import OutOfOrderSequenceNumber
from fastapi import FastAPI, Query, Request, Response

from services.common.admission import SenderLimits
from services.common.api import (
    BODY_BYTES_MAX,
    FORWARDED,
    Peers,
    create_base_api,
    incoming_trace,
    json_response,
    list_rows,
)
from services.common.event_table import EventTable
from services.common.front import (
    RECENT_MAX,
    BadCursorError,
    Front,
    FrontLimits,
    UnavailableError,
    decode_cursor,
    encode_cursor,
)
from services.common.kafka import partition_of
from services.common.log import Appender
from services.common.open_requests import RequestLimits
from services.common.problem import ProblemError
from services.common.telemetry import EXIT_APPEND_FAILED
from tests.common import tally
from tests.common.deaths import Deaths, DiedError
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.common.tally import Add, Added, Tally, appended

PARTITIONS = 4
LANGUAGE = tally.language()
SENDER = SenderLimits(per_second_max=0.001, burst_max=5, open_max=2)
REQUESTS = RequestLimits(open_max=3)
JSON = {"content-type": "application/json"}


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


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[One]:
    """A worker that owns all partitions, and its client."""
    async with workers(tmp_path, set(range(PARTITIONS))) as (worker,), client(worker) as http:
        yield worker, http


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a partition that nobody owns."""
    monkeypatch.setattr("services.common.front.OWNER_SECONDS_MAX", 0.1)
    monkeypatch.setattr("services.common.front.OWNER_NAP_SECONDS", 0.01)


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


async def test_an_unknown_path_is_a_problem(one: One) -> None:
    """404, and so is a known path with an unknown key."""
    _, http = one
    check_problem(await http.get("/nowhere"), 404, "Not Found")
    check_problem(await http.get("/tallies/a"), 404, "there is no tally a")


async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(one: One) -> None:
    """405 with Allow, as HTTP demands (RFC 9110, 15.5.6)."""
    answer = await one[1].delete("/health/live")
    check_problem(answer, 405, "Method Not Allowed")
    assert answer.headers["allow"] == "GET"


async def test_a_body_that_is_too_long_is_a_problem(one: One) -> None:
    """413 by its announced length, whatever that looks like."""
    worker, http = one
    check_problem(
        await http.post("/tallies/a", content=b" " * (BODY_BYTES_MAX + 1)), 413, "at most"
    )
    for length in ("-1", "1e3", "²", "9" * 40, ""):
        answer = await http.post(
            "/tallies/a", content=b"[1]", headers={b"content-length": length.encode("latin-1")}
        )
        check_problem(answer, 413, "bytes")
    assert list(worker.producer.log.records) == []


async def test_a_body_of_unknown_length_is_a_problem(one: One) -> None:
    """411: a chunked body could be endless."""

    async def body() -> AsyncIterator[bytes]:
        yield b"[1]"

    check_problem(await one[1].post("/tallies/a", content=body()), 411, "Content-Length")


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b'["x"]', "body/0"),
        (b'{"a":1}', "body"),
        (b"[1,", "body/"),
        (b"", "body"),
        (b'["\\ud800"]', "body/0"),
    ],
)
async def test_a_body_of_another_shape_is_a_problem_with_its_place(
    one: One, body: bytes, at: str
) -> None:
    """422, with where and what in words, for each error."""
    worker, http = one
    answer = await http.post("/tallies/a", content=body, headers=JSON)
    content = check_problem(answer, 422, at)
    assert content["errors"][0]["at"].startswith(at)
    assert content["errors"][0]["problem"]
    assert list(worker.producer.log.records) == []


async def test_bytes_that_are_no_text_are_a_problem(one: One) -> None:
    """4xx, not a failure of the service."""
    answer = await one[1].post("/tallies/a", content=b"\xff\xfe", headers=JSON)
    assert answer.headers["content-type"] == "application/problem+json"
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "cursor=%F0%9F%8D%9B", "cursor=AAAA"]
)
async def test_an_impossible_page_is_a_problem(one: One, query: str) -> None:
    """422, with what is wrong."""
    check_problem(await one[1].get(f"/tallies?{query}"), 422, query.split("=")[0])


async def test_a_failure_is_a_problem_that_tells_no_secrets(one: One) -> None:
    """500 with the kind of error only."""
    content = check_problem(await one[1].get("/broken"), 500, "KeyError")
    assert "secret" not in content["detail"]


async def test_what_is_unavailable_says_when_to_try_again(one: One) -> None:
    """503 with Retry-After, where the log does not answer in time."""
    worker, http = one
    worker.producer.is_prompt = False
    worker.front._limits = FrontLimits(0.02, 3)
    answer = await http.post("/tallies/a", json=[1])
    check_problem(answer, 503, "does not answer")
    assert answer.headers["retry-after"] == "1"


async def test_a_sender_who_floods_is_told_when_to_ask_again(one: One) -> None:
    """429 with Retry-After, for that sender alone."""
    _, http = one
    for _ in range(SENDER.burst_max):
        assert (await http.post("/senders/greedy")).status_code == 204
    answer = await http.post("/senders/greedy")
    check_problem(answer, 429, "greedy asks more often than 0.001 times a second")
    assert 900 < int(answer.headers["retry-after"]) <= 1000
    assert (await http.post("/senders/modest")).status_code == 204


async def test_a_front_works_on_so_many_requests_at_a_time(one: One) -> None:
    """More are told when to ask again, and health is answered all the same."""
    worker, http = one
    worker.producer.is_prompt = False
    count = REQUESTS.open_max
    open_ = [asyncio.create_task(http.post(f"/tallies/{n}", json=[1])) for n in range(count)]
    while len(worker.producer.waiting) < count:
        await asyncio.sleep(0.001)
    answer = await http.get("/tallies/a")
    check_problem(answer, 503, f"{count} requests are open already")
    assert answer.headers["retry-after"] == "1"
    assert (await http.get("/health/live")).status_code == 200
    worker.producer.acknowledge()
    assert [each.status_code for each in await asyncio.gather(*open_)] == [202] * count
    check_problem(await http.get("/tallies/a"), 404, "no tally")


async def test_health_says_what_is_and_answers_503_when_it_is_not(one: One) -> None:
    """For people and for probes."""
    worker, http = one
    assert (await http.get("/health/live")).json() == {"live": True}
    assert (await http.get("/health/ready")).status_code == 200
    worker.is_live = worker.is_ready = False
    assert (await http.get("/health/live")).status_code == 503
    assert (await http.get("/health/ready")).status_code == 503


async def test_metrics_are_given_in_the_text_format_of_prometheus(one: One) -> None:
    """As the worker tells them."""
    _, http = one
    answer = await http.get("/metrics")
    assert (answer.status_code, answer.content) == (200, b"a 1\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_a_command_is_accepted_once_it_is_in_the_log(one: One) -> None:
    """202, with the trace of the client in the record."""
    worker, http = one
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    answer = await http.post("/tallies/a", json=[1, 2], headers={"traceparent": trace})
    assert answer.status_code == 202
    (record,) = worker.producer.log.read("tally.commands", partition_of("a", PARTITIONS))
    envelope, command = LANGUAGE.decode_command(record.value, "", tally.EPOCH)
    assert (command, envelope.id, record.key) == (Add("a", 3), "id-a", b"a")
    assert ("ab" * 16).encode() in dict(record.headers)["traceparent"]


async def test_too_many_waiting_commands_are_turned_away(one: One) -> None:
    """The queue before the log has a limit, and empties again."""
    worker, http = one
    worker.producer.is_prompt = False
    waiting = [asyncio.create_task(worker.front.send(Add("a", 1), f"{n}")) for n in range(3)]
    await asyncio.sleep(0.01)
    check_problem(await http.post("/tallies/a", json=[1]), 503, "too many")
    worker.producer.acknowledge()
    await asyncio.gather(*waiting)
    worker.producer.is_prompt = True
    assert (await http.post("/tallies/a", json=[1])).status_code == 202


async def test_a_record_that_the_log_refuses_for_good_ends_the_process(
    one: One, deaths: Deaths
) -> None:
    """An idempotent producer takes nothing more for that partition; a restart does."""
    worker, _ = one
    worker.producer.is_prompt = False
    sending = asyncio.create_task(worker.front.send(Add("a", 1), "x"))
    await asyncio.sleep(0.01)
    worker.producer.fail(OutOfOrderSequenceNumber())
    with pytest.raises(DiedError):
        await sending
    assert deaths.codes == [EXIT_APPEND_FAILED]


async def test_a_command_that_can_not_be_written_does_not_end_the_process(
    one: One, deaths: Deaths
) -> None:
    """A client could make the worker exit at will."""
    with pytest.raises(UnavailableError):
        await one[0].front.send(Add("a", 1, "\ud800"), "x")
    assert deaths.codes == []


async def test_a_worker_that_stops_answers_503(tmp_path: Path) -> None:
    """Its connections to the other workers are closed while its server still takes requests."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as (first, _), client(first) as http:
        key = next(f"k{n}" for n in range(99) if partition_of(f"k{n}", PARTITIONS) == 2)
        await first.peers.close()
        check_problem(await http.get(f"/tallies/{key}"), 503, "the worker stops")


async def test_a_request_is_answered_by_the_owner_of_its_key(tmp_path: Path) -> None:
    """Whichever worker is asked, with status, body and headers of the owner."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as made:
        keys = [f"k{number}" for number in range(12)]
        for worker in made:
            add_rows(worker, keys)
        for asked in made:
            async with client(asked) as http:
                for number, key in enumerate(keys):
                    owner = made[partition_of(key, PARTITIONS) // 2].front.url
                    answer = (await http.get(f"/tallies/{key}")).json()
                    assert answer == {"key": key, "total": number + 1, "by": owner}
                    posted = await http.post(f"/tallies/{key}", json=[1])
                    assert (posted.status_code, posted.json()) == (202, {"by": owner})
                    assert posted.headers["location"] == f"/tallies/{key}"
                check_problem(await http.get("/tallies/unknown"), 404, "no tally unknown")


@pytest.mark.parametrize("key", ["a b", "a?limit=1", "a#b", "a%2Fb", "ä", "a/b", "a&b;c", "%"])
async def test_a_forwarded_request_keeps_its_path(tmp_path: Path, key: str) -> None:
    """Also where the key has characters that mean something in a URL."""
    async with workers(tmp_path, set(), set(range(PARTITIONS))) as made, client(made[0]) as http:
        url = httpx.URL("http://worker-0").copy_with(raw_path=b"/tallies/" + quoted(key))
        check_problem(await http.get(url), 404, f"there is no tally {key}")


def quoted(key: str) -> bytes:
    """The key, every byte of it in percent code."""
    return b"".join(b"%%%02X" % byte for byte in key.encode())


async def test_a_forwarded_request_is_not_forwarded_again(tmp_path: Path) -> None:
    """Two workers that each take the other for the owner do not play ping-pong."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as made, client(made[0]) as http:
        for worker in made:
            worker.open_partitions = frozenset()
        key = next(f"k{n}" for n in range(99) if partition_of(f"k{n}", PARTITIONS) == 2)
        answer = await http.get(f"/tallies/{key}")
        check_problem(answer, 503, "no worker that is ready")
        answer = await http.get(f"/tallies/{key}", headers={FORWARDED: "x"})
        check_problem(answer, 503, "on its way to another worker")


async def test_a_key_that_nobody_owns_is_unavailable(tmp_path: Path) -> None:
    """After the named wait, and so is an owner that does not answer."""
    async with workers(tmp_path, {0, 1}) as (worker,), client(worker) as http:
        keys = {partition_of(f"k{n}", PARTITIONS): f"k{n}" for n in range(50)}
        check_problem(await http.get(f"/tallies/{keys[2]}"), 503, "no worker that is ready")
        worker.front._ownership.urls[2] = "http://127.0.0.1:9"  # type: ignore[attr-defined]
        check_problem(await http.get(f"/tallies/{keys[2]}"), 503, "does not answer")


async def test_a_list_is_gathered_from_all_workers_newest_first(tmp_path: Path) -> None:
    """Page by page, each row once, the same whoever is asked."""
    async with workers(tmp_path, {0}, {1, 2}, {3}) as made:
        keys = [f"k{number}" for number in range(20)]
        for worker in made:
            add_rows(worker, keys)
        for asked in made:
            async with client(asked) as http:
                for colour, expected in (("", keys[::-1]), ("&colour=red", keys[::-2])):
                    assert await pages(http, f"/tallies?limit=3{colour}") == expected


async def pages(http: httpx.AsyncClient, path: str) -> list[str]:
    """The keys of all pages, the cursor of one beginning the next."""
    keys: list[str] = []
    cursor = ""
    while True:
        page = (await http.get(path + cursor)).json()
        keys += [item["key"] for item in page["items"]]
        if page["cursor"] is None:
            return keys
        cursor = f"&cursor={page['cursor']}"


async def test_a_list_that_would_not_be_whole_is_unavailable(tmp_path: Path) -> None:
    """A partition without worker, a worker that folds still, a worker that does not answer."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as made, client(made[0]) as http:
        assert (await http.get("/tallies")).status_code == 200
        made[1].is_ready = False
        check_problem(await http.get("/tallies"), 503, "answered 503")
        made[1].is_ready = True
        urls = made[0].front._ownership.urls  # type: ignore[attr-defined]
        del urls[3]
        check_problem(await http.get("/tallies"), 503, "not every partition")
        urls[3] = "http://127.0.0.1:9"
        check_problem(await http.get("/tallies"), 503, "does not answer")


async def test_a_row_that_has_gone_to_another_worker_is_unavailable(one: One) -> None:
    """Between the look for the owner and the look into the table."""
    worker, _ = one
    worker.open_partitions = frozenset()
    with pytest.raises(UnavailableError):
        worker.front.row("a")


async def test_a_new_aggregate_is_remembered_for_a_while(
    one: One, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last ones, up to the named number."""
    front = one[0].front
    front.remember("first")
    for number in range(RECENT_MAX - 1):
        front.remember(f"k{number}")
    front.remember("first")
    front.remember("last")
    assert front.was_acknowledged("first")
    assert front.was_acknowledged("last")
    assert not front.was_acknowledged("k0")
    assert not front.was_acknowledged("never")
    monkeypatch.setattr("services.common.front.RECENT_SECONDS", 0.0)
    assert not front.was_acknowledged("last")


def test_a_cursor_comes_back_as_it_was() -> None:
    """As one word that is safe in a URL; anything else is none."""
    for place in (("0", "a"), ("é\0", "?&=#"), ("", "")):
        word = encode_cursor(*place)
        assert decode_cursor(word) == place
        assert word.replace("-", "").replace("_", "").isalnum()
    for bad in ("", "x", "é", "====", encode_cursor("a", "b")[:-2], "W10"):
        with pytest.raises(BadCursorError):
            decode_cursor(bad)
