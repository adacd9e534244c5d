"""Spans: each has the id that the next one names as its parent, also when a thing is done twice."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response

from services.common import otlp
from services.common.codec import ORDER, encode_event
from services.common.decider import Envelope
from services.common.log import Appender
from services.common.messages.delivery import DeliveryPickedUp
from services.common.messages.order import RecordPickup
from services.common.reactions import Reactions
from services.common.telemetry import Counters, trace_headers, trace_of
from services.common.traced_requests import TracedRequests
from services.common.tracing import Kind, Span, TracedProducer, Tracer, cause, outgoing_trace
from tests.common.collectors import Told, read
from tests.common.loop_bench import bench
from tests.common.memory_log import LogRecord, MemoryLog, MemoryProducer
from tests.common.tally import EPOCH, Add

CLIENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


@pytest.fixture(autouse=True)
def _no_cause() -> None:
    cause.set(None)


def told(tracer: Tracer) -> list[Told]:
    """What a collector would see, in the order in which it ended."""
    return list(read(otlp.encode(tracer.held, {"service.name": tracer.service})))


async def test_a_command_is_decided_and_its_event_appended_in_one_trace(tmp_path: Path) -> None:
    """Command's append, decision, event's append: each the parent of the next."""
    tracer = Tracer("tally", 100)
    async with bench(tmp_path, tracer=tracer) as made:
        await made.take(Add("a", 1))
        assert await made.pipeline.drain(5)
        await asyncio.sleep(0)
    decided, appended = told(tracer)
    assert (decided.name, appended.name) == ("decide Add", "append Added")
    assert (decided.kind, appended.kind) == (5, 4)
    assert decided.facts["tiffin.outcome"] == "accepted"
    assert (decided.trace, decided.span) == (appended.trace, appended.parent)
    (record,) = made.log.read("tally.events")
    assert trace_of(record.headers) == (appended.trace, appended.span)


async def test_what_is_decided_again_has_the_same_spans(tmp_path: Path) -> None:
    """So that a collector knows them for the same."""
    tracer = Tracer("tally", 100)
    for name in ("one", "two"):
        async with bench(tmp_path / name, tracer=tracer) as made:
            await made.take(Add("a", 1))
            assert await made.pipeline.drain(5)
            await asyncio.sleep(0)
    first, second, third, fourth = ((each.trace, each.span) for each in told(tracer))
    assert (first, second) == (third, fourth)


@pytest.mark.parametrize(("amount", "outcome"), [(-1, "rejected"), (0, "repeated")])
async def test_a_decision_tells_how_it_came_out(tmp_path: Path, amount: int, outcome: str) -> None:
    """Also where no event follows."""
    tracer = Tracer("tally", 100)
    async with bench(tmp_path, tracer=tracer) as made:
        await made.take(Add("a", amount))
        assert await made.pipeline.drain(5)
    assert told(tracer)[0].facts["tiffin.outcome"] == outcome


async def test_a_reaction_stands_between_an_event_and_its_command() -> None:
    """And two services that react to one event have spans of their own."""
    spans = {}
    for service in ("order", "another"):
        log, tracer = MemoryLog(), Tracer(service, 100)
        producer = TracedProducer(MemoryProducer(log), tracer)
        language = ORDER if service == "order" else _named(ORDER, service)
        reactions = Reactions(
            language,
            {"delivery": lambda event: [RecordPickup(event.order_id)]},
            Appender("order", producer),
            Counters(),
            tracer,
        )
        await reactions.take([event_record()], 5)
        await asyncio.sleep(0)
        reacted, appended = told(tracer)
        assert (reacted.name, appended.name) == (
            "react to DeliveryPickedUp",
            "append RecordPickup",
        )
        assert reacted.parent == trace_of(event_record().headers)[1]  # type: ignore[index]
        assert (appended.trace, appended.parent) == (reacted.trace, reacted.span)
        spans[service] = reacted.span
    assert spans["order"] != spans["another"]


async def test_a_cause_in_another_trace_is_linked() -> None:
    """A parent is always in the trace of its child."""
    tracer = Tracer("order", 100)
    cause.set(Span(Kind.SERVER, "POST", "/x", "ab" * 16, "cd" * 8))
    producer = TracedProducer(MemoryProducer(MemoryLog()), tracer)
    await producer.send("order.commands", b"{}", b"o", 0, trace_headers("c", "m", (), "o1"))
    await asyncio.sleep(0)
    (appended,) = told(tracer)
    assert appended.parent is None
    assert appended.links == (("ab" * 16, "cd" * 8),)


async def test_a_failed_append_says_so() -> None:
    """With the error of the log."""
    tracer, log = Tracer("order", 100), MemoryLog()
    inner = MemoryProducer(log, is_prompt=False)
    ack = await TracedProducer(inner, tracer).send("t", b"{}", b"k", 0, trace_headers("c", "m"))
    ack.set_exception(RuntimeError("gone"))
    await asyncio.sleep(0)
    assert told(tracer)[0].error == "gone"


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[1]", b'{"type": 7}'])
async def test_any_record_can_be_appended(value: bytes | None) -> None:
    """What it is about is told where it says so."""
    tracer = Tracer("order", 100)
    producer = TracedProducer(MemoryProducer(MemoryLog()), tracer)
    await producer.send("t", value, b"k", 0, trace_headers("c", "m"))
    await producer.send("t", value, b"k", 0, [])
    await asyncio.sleep(0)
    assert [each.name for each in told(tracer)] == ["append record"]


def test_what_has_no_room_is_dropped_and_counted() -> None:
    """And what nobody wants to know takes no room."""
    tracer = Tracer("order", 2, quiet=["Seen"])
    for subject in ("Seen", "A", "B", "C", "Seen", "D"):
        tracer.end(Span(Kind.INTERNAL, "do", subject, "ab" * 16, "cd" * 8))
    assert [each.subject for each in tracer.held] == ["A", "B"]
    assert tracer.dropped == 2


def requests(tracer: Tracer) -> httpx.AsyncClient:
    """A front whose POST appends a command, and whose GET does not."""
    api = FastAPI()
    producer = TracedProducer(MemoryProducer(MemoryLog()), tracer)

    @api.post("/tallies/{name}")
    async def add(name: str) -> Response:
        headers = trace_headers(name, f"m-{name}")
        await producer.send("tally.commands", b'{"type":"Add","id":"m"}', b"k", 0, headers)
        return Response(status_code=503 if name == "bad" else 202)

    @api.get("/tallies/{name}")
    async def look(name: str) -> Response:
        return Response(name)

    api.add_middleware(TracedRequests, tracer=tracer)
    return httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://front")


async def test_a_request_is_in_the_trace_of_its_first_command() -> None:
    """As its root, named by its route."""
    tracer = Tracer("tally", 100)
    async with requests(tracer) as http:
        await http.post("/tallies/a")
        await asyncio.sleep(0)
    by_kind = {each.kind: each for each in told(tracer)}
    request, appended = by_kind[2], by_kind[4]
    assert (request.name, request.facts["http.response.status_code"]) == (
        "POST /tallies/{name}",
        202,
    )
    assert request.parent is None
    assert (appended.trace, appended.parent) == (request.trace, request.span)


async def test_a_request_that_names_a_trace_is_in_it() -> None:
    """Under the client's span; the command has the trace of its own, and a link."""
    tracer = Tracer("tally", 100)
    async with requests(tracer) as http:
        await http.get("/tallies/a", headers={"traceparent": CLIENT})
        await http.post("/tallies/a", headers={"traceparent": CLIENT})
        await asyncio.sleep(0)
    for each in told(tracer):
        if each.kind == 2:
            assert (each.trace, each.parent) == ("ab" * 16, "cd" * 8)
        else:
            assert [trace for trace, _ in each.links] == ["ab" * 16]


