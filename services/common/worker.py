"""One worker of a service: the Faust app is its frame, the loops of this package its work.

Faust gives the app, the command line, start and stop by signal, and the web server's place in the
worker's event loop. Commands, events, table and offsets are handled by our own loops, as decision
001 says.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import faust
import uvloop
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from fastapi import FastAPI
from faust.app.base import BootStrategy
from faust.contrib.asgi import serve_asgi
from mode import Service

from services.common import clock, ids, kafka
from services.common.api import Peers, Ports
from services.common.codec import Language
from services.common.command_loop import Limits, Pipeline
from services.common.decider import Decider, Envelope, React, Row, Wakeup
from services.common.effects import EffectLimits, Effects, Outside
from services.common.event_table import EventTable
from services.common.front import Front, UnavailableError
from services.common.lease import Lease
from services.common.log import Appender
from services.common.log_lines import logging_config
from services.common.ownership import Ownership
from services.common.partitions import PartitionLimits, Partitions
from services.common.reactions import ReactionLoop, Reactions
from services.common.recovery import Progress, recover
from services.common.settings import CommonSettings, SettingsError
from services.common.telemetry import (
    EXIT_CONNECT_FAILED,
    EXIT_LOOP_FAILED,
    Counters,
    die,
    log,
)
from services.common.timers import Timers

CONNECT_NAP_SECONDS = 0.5
CLOSE_SECONDS_MAX = 10.0

Client = TypeVar("Client", bound=Any)

CreateApi = Callable[[Ports], FastAPI]
Settings = TypeVar("Settings", bound=CommonSettings)
CreateApp = Callable[[Settings], faust.App]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """What makes a service: its language, its pure functions, and its ways in and out.

    inputs: topics of commands besides <name>.commands, with the same key.
    reactions: by owner of the event.
    outside: makes the way to the outside world, inside the event loop.
    """

    language: Language
    decider: Decider[Any, Any, Any]
    create_api: CreateApi
    inputs: Sequence[str] = ()
    reactions: Mapping[str, React] | None = None
    outside: Callable[[], Outside] | None = None

    @property
    def name(self) -> str:
        """The owner's name; topics and groups begin with it."""
        return self.language.owner


