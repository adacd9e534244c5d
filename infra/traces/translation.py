"""OTLP's JSON spans as Zipkin's (OpenTelemetry specification, "SDK exporters: Zipkin").

Zipkin knows no links: a span that another trace has led to names it in the tag `link`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

# Kinds by OTLP's numbers. Zipkin has no kind for what is only inside of a process.
KINDS = {2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}
NANOSECONDS = 1_000
ERROR = 2

Zipkin = dict[str, Any]


class BadSpansError(Exception):
    """A body that is none of OTLP's in JSON."""


def translate(body: bytes) -> list[Zipkin]:
    """The spans of one OTLP request.

    Raises:
        BadSpansError: the body can't be read.
    """
    try:
        return list(_spans(msgspec.json.decode(body)))
    except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadSpansError(f"not OTLP in JSON: {error!r}") from error


def _spans(request: Mapping[str, Any]) -> Iterator[Zipkin]:
    for resource in request.get("resourceSpans", ()):
        process = _tags(resource.get("resource", {}))
        service = process.get("service.name", "unknown")
        instance = process.get("service.instance.id")
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                told = _span(span, service)
                if instance is not None:
                    told["tags"]["service.instance.id"] = instance
                yield told


def _span(span: Mapping[str, Any], service: str) -> Zipkin:
    began, ended = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    tags = _tags(span)
    told: Zipkin = {
        "traceId": span["traceId"],
        "id": span["spanId"],
        "name": span["name"],
        "timestamp": began // NANOSECONDS,
        "duration": max(1, (ended - began) // NANOSECONDS),
        "localEndpoint": {"serviceName": service},
        "tags": tags,
    }
    if kind := KINDS.get(span.get("kind", 0)):
        told["kind"] = kind
    if parent := span.get("parentSpanId"):
        told["parentId"] = parent
    if peer := tags.get("peer.service") or tags.get("messaging.destination.name"):
        told["remoteEndpoint"] = {"serviceName": peer}
    for link in span.get("links", ()):
        tags["link"] = f"{link['traceId']}/{link['spanId']}"
    status = span.get("status", {})
    if status.get("code") == ERROR:
        tags["error"] = status.get("message") or "true"
    return told


def _tags(of: Mapping[str, Any]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for each in of.get("attributes", ()):
        for value in each["value"].values():
            tags[each["key"]] = str(value)
    return tags
