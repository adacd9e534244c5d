"""How long a front takes for its requests, by route."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common import clock
from services.common.durations import OTHER, Durations

# Clients may name any method and any path; only these and the front's own routes become labels.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TimedRequests:
    """ASGI middleware that takes the time until an answer begins, also of one that has no end."""

    def __init__(self, app: ASGIApp, seconds: Durations) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has one request answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at = clock.monotonic()
        has_begun = False

        def note(status: int) -> None:
            nonlocal has_begun
            has_begun = True
            method = scope["method"] if scope["method"] in METHODS else OTHER
            route: str = getattr(scope.get("route"), "path", OTHER)
            self._seconds.add((method, route, str(status)), clock.monotonic() - began_at)

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception:
            if not has_begun:
                note(500)  # which is what is answered for it further out
            raise