class Worker:
    """The running parts of one worker; made before the event loop, started inside it."""

    def __init__(self, settings: CommonSettings, parts: ServiceParts) -> None:
        self.settings = settings
        self.parts = parts
        self.counters = Counters()
        directory = settings.worker_name.replace(":", "-").replace("/", "-")
        self.table = EventTable[Any](Path(settings.data_dir) / directory, parts.decider)
        self.lease = Lease(settings.away_seconds_max, settings.stall_seconds_max)
        self.peers = Peers(lambda: self.front, settings.forward_seconds_max)
        self._front: Front[Any] | None = None
        self._partitions: Partitions | None = None
        self._timers: Timers | None = None
        self._effects: Effects | None = None
        self._recoveries: dict[int, Progress] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closers: list[Callable[[], Awaitable[Any]]] = []

    @property
    def front(self) -> Front[Any]:
        """The ports of the HTTP front.

        Raises:
            UnavailableError: the worker has not connected to Kafka yet.
        """
        if self._front is None:
            raise UnavailableError("the worker is not connected to Kafka yet")
        return self._front

    def live(self) -> Mapping[str, Any]:
        """Whether the loop turns."""
        idle = self.lease.idle_seconds
        return {
            "live": idle < self.settings.stall_seconds_max,
            "service": self.parts.name,
            "worker": self.settings.worker_name,
            "loop_idle_seconds": round(idle, 3),
            "timers": 0 if self._timers is None else len(self._timers),
            "effects": 0 if self._effects is None else len(self._effects),
            "counters": self.counters.snapshot(),
        }

    def ready(self) -> Mapping[str, Any]:
        """Whether the worker has its partitions, and their tables are folded."""
        partitions = self._partitions
        return {
            "ready": partitions is not None and partitions.is_ready,
            "service": self.parts.name,
            "worker": self.settings.worker_name,
            "assigned": [] if partitions is None else sorted(partitions.assigned),
            "open": [] if partitions is None else sorted(partitions.open_partitions),
            "recovering": [each.facts() for each in self._recoveries.values()],
        }

    async def run(self) -> None:
        """Connects to Kafka and turns the loops until cancelled.

        Ends the process when Kafka or a topic is not there within `connect_seconds_max`, and when
        a loop fails.
        """
        self._begin("lease", self._renew_while_connecting())
        settings, parts = self.settings, self.parts
        topics = [f"{parts.name}.commands", *parts.inputs]
        events = await self._connected(kafka.producer(settings, "events"))
        commands = await self._connected(kafka.producer(settings, "commands"))
        admin = await self._connected(kafka.admin(settings))
        consumer = await self._connected(kafka.group_consumer(settings, parts.name))
        count = await self._partition_count(admin, topics)
        outer = Appender(parts.name, commands)
        self._timers = Timers(self._fire(outer), clock.now)
        self._effects = self._create_effects(outer)
        self._partitions = Partitions(
            consumer,
            topics,
            self._opener(Appender(parts.name, events), count),
            self._close_partition,
            self.lease,
            PartitionLimits(
                commit_seconds=settings.commit_seconds,
                drain_seconds_max=settings.drain_seconds_max,
                records_per_batch_max=settings.records_per_batch_max,
            ),
        )
        self._front = Front(
            settings.url,
            parts.language,
            self.table,
            outer,
            Ownership(admin, parts.name, topics[0]),
            self._partitions,
            count,
            settings.front_append_seconds_max,
            settings.front_appends_waiting_max,
        )
        self._tasks.pop().cancel()
        consumer.subscribe(topics, listener=self._partitions)
        self._begin("commands", self._partitions.run())
        self._begin("timers", self._timers.run())
        if parts.reactions:
            reactions = Reactions(parts.language, parts.reactions, outer, self.counters)
            self._begin("reactions", self._react(reactions))

    async def stop(self) -> None:
        """Finishes what was begun, commits, and closes all connections."""
        self.lease.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._partitions is not None:
            await self._partitions.stop()
        for close in reversed(self._closers):
            try:
                await asyncio.wait_for(close(), CLOSE_SECONDS_MAX)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("closing: %r", error)
        await self.peers.close()
        log.info("stopped")

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        async def see_through() -> None:
            try:
                await work
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("the %s loop failed", name)
                die(EXIT_LOOP_FAILED, f"the {name} loop failed: {error!r}")

        self._tasks.append(asyncio.create_task(see_through(), name=name))

    async def _renew_while_connecting(self) -> None:
        self.lease.watch()
        while True:
            self.lease.renew()
            await asyncio.sleep(CONNECT_NAP_SECONDS)

    async def _connected(self, client: Client) -> Client:
        """The client once it has reached Kafka; ends the process when that takes too long."""
        until = clock.monotonic() + self.settings.connect_seconds_max
        while True:
            try:
                await client.start()
            except (KafkaError, OSError) as error:
                if clock.monotonic() > until:
                    die(
                        EXIT_CONNECT_FAILED,
                        f"Kafka does not answer at {self.settings.bootstrap}: {error!r}",
                    )
                await asyncio.sleep(CONNECT_NAP_SECONDS)
            else:
                self._closers.append(getattr(client, "stop", None) or client.close)
                return client

    async def _partition_count(self, admin: AIOKafkaAdminClient, topics: Sequence[str]) -> int:
        """The number of partitions that all topics have; ends the process where they differ."""
        needed = [*topics, f"{self.parts.name}.events"]
        needed += [f"{owner}.events" for owner in self.parts.reactions or ()]
        until = clock.monotonic() + self.settings.connect_seconds_max
        while True:
            described = await admin.describe_topics(needed)
            counts = {each["topic"]: len(each["partitions"]) for each in described}
            missing = [topic for topic in needed if not counts.get(topic)]
            if not missing:
                break
            if clock.monotonic() > until:
                die(EXIT_CONNECT_FAILED, f"topics are missing: {', '.join(missing)}")
            await asyncio.sleep(CONNECT_NAP_SECONDS)
        if len(set(counts.values())) != 1:
            die(EXIT_CONNECT_FAILED, f"topics differ in their number of partitions: {counts}")
        return counts[topics[0]]

    def _opener(self, appender: Appender, count: int) -> Callable[[int], Awaitable[Any]]:
        parts, settings = self.parts, self.settings
        limits = Limits(settings.append_seconds_max, settings.steps_in_flight_max)

        async def open_partition(number: int) -> Pipeline[Any]:
            table = self.table.open(number)
            reader = kafka.log_reader(settings)
            try:
                await reader.start()
                progress = self._recoveries[number] = Progress(f"{parts.name}.events", number)
                await recover(table, reader, progress, parts.language, self.counters)
            finally:
                self._recoveries.pop(number, None)
                await reader.stop()
            self._set_agenda(number, table.waiting())
            return Pipeline(
                number,
                count,
                table,
                parts.language,
                parts.decider,
                appender,
                lambda partition, rows: self._set_agenda(partition, rows.items()),
                self.counters,
                limits,
            )

        return open_partition

    def _close_partition(self, number: int) -> None:
        if self._timers is not None:
            self._timers.close(number)
        if self._effects is not None:
            self._effects.close(number)
        self.table.close(number)

    def _set_agenda(self, partition: int, rows: Iterable[tuple[str, Row[Any]]]) -> None:
        for key, row in rows:
            agenda = self.parts.decider.agenda(row.state)
            wakeups = [each for each in agenda if isinstance(each, Wakeup)]
            if self._timers is not None:
                self._timers.set(partition, key, wakeups)
            if self._effects is not None:
                calls = [each for each in agenda if not isinstance(each, Wakeup)]
                self._effects.set(partition, key, calls)

    def _create_effects(self, outer: Appender) -> Effects | None:
        if self.parts.outside is None:
            return None
        settings = self.settings
        limits = EffectLimits(
            concurrent_max=settings.effects_concurrent_max,
            per_target_max=settings.effects_per_target_max,
            timeout_seconds=settings.effect_timeout_seconds,
            backoff_seconds=settings.effect_backoff_seconds,
            backoff_seconds_max=settings.effect_backoff_seconds_max,
            attempts_before_flag=settings.effect_attempts_before_flag,
        )
        outside = self.parts.outside()
        self._closers.append(outside.close)
        return Effects(outside, self._report(outer), limits, self.counters)

    def _fire(self, outer: Appender) -> Callable[[str, Wakeup], Awaitable[None]]:
        async def fire(key: str, wakeup: Wakeup) -> None:
            purpose = f"wakeup/{type(wakeup.command).__name__}/{wakeup.at.isoformat()}"
            await self._send(outer, key, wakeup.command, purpose)

        return fire

    def _report(self, outer: Appender) -> Callable[[str, Any, Any], Awaitable[None]]:
        async def report(key: str, call: Any, command: Any) -> None:
            purpose = f"outcome/{type(call).__name__}/{type(command).__name__}"
            await self._send(outer, key, command, purpose)

        return report

    async def _send(self, outer: Appender, key: str, command: Any, purpose: str) -> None:
        """Appends a command that the aggregate itself has led to, and waits until it is durable."""
        command_id = ids.derive(key, purpose)
        envelope = Envelope(
            id=command_id,
            type=type(command).__name__,
            occurred_at=clock.now(),
            causation_id=command_id,
            correlation_id=getattr(command, "order_id", key),
        )
        acknowledged = await outer.command(key, envelope, command)
        await asyncio.wait_for(asyncio.shield(acknowledged), self.settings.append_seconds_max)

    async def _react(self, reactions: Reactions) -> None:
        group = f"{self.parts.name}.reactions"
        consumer = await self._connected(kafka.group_consumer(self.settings, group))
        loop = ReactionLoop(
            consumer,
            reactions,
            self.settings.records_per_batch_max,
            self.settings.append_seconds_max,
        )
        await loop.run()


class _Boot(BootStrategy):
    """Faust as a frame: its web slot and services; consumers and producers are ours."""

    enable_kafka = False
    enable_web = True


class _App(faust.App):
    BootStrategy = _Boot


def create_worker_app(settings: CommonSettings, parts: ServiceParts) -> faust.App:
    """The Faust app of one worker; `app.main()` is its command line."""
    worker = Worker(settings, parts)
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

    class Loops(Service):
        """The worker's loops, started and stopped with the Faust app."""

        async def on_start(self) -> None:
            self.add_future(self._run())

        async def on_stop(self) -> None:
            await worker.stop()

        async def _run(self) -> None:
            try:
                await worker.run()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("the worker can't start")
                die(EXIT_LOOP_FAILED, f"the worker can't start: {error!r}")

    serve_asgi(app, parts.create_api(worker), access_log=False)
    app.service(Loops)
    return app


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
    create_app(chosen).main()


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the server does, so that closed connections of an earlier worker do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
