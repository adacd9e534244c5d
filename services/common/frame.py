"""The frame of a worker: the Faust app, its command line, and its web server.

Faust gives the app, the command line, start and stop by signal, and the web server's place in the
worker's event loop. Commands, events, table and offsets are handled by our own loops, as decision
001 says.
"""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import faust
import uvloop
from faust.app.base import BootStrategy
from faust.contrib.asgi import serve_asgi
from mode import Service

from services.common import metrics
from services.common.household import Household
from services.common.log_lines import logging_config
from services.common.settings import CommonSettings, SettingsError
from services.common.span_export import SpanExport, span_export
from services.common.telemetry import EXIT_LOOP_FAILED, die, log
from services.common.worker import ServiceParts, Worker

# How long a start may take to end when the worker is stopped in the middle of it.
STARTING_SECONDS_MAX = 5.0
# New objects before a look at the young ones, and looks before one at older ones.
GARBAGE_YOUNG, GARBAGE_MIDDLE, GARBAGE_OLD = 10_000, 10, 10

Settings = TypeVar("Settings", bound=CommonSettings)
CreateApp = Callable[[Settings], faust.App]


class _Boot(BootStrategy):
    """Faust as a frame: its web slot and services; consumers and producers are ours."""

    enable_kafka = False
    enable_web = True


class _App(faust.App):
    BootStrategy = _Boot


def create_worker_app(
    settings: CommonSettings, parts: ServiceParts, *beside: ServiceParts
) -> faust.App:
    """The Faust app of one worker; `app.main()` is its command line.

    Args:
        beside: of further aggregates that the service keeps, with topics and tables of their own.
    """
    told = span_export(settings, parts.name)
    household = Household(settings, (parts, *beside), None if told is None else told[0])
    app = _App(
        parts.name,
        broker=f"kafka://{settings.bootstrap.replace(',', ';')}",
        store="memory://",
        datadir=str(settings.data_dir),
        web_bind=settings.host,
        web_host=settings.host,
        web_port=settings.port,
        worker_redirect_stdouts=False,
        topic_disable_leader=True,
        logging_config=logging_config(parts.name, settings.log_level, settings.log_json),
    )

    serve_asgi(
        app,
        household.api,
        access_log=False,
        http="h11",  # the faster httptools takes a request that offers an upgrade for another
        limit_concurrency=settings.front_connections_max,
    )
    for worker in household.workers:
        app.service(loops_of(worker))
    if told is not None:
        export = told[1]
        household.workers[0].told.add(partial(metrics.span_families, export))
        app.service(export_of(export))
    return app


def export_of(export: SpanExport) -> type[Service]:
    """The export of spans as a service that starts and stops with the Faust app."""

    class Export(Service):
        async def on_start(self) -> None:
            export.start()

        async def on_stop(self) -> None:
            await asyncio.to_thread(export.close)

    return Export


def loops_of(worker: Worker) -> type[Service]:
    """The worker's loops as a service that starts and stops with the Faust app."""

    class Loops(Service):
        async def on_start(self) -> None:
            self._running = self.add_future(self._run())

        async def on_stop(self) -> None:
            # One that is stopped while it starts begins nothing more.
            self._running.cancel()
            await asyncio.wait([self._running], timeout=STARTING_SECONDS_MAX)
            await worker.stop()

        async def _run(self) -> None:
            try:
                await worker.run()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("the worker can't start")
                die(EXIT_LOOP_FAILED, f"the worker can't start: {error!r}")

    return Loops


def run_worker(
    service: str, settings: Callable[[Mapping[str, str]], Settings], create_app: CreateApp[Settings]
) -> None:
    """The command line of a worker: Faust's, with `worker -l info` where nothing else is asked.

    A setting or a port that can't be used ends the process with one sentence.
    """
    try:
        chosen = settings(os.environ)
    except SettingsError as error:
        sys.exit(f"{service}: {error}")
    if len(sys.argv) == 1:
        sys.argv += ["worker", "-l", "info"]
    if "worker" in sys.argv and not _is_free(chosen.host, chosen.port):
        sys.exit(f"{service}: port {chosen.port} of {chosen.host} is taken by another program")
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    app = create_app(chosen)
    _spare_collector()
    app.main()


def _spare_collector() -> None:
    """Has Python look for circles of garbage less often; hardly anything here makes any.

    What was imported stays, and each full look goes through all rows and timers in memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_YOUNG, GARBAGE_MIDDLE, GARBAGE_OLD)


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the server does, so that closed connections of an earlier worker do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
