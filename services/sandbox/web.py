"""The frame of the three HTTP apps: problem details, health, JSON answers, idempotency keys."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import orjson
from fastapi import Depends, FastAPI, Header, Response

from services.sandbox.problem import ProblemError, install_problems

KEY_CHARACTERS_MAX = 255

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_web(
    title: str, lifespan: Lifespan, is_alive: Callable[[], bool] = lambda: True
) -> FastAPI:
    """An app that answers GET /health/live and every error with problem details."""
    app = FastAPI(title=title, lifespan=lifespan)
    install_problems(app)

    @app.get("/health/live")
    async def get_live() -> Response:
        if not is_alive():
            raise ProblemError(503, "not-alive", "A task of this program ended; see its log.")
        return json_answer({"status": "alive"})

    return app


def json_answer(value: object, status: int = 200) -> Response:
    """A JSON response; orjson writes dataclasses as objects."""
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")


def _require_key(idempotency_key: Annotated[str | None, Header()] = None) -> str:
    if not idempotency_key or len(idempotency_key) > KEY_CHARACTERS_MAX:
        detail = f"The header Idempotency-Key is required: 1 to {KEY_CHARACTERS_MAX} characters."
        raise ProblemError(400, "idempotency-key-required", detail)
    return idempotency_key


IdempotencyKey = Annotated[str, Depends(_require_key)]


def key_reused(key: str) -> ProblemError:
    """The problem of one idempotency key sent with two different contents."""
    detail = f"The idempotency key {key} was used before with different content."
    return ProblemError(422, "idempotency-key-reused", detail)


def not_found(what: str, key: str) -> ProblemError:
    """The problem of an idempotency key that names nothing."""
    return ProblemError(404, "not-found", f"No {what} has the idempotency key {key}.")
