"""The trace UI: OTLP in, Zipkin's spans out, and a plain word where that does not go."""

from typing import Any

import httpx
import msgspec
import pytest

from infra.traces.receiver import create_receiver
from infra.traces.translation import BadSpansError, translate
from services.common import otlp
from services.common.tracing import Kind, Span

RESOURCE = {"service.name": "order", "service.instance.id": "127.0.0.1:8001"}


def span(parent: tuple[str, str] | None, error: str = "") -> Span:
    """A span that took two milliseconds."""
    facts = (("messaging.destination.name", "order.events"), ("tiffin.attempt", 2))
    made = Span(
        Kind.PRODUCER, "append", "OrderCreated", "ab" * 16, "cd" * 8, parent=parent, facts=facts
    )
    made.began_ns, made.ended_ns = 1_000_000_000, 1_002_000_000
    made.error = error
    return made


def test_a_span_keeps_its_place_and_its_facts() -> None:
    """In Zipkin's names and microseconds."""
    (told,) = translate(otlp.encode([span(("ab" * 16, "ef" * 8))], RESOURCE))
    assert told == {
        "traceId": "ab" * 16,
        "id": "cd" * 8,
        "parentId": "ef" * 8,
        "name": "append OrderCreated",
        "kind": "PRODUCER",
        "timestamp": 1_000_000,
        "duration": 2_000,
        "localEndpoint": {"serviceName": "order"},
        "remoteEndpoint": {"serviceName": "order.events"},
        "tags": {
            "messaging.destination.name": "order.events",
            "tiffin.attempt": "2",
            "service.instance.id": "127.0.0.1:8001",
        },
    }


def test_a_link_and_an_error_are_tags() -> None:
    """For Zipkin has nothing else for them."""
    (told,) = translate(otlp.encode([span(("12" * 16, "ef" * 8), "gone")], RESOURCE))
    assert "parentId" not in told
    assert told["tags"]["link"] == f"{'12' * 16}/{'ef' * 8}"
    assert told["tags"]["error"] == "gone"


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"resourceSpans": [1]}', b"7"])
def test_what_is_no_otlp_is_refused(body: bytes) -> None:
    """With one error."""
    with pytest.raises(BadSpansError):
        translate(body)


async def _post(zipkin: Any, body: bytes, kind: str = "application/json") -> httpx.Response:
    app = create_receiver("http://zipkin", httpx.MockTransport(zipkin))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
        return await client.post("/v1/traces", content=body, headers={"content-type": kind})


async def test_spans_go_to_zipkin_and_the_sender_learns_whether_it_took_them() -> None:
    """202 is what Zipkin says to spans."""
    sent: list[httpx.Request] = []

    def zipkin(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(202 if len(sent) == 1 else 500)

    body = otlp.encode([span(None)], RESOURCE)
    assert (await _post(zipkin, body)).status_code == 200
    assert sent[0].url == "http://zipkin/api/v2/spans"
    assert msgspec.json.decode(sent[0].content)[0]["id"] == "cd" * 8
    assert (await _post(zipkin, body)).status_code == 502
    assert (await _post(zipkin, b"{")).status_code == 400
    assert (await _post(zipkin, body, "application/x-protobuf")).status_code == 415


async def test_a_zipkin_that_is_away_is_told() -> None:
    """As 503, so that senders wait."""

    def zipkin(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away")

    assert (await _post(zipkin, otlp.encode([span(None)], RESOURCE))).status_code == 503
