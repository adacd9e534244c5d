"""The bound of what a front takes as a request's body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.problem import problem_response

BODY_BYTES_MAX = 262_144
# What is not taken is dropped as it comes, up to here: a connection that is closed while more is on
# its way takes the answer with it (RFC 9112, section 9.6).
DROPPED_BYTES_MAX = 8 << 20
CLOSING = {"Connection": "close"}


class LimitedBody:
    """ASGI middleware that takes bodies of a told length only (411), and no long ones (413)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has one request answered."""
        refusal = _refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, detail = refusal
        if not any(name == b"expect" for name, _ in scope["headers"]):
            await _drop(receive)  # who expects to be asked for a body has not sent it
        await problem_response(status, detail, headers=CLOSING)(scope, receive, send)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    """The status and the reason why the body is not taken; None where it is."""
    length = b"0"
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return 411, "the body's length must be told in Content-Length"
        if name == b"content-length":
            length = value
    if length.isdigit() and int(length) <= BODY_BYTES_MAX:
        return None
    told = length[:80].decode("latin-1")
    return 413, f"the body has {told} bytes; at most {BODY_BYTES_MAX} are taken"


async def _drop(receive: Receive) -> None:
    dropped = 0
    while dropped < DROPPED_BYTES_MAX:
        message: Message = await receive()
        dropped += len(message.get("body", b""))
        if not message.get("more_body", False):
            return
