"""The requests that a front works on at a time: bounded in number, and each of them in time.

An open request holds memory: its body, or its answer. Health is always answered.
"""

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.problem import problem_response

ALWAYS_ANSWERED = ("/health/", "/metrics")


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The bounds of what is open at a time.

    seconds_max: from the first byte of a request's headers taken to the last of its answer given.
    """

    open_max: int = 256
    seconds_max: float = 15.0


class OpenRequests:
    """ASGI middleware that turns away what is too much (503) or too slow (408, 503)."""

    def __init__(self, app: ASGIApp, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS_ANSWERED):
            await self._app(scope, receive, send)
            return
        if self._open >= self._limits.open_max:
            refusal = problem_response(503, f"{self._open} requests are open already")
            await refusal(scope, receive, send)
            return
        self._open += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._open -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_whole, has_begun = False, False

        async def receive_noting() -> Message:
            nonlocal is_whole
            message = await receive()
            is_whole = is_whole or not message.get("more_body", False)
            return message

        async def send_noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            async with asyncio.timeout(self._limits.seconds_max):
                await self._app(scope, receive_noting, send_noting)
        except TimeoutError:
            if has_begun:
                raise  # the server closes the connection
            seconds = f"{self._limits.seconds_max:g} s"
            late = (
                problem_response(503, f"there was no answer within {seconds}")
                if is_whole
                else problem_response(
                    408, f"the body did not come within {seconds}", headers={"Connection": "close"}
                )
            )
            await late(scope, receive, send)
