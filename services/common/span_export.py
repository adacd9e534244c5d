"""The export of spans over OTLP/HTTP, from a thread of its own.

Nothing waits for the collector: while it is away, slow or hanging, spans are held up to a limit and
what has no room is dropped and counted. Nothing is encoded before the last answer has come.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from services.common import otlp
from services.common.settings import CommonSettings
from services.common.telemetry import log
from services.common.tracing import Span, Tracer

PAUSE_SECONDS = 1.0
TOLD_SECONDS = 60.0
CLOSE_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """The bounds of an export.

    every_seconds: how long a span waits for others.
    answer_seconds_max: how long the collector may take for each step of an answer.
    pause_seconds_max: the longest pause after it has failed; the first is PAUSE_SECONDS.
    """

    spans_max: int = 512
    every_seconds: float = 1.0
    answer_seconds_max: float = 5.0
    pause_seconds_max: float = 30.0

    @classmethod
    def of(cls, settings: CommonSettings) -> "ExportLimits":
        """The bounds that the settings name."""
        return cls(
            max(1, settings.otlp_spans_per_export_max),
            settings.otlp_export_seconds,
            settings.otlp_answer_seconds_max,
            settings.otlp_pause_seconds_max,
        )


class SpanExport:
    """Takes what a tracer holds to the collector, until closed."""

    def __init__(
        self, tracer: Tracer, url: str, resource: Mapping[str, str], limits: ExportLimits
    ) -> None:
        self.exported = 0
        self.lost = 0
        self._tracer = tracer
        self._url = url
        self._resource = resource
        self._limits = limits
        self._closing = threading.Event()
        self._told_at = float("-inf")
        # A daemon: one that hangs in a call does not keep the process.
        self._thread = threading.Thread(target=self._run, name="span export", daemon=True)

    @property
    def dropped(self) -> int:
        """Spans that nobody will see: there was no room, or the collector did not take them."""
        return self._tracer.dropped + self.lost

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def close(self, seconds_max: float = CLOSE_SECONDS_MAX) -> None:
        """Exports what is held, as far as the time allows."""
        self._closing.set()
        self._thread.join(seconds_max)

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        with httpx.Client(timeout=self._limits.answer_seconds_max, trust_env=False) as client:
            while not self._closing.wait(self._limits.every_seconds):
                while self._tracer.held and not self._closing.is_set():
                    if self._export(client):
                        pause = PAUSE_SECONDS
                        continue
                    self._closing.wait(pause)
                    pause = min(2 * pause, self._limits.pause_seconds_max)
            while self._tracer.held and self._export(client):
                continue

    def _export(self, client: httpx.Client) -> bool:
        """Exports some spans; False when the collector has not taken them, and they are lost."""
        held = self._tracer.held
        spans = [held.popleft() for _ in range(min(len(held), self._limits.spans_max))]
        try:
            failed = self._send(client, spans)
        except Exception as error:  # whatever it is: the thread goes on, and so does the service
            failed = repr(error)
        if not failed:
            self.exported += len(spans)
            return True
        self.lost += len(spans)
        if time.monotonic() - self._told_at > TOLD_SECONDS:
            self._told_at = time.monotonic()
            log.warning("spans not exported to %s (%d so far): %s", self._url, self.dropped, failed)
        return False

    def _send(self, client: httpx.Client, spans: list[Span]) -> str:
        body = otlp.encode(spans, self._resource)
        headers = {"Content-Type": otlp.CONTENT_TYPE}
        # The answer's body is not read: it may be of any length, and come slowly.
        with client.stream("POST", self._url, content=body, headers=headers) as answer:
            return "" if answer.is_success else f"answered {answer.status_code}"


def span_export(settings: CommonSettings, service: str) -> tuple[Tracer, SpanExport] | None:
    """What records a process' spans and what exports them; None where no collector is named."""
    endpoint = settings.otlp_endpoint.rstrip("/")
    if not endpoint:
        return None
    url = endpoint if endpoint.endswith(otlp.PATH) else endpoint + otlp.PATH
    quiet = [each.strip() for each in settings.otlp_quiet.split(",")]
    tracer = Tracer(service, settings.otlp_spans_held_max, quiet)
    resource = {"service.name": service, "service.instance.id": settings.worker_name}
    return tracer, SpanExport(tracer, url, resource, ExportLimits.of(settings))
