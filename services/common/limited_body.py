"""The bound of what a front takes as a request's body."""

from starlette.types import ASGIApp, Receive, Scope, Send

from services.common.problem import problem_response

BODY_BYTES_MAX = 262_144
# What is not taken is not read either.
CLOSING = {"Connection": "close"}


class LimitedBody:
    """ASGI middleware that takes bodies of a told length only (411), and no long ones (413)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has one request answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = b"0"
        for name, value in scope["headers"]:
            if name == b"transfer-encoding":
                refusal = problem_response(
                    411, "the body's length must be told in Content-Length", headers=CLOSING
                )
                await refusal(scope, receive, send)
                return
            if name == b"content-length":
                length = value
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            told = length[:80].decode("latin-1")
            refusal = problem_response(
                413,
                f"the body has {told} bytes; at most {BODY_BYTES_MAX} are taken",
                headers=CLOSING,
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