async def test_a_look_is_not_told() -> None:
    """Phones look each second."""
    tracer = Tracer("tally", 100)
    async with requests(tracer) as http:
        assert (await http.get("/tallies/a")).status_code == 200
    assert not tracer.held


async def test_a_failed_request_says_so() -> None:
    """With its status."""
    tracer = Tracer("tally", 100)
    async with requests(tracer) as http:
        await http.post("/tallies/bad")
    assert [each.error for each in told(tracer) if each.kind == 2] == ["answered 503"]


async def test_a_call_tells_the_outside_world_its_trace() -> None:
    """Nothing where there is none."""
    assert outgoing_trace() == {}
    span = Tracer("order", 1).call("ChargePayment", "o1", None, ())
    assert outgoing_trace() == {"traceparent": f"00-{span.trace}-{span.span_id}-01"}


def event_record() -> LogRecord:
    """An event of the delivery service."""
    envelope = Envelope("e3", "DeliveryPickedUp", EPOCH, "c", "o1", 3)
    value = encode_event(envelope, DeliveryPickedUp("d1", "o1", "driver-1"))
    headers = trace_headers("o1", "e3", (), "o1")
    return LogRecord("delivery.events", 0, 0, 0, b"d1", value, headers)


def _named(language: Any, owner: str) -> Any:
    class Named:
        def __getattr__(self, name: str) -> Any:
            return owner if name == "owner" else getattr(language, name)

    return Named()
