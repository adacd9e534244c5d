"""Spans of HTTP requests that a front answers.

A request is in the trace that its client names, else in that of the first command that it leads to.
One that has neither, such as a phone's look at its work each second, is not told.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.telemetry import TRACEPARENT, trace_of
from services.common.tracing import Kind, Span, Tracer, cause, new_span_id

FAILED_STATUS_MIN = 500
_NAME = TRACEPARENT.encode()


class TracedRequests:
    """ASGI middleware that has each request be the cause of what it leads to."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = [(TRACEPARENT, value) for name, value in scope["headers"] if name == _NAME]
        parent = trace_of(sent)
        trace = "" if parent is None else parent[0]
        span = Span(Kind.SERVER, scope["method"], "", trace, new_span_id(), parent)
        cause.set(span)
        status = 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            if span.trace:
                # Known now that a route was found; the path itself would name each thing apart.
                span.subject = getattr(scope.get("route"), "path", "unknown")
                span.facts = (
                    ("http.request.method", scope["method"]),
                    ("http.route", span.subject),
                    ("http.response.status_code", status),
                )
                failed = status >= FAILED_STATUS_MIN or status == 0
                self._tracer.end(span, f"answered {status}" if failed else "")
