"""Collectors of spans in this process: one that takes them, and those that misbehave."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

HANG_SECONDS_MAX = 60.0
DRIP_SECONDS = 0.2


class Manner(StrEnum):
    """How a collector answers."""

    PROMPT = "prompt"
    SLOW = "slow"
    HANGING = "hanging"
    REFUSING = "refusing"
    ENDLESS = "endless"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Told:
    """A span as it was told."""

    service: str
    trace: str
    span: str
    parent: str | None
    links: tuple[tuple[str, str], ...]
    name: str
    kind: int
    facts: Mapping[str, Any]
    error: str | None
    nanoseconds: int


@dataclass(slots=True)
class Collector:
    """What was told to a collector that listens at `url`."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> list[Told]:
        """All spans, each as often as it was told."""
        return [span for body in list(self.bodies) for span in read(body)]


def read(body: bytes) -> Iterator[Told]:
    """The spans of one request, read as a collector reads them."""
    for resource in msgspec.json.decode(body)["resourceSpans"]:
        service = _facts(resource["resource"])["service.name"]
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield Told(
                    service=service,
                    trace=span["traceId"],
                    span=span["spanId"],
                    parent=span.get("parentSpanId"),
                    links=tuple(
                        (link["traceId"], link["spanId"]) for link in span.get("links", ())
                    ),
                    name=span["name"],
                    kind=span["kind"],
                    facts=_facts(span),
                    error=span.get("status", {}).get("message"),
                    nanoseconds=int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]),
                )


def _facts(of: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for each in of["attributes"]:
        ((kind, value),) = each["value"].items()
        facts[each["key"]] = int(value) if kind == "intValue" else value
    return facts


@contextmanager
def collector(manner: Manner = Manner.PROMPT) -> Iterator[Collector]:
    """A collector on a free port."""
    if manner is Manner.DOWN:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        yield Collector(f"http://127.0.0.1:{port}")
        return
    over = threading.Event()
    server = _server(manner, over)
    listening = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    server.bodies = listening.bodies
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield listening
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    bodies: list[bytes]


def _server(manner: Manner, over: threading.Event) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server: _Server

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            match manner:
                case Manner.HANGING:
                    over.wait(HANG_SECONDS_MAX)
                    self.close_connection = True
                    return
                case Manner.SLOW:
                    over.wait(DRIP_SECONDS)
                case Manner.ENDLESS:
                    self._drip()
                    return
            self.server.bodies.append(body)
            self.send_response(503 if manner is Manner.REFUSING else 200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def _drip(self) -> None:
            """A status line, and then header after header."""
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            try:
                while not over.wait(DRIP_SECONDS):
                    self.wfile.write(b"x: y\r\n")
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    return _Server(("127.0.0.1", 0), Handler)
