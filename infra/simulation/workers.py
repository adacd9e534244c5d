"""Workers under a supervisor, each a simulated process with a disk of its own.

The worker is the real one, with its real parts; only what it takes from its machine is simulated:
clock, watchdog, Kafka clients, store, and the way out.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any, NoReturn
from unittest.mock import patch

import httpx

from infra.simulation import clients
from infra.simulation.broker import Broker, instant
from infra.simulation.loop import Process, ProcessEndedError, SimulatedLoop
from infra.simulation.store import Batch, Disks, MemoryStore
from services.common import (
    clock,
    journals,
    kafka,
    lease,
    partitions,
    reactions,
    store,
    telemetry,
)
from services.common.settings import CommonSettings
from services.common.telemetry import EXIT_LOOP_FAILED, die, log
from services.common.worker import ServiceParts, Worker
from services.order.effects import OrderOutside

SERVICES = ("order", "restaurant", "delivery", "matcher", "driver")
DATA_DIR = Path("/simulated")
# Shorter than in production, so that little time has to pass.
SESSION_SECONDS = 3.0
POLL_MILLISECONDS = 800
LARGE_BYTES_MIN = 1_000
JOURNAL_EVENTS_MAX = 5
LIMITS: dict[str, Any] = {
    "session_seconds": SESSION_SECONDS,
    "rebalance_seconds_max": 9.0,
    "append_seconds_max": 12.0,
    "drain_seconds_max": 6.0,
    "stall_seconds_max": 12.0,
    "connect_seconds_max": 20.0,
    "records_per_batch_max": 20,
    "steps_in_flight_max": 4,
    "recovery_records_per_read_max": 7,
    "recovery_rows_in_memory_max": 3,
    "recovery_events_per_write_max": 11,
    "recovery_history_bytes_max": 4_000,
    "effect_timeout_seconds": 2.0,
    "effect_backoff_seconds": 0.3,
    "effect_backoff_seconds_max": 2.0,
    "effect_attempts_before_flag": 3,
}
SNAPSHOT_HOURS = 8 / 3600
ORDER: dict[str, Any] = {
    "snapshot_hours": SNAPSHOT_HOURS,
    "preparation_seconds": 2,
    "accept_seconds_max": 6,
    "lateness_seconds_max": 20.0,
    "refusal_grace_seconds": 1.0,
    "payment_seconds_max": 5.0,
    "start_seconds_max": 3.0,
    "overdue_grace_seconds": 5.0,
    "preparing_seconds_max": 20.0,
    "driver_seconds_max": 8.0,
    "pickup_seconds_max": 8.0,
    "dropoff_seconds_max": 8.0,
    "refund_seconds_max": 4.0,
    "ticket_cancellation_seconds_max": 4.0,
}
OWN: dict[str, dict[str, Any]] = {
    "order": ORDER,
    "restaurant": ORDER,
    "delivery": {
        "match_minutes_max": 0.1,
        "pickup_seconds_max": 6.0,
        "dropoff_seconds_max": 6.0,
        "return_seconds_max": 6.0,
        "cancellation_seconds_max": 2.0,
    },
    "matcher": {"snapshot_hours": SNAPSHOT_HOURS},
    "driver": {
        "snapshot_hours": SNAPSHOT_HOURS,
        "offer_seconds_max": 2.0,
        "silence_minutes_max": 0.1,
        "silence_grace_seconds": 1.0,
        "wrong_codes_max": 3,
    },
}
# The order service keeps restaurants, too; here they live in a process of their own.
PACKAGES = {"restaurant": "order"}


@cache
def settings_of(service: str) -> CommonSettings:
    """The settings that all workers of a service have."""
    package = PACKAGES.get(service, service)
    settings: CommonSettings = import_module(f"services.{package}.settings").Settings(
        **LIMITS, **OWN[service]
    )
    return settings


@cache
def parts_of(service: str) -> ServiceParts:
    """What the service's own composition root makes a worker of."""
    app = import_module(f"services.{PACKAGES.get(service, service)}.app")
    settings = settings_of(service)
    if service in ("order", "restaurant"):
        made: ServiceParts = getattr(app, f"{service}_parts")(settings)
        return made
    with patch.object(app, "create_worker_app", lambda settings, parts: parts):
        parts: ServiceParts = app.create_app(settings)
    return parts


