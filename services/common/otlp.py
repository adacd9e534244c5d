"""Spans in OTLP's JSON form (OpenTelemetry Protocol 1.x, "JSON Protobuf Encoding").

Ids are in hexadecimal digits and 64-bit numbers in decimal text, as the protocol says.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from services.common.tracing import Facts, Span

PATH = "/v1/traces"
CONTENT_TYPE = "application/json"
STATUS_ERROR = 2


def encode(spans: Iterable[Span], resource: Mapping[str, str]) -> bytes:
    """One request's body.

    Args:
        resource: what tells the process that the spans are of, such as service.name.
    """
    scope = {"scope": {"name": "tiffin"}, "spans": [_span(span) for span in spans]}
    of = {"attributes": _attributes(tuple(resource.items()))}
    return orjson.dumps({"resourceSpans": [{"resource": of, "scopeSpans": [scope]}]})


def _span(span: Span) -> dict[str, Any]:
    told: dict[str, Any] = {
        "traceId": span.trace,
        "spanId": span.span_id,
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.began_ns),
        "endTimeUnixNano": str(span.ended_ns),
        "attributes": _attributes(span.facts) + _of_record(span),
    }
    if span.parent_trace == span.trace:
        told["parentSpanId"] = span.parent_span
    elif span.parent_trace:
        told["links"] = [{"traceId": span.parent_trace, "spanId": span.parent_span}]
    if span.error:
        told["status"] = {"code": STATUS_ERROR, "message": span.error}
    return told


def _of_record(span: Span) -> list[dict[str, Any]]:
    told = (
        ("messaging.destination.name", span.topic),
        ("messaging.message.id", span.message_id),
        ("tiffin.key", span.key),
        ("tiffin.outcome", span.outcome),
    )
    return [{"key": name, "value": {"stringValue": value}} for name, value in told if value]


def _attributes(facts: Facts) -> list[dict[str, Any]]:
    return [
        {
            "key": name,
            "value": {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)},
        }
        for name, value in facts
    ]
