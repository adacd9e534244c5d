"""Problem details for errors of every origin."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from services.sandbox.web import create_web

from .asgi import assert_problem, running

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


async def test_errors_of_every_origin_are_problem_details() -> None:
    """Unknown paths, wrong methods, invalid parameters, bad JSON and bugs all answer alike."""
    app = create_web("Test", nothing)

    @app.get("/bug")
    async def get_bug() -> None:
        raise RuntimeError("secret")

    @app.post("/number")
    async def post_number(number: int, body: dict[str, int]) -> int:
        return number

    async with running(app) as client:
        assert_problem(await client.get("/nowhere"), 404, "not-found")
        wrong_method = await client.post("/bug")
        assert_problem(wrong_method, 405, "method-not-allowed")
        assert wrong_method.headers["allow"] == "GET"
        assert_problem(await client.post("/number?number=x", json={}), 422, "invalid-request")
        bad_json = await client.post(
            "/number?number=1", content=b"\xff{", headers={"content-type": "application/json"}
        )
        assert bad_json.headers["content-type"] == "application/problem+json"
        assert bad_json.status_code in (400, 422)
        bug = await client.get("/bug")
    assert_problem(bug, 500, "unexpected")
    assert "secret" not in bug.text


async def test_an_app_whose_task_ended_is_not_alive() -> None:
    """Liveness asks the app."""
    async with running(create_web("Test", nothing, is_alive=lambda: False)) as client:
        assert_problem(await client.get("/health/live"), 503, "not-alive")
