"""The web front's composition root: one reader of the log, the pages and what they ask for."""

import asyncio
import logging.config
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from services.common.log_lines import logging_config
from services.common.problem import ProblemError, problem_response
from services.common.settings import SettingsError
from services.web.board import Board, LetterTools, board_routes, stream_routes
from services.web.fronts import Fronts, json_response
from services.web.guard import Guard
from services.web.load import Load, load_routes
from services.web.log_feed import LogFeed
from services.web.proxy import proxy_routes
from services.web.settings import Settings
from services.web.shop import Shop, read_menus, shop_routes
from services.web.stream import Hub
from services.web.tracking import Tracking, tracking_routes
from services.web.world import World

HERE = Path(__file__).parent
PAGES = {
    "/": "shop",
    "/track/{token}": "tracking",
    "/restaurant": "restaurant",
    "/restaurant/{restaurant_id}": "restaurant",
    "/board": "board",
    "/board/orders/{order_id}": "story",
    "/simulator": "simulator",
}
SHUTDOWN_SECONDS_MAX = 1


def create_app(
    settings: Settings,
    letter_tools: LetterTools | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    reads_log: bool = True,
) -> FastAPI:
    """The web front.

    Args:
        letter_tools: replay and discard dead letters; without them the board can't.
        transport: carries the calls to the fronts; the network when None.
        reads_log: False leaves the world as it is put, in tests.
    """
    world = World(settings)
    hub = Hub(settings.ring_max, settings.viewers_max, settings.viewer_records_max)
    feed = LogFeed(settings, world, hub)
    fronts = Fronts(settings.services, settings.answer_seconds_max, transport)
    sandbox = Fronts(settings.sandbox, settings.answer_seconds_max, transport)
    shop = Shop(read_menus(), fronts, settings.track_secret)
    load = Load(shop, Random())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reading = asyncio.create_task(feed.run(), name="feed") if reads_log else None
        yield
        load.stop()
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        await fronts.close()
        await sandbox.close()

    app = FastAPI(title="Tiffin web", version="0.1.0", lifespan=lifespan)
    app.state.feed = feed
    app.state.hub = hub
    app.add_middleware(Guard, names=settings.names)
    _add_problems(app)
    names = {place.restaurant_id: place.name for place in shop.places.values()}
    tracking = Tracking(world, fronts, names)
    app.state.tracking = tracking
    app.include_router(shop_routes(shop))
    app.include_router(tracking_routes(settings, tracking, hub, fronts))
    app.include_router(board_routes(Board(settings, world, feed, fronts), letter_tools))
    app.include_router(stream_routes(settings, hub))
    app.include_router(load_routes(load, bool(sandbox.urls), settings.load_orders_per_minute_max))
    app.include_router(proxy_routes(fronts, sandbox))
    _add_pages(app)
    return app


def _add_pages(app: FastAPI) -> None:
    @app.get("/health/live", tags=["health"])
    async def live() -> Response:
        """The process answers."""
        return json_response({"live": True})

    def page(name: str) -> Callable[[], Awaitable[Response]]:
        async def answer() -> Response:
            file = HERE / "pages" / f"{name}.html"
            if not file.is_file():
                raise ProblemError(404, f"there is no page {name}")
            return FileResponse(file)

        return answer

    for path, name in PAGES.items():
        app.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)(page(name))
    app.mount("/assets", StaticFiles(directory=HERE / "assets"), name="assets")


def _add_problems(app: FastAPI) -> None:
    """Whatever goes wrong is told as problem details."""

    @app.exception_handler(ProblemError)
    async def on_problem(_: Request, error: ProblemError) -> Response:
        return problem_response(error.status, error.detail, error.errors)

    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> Response:
        return problem_response(error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> Response:
        errors = [
            {"at": "/".join(str(part) for part in each["loc"]), "problem": each["msg"]}
            for each in error.errors()
        ]
        return problem_response(422, f"{errors[0]['at']}: {errors[0]['problem']}", errors)


def main(letter_tools: Callable[[Settings], LetterTools] | None = None) -> None:
    """Serves until SIGTERM or SIGINT; a setting that can't be used ends it with one sentence."""
    try:
        settings = Settings.from_env(os.environ)
        settings.check_secret()
    except SettingsError as error:
        sys.exit(f"web: {error}")
    logging.config.dictConfig(logging_config("web", settings.log_level, settings.log_json))
    app = create_app(settings, None if letter_tools is None else letter_tools(settings))
    uvicorn.run(
        app,
        host=settings.web_host,
        port=settings.web_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
    )