class Supervised:
    """One worker by name, which is started again whenever it has ended."""

    def __init__(
        self,
        loop: SimulatedLoop,
        service: str,
        number: int,
        transport: Callable[[Process], httpx.AsyncBaseTransport],
    ) -> None:
        self.loop = loop
        self.service = service
        self.name = f"{service}-{number}"
        self.machine = 0
        self.process: Process | None = None
        self.worker: Worker | None = None
        self.life = 0
        self.ended: Callable[[Supervised, str], None] = lambda supervised, reason: None
        self._transport = transport

    @property
    def data_dir(self) -> Path:
        """The disk of its machine."""
        return DATA_DIR / f"{self.name}-{self.machine}"

    @property
    def is_running(self) -> bool:
        """True while its process lives."""
        return self.process is not None and self.process.is_alive

    def start(self) -> None:
        """Begins a new process."""
        self.life += 1
        process = Process(f"{self.name}#{self.life}")
        process.on_end = self._on_end
        self.process = process
        self.loop.spawn(process, self._live(process))

    def replace(self) -> None:
        """Begins anew on another machine, though the old process may go on."""
        if self.process is not None:
            self.process.on_end = None
        self.machine += 1
        self.start()

    def terminate(self) -> None:
        """Ends the process as SIGTERM does: it finishes what it has begun."""
        process, worker = self.process, self.worker
        if process is None or worker is None or not process.is_alive:
            return

        async def stop() -> None:
            await worker.stop()
            process.end("stopped")

        self.loop.spawn(process, stop())

    async def _live(self, process: Process) -> None:
        parts = parts_of(self.service)
        if parts.outside is not None:
            parts = replace(parts, outside=lambda: self._outside(process))
        settings = replace(settings_of(self.service), worker=self.name, data_dir=self.data_dir)
        worker = Worker(settings, parts)
        self.worker = worker
        try:
            await worker.run()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            die(EXIT_LOOP_FAILED, f"the worker can't start: {error!r}")

    def _outside(self, process: Process) -> OrderOutside:
        return OrderOutside(
            "http://payments",
            "http://pos",
            "http://orders",
            LIMITS["effect_timeout_seconds"],
            self._transport(process),
        )

    def _on_end(self, reason: str) -> None:
        self.worker = None
        self.ended(self, reason)


class _NoPeers:
    """Stands in for the connections to other workers, which nobody asks for here."""

    def __init__(self, *_: object) -> None: ...

    async def close(self) -> None:
        """Nothing to close."""


@contextlib.contextmanager
def simulated_machine(
    loop: SimulatedLoop, broker: Broker, disks: Disks, chance: random.Random
) -> Iterator[None]:
    """Puts the simulation in the place of what the runtime takes from its machine."""

    def now() -> datetime:
        return instant(loop.now)

    def seconds() -> float:
        return loop.now

    def start_watchdog(watch: Callable[[], None], closed: Event) -> None:
        async def run() -> None:
            while not closed.is_set():
                await asyncio.sleep(lease.TICK_SECONDS)
                watch()

        loop.create_task(run())

    def end_process(code: int) -> NoReturn:
        process = loop.owner
        assert process is not None, "only a worker dies"
        process.end(f"exit {code}")
        raise ProcessEndedError

    def producer(settings: CommonSettings, name: str) -> clients.Producer:
        return clients.Producer(broker, loop.owner, settings.append_seconds_max)

    def group_consumer(settings: CommonSettings, group: str) -> clients.GroupConsumer:
        return clients.GroupConsumer(broker, loop.owner, settings, group)

    with contextlib.ExitStack() as stack:
        for module, name, simulated in (
            (clock, "now", now),
            (clock, "monotonic", seconds),
            (clock, "since_boot", seconds),
            (lease, "start_watchdog", start_watchdog),
            (telemetry, "end_process", end_process),
            (kafka, "producer", producer),
            (kafka, "group_consumer", group_consumer),
            (kafka, "generation_of", lambda consumer: consumer.generation),
            (kafka, "log_reader", lambda settings: clients.LogReader(broker, loop.owner)),
            (kafka, "admin", lambda settings: clients.Admin(broker, loop.owner)),
            (store, "open_store", disks.open),
            (store, "discard_store", disks.discard),
            (store, "new_batch", Batch),
            (store, "ingest", MemoryStore.ingest),
            # Many rows are large here, and what lies behind them is often written anew.
            (journals, "LARGE_BYTES_MIN", LARGE_BYTES_MIN),
            (journals, "EVENTS_MAX", JOURNAL_EVENTS_MAX),
            # asyncio's own asks the system for the process each time, which takes long.
            (asyncio.events, "get_running_loop", lambda: loop),
            # Who waits is told when there is more; asking seldom costs no time of the world's.
            (partitions, "POLL_MILLISECONDS", POLL_MILLISECONDS),
            (reactions, "POLL_MILLISECONDS", POLL_MILLISECONDS),
        ):
            stack.enter_context(patch.object(module, name, simulated))
        stack.enter_context(patch("services.common.worker.Peers", _NoPeers))
        stack.enter_context(patch("services.common.effects.random", chance))
        level = log.level
        stack.callback(log.setLevel, level)
        log.setLevel(100)
        yield
