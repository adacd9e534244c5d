"""What every answer of the web front carries, and the requests of other sites that it refuses.

There is no login: whoever reaches the front may do all. So that no page of another site reaches it
through a person's browser, a change must come from one of our own pages (Fetch Metadata; where the
browser does not send it, RFC 6454, section 7), and the host must be one that we are known by, or a
name that another site points at this machine would be ours too (DNS rebinding).
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.problem import problem_response

# The page may only fetch what this front serves.
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
CARRIED = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
READING = frozenset({"GET", "HEAD"})
OUR_SITES = frozenset({"none", "same-origin"})


class Guard:
    """Around the whole app.

    Args:
        names: the hosts that the front is known by, without ports; all where there are none.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or has the app answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def carrying(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in CARRIED.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", _cached(scope["path"]))
            await send(message)

        headers = Headers(scope=scope)
        if self._names and host_of(headers.get("host", "")) not in self._names:
            refusal = problem_response(
                421, "this front is not known by that host; TIFFIN_WEB_NAMES lists those it is"
            )
            await refusal(scope, receive, carrying)
        elif scope["method"] not in READING and not is_ours(headers):
            refusal = problem_response(403, "another site's page may change nothing here")
            await refusal(scope, receive, carrying)
        else:
            await self._app(scope, receive, carrying)


def is_ours(headers: Headers) -> bool:
    """Whether a page of ours, or no page at all, has sent the request."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in OUR_SITES
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def host_of(host: str) -> str:
    """The name in a Host header, without its port; of an IPv6 address without the brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _cached(path: str) -> str:
    """Assets and pages are asked for again each time; answers about orders are kept nowhere."""
    return "no-store" if path.startswith("/api/") else "no-cache"
