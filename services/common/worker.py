"""One worker of a service: its parts, made and connected, its loops turning until it stops."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from fastapi import FastAPI

from services.common import kafka, metrics
from services.common.agenda import Agenda
from services.common.api import Peers, Ports
from services.common.calls import CallLog
from services.common.codec import Language
from services.common.connections import Connections
from services.common.decider import Decider, React
from services.common.effects import Outside
from services.common.event_table import EventTable
from services.common.front import Front, FrontLimits, UnavailableError
from services.common.lag import Lag
from services.common.lease import Lease
from services.common.log import Appender, Producer, calls_topic
from services.common.monitor import Monitor
from services.common.open_requests import RequestLimits
from services.common.opening import Opener
from services.common.ownership import Ownership
from services.common.partitions import PartitionLimits, Partitions
from services.common.reactions import ReactionLoop, Reactions
from services.common.remembered import with_memory
from services.common.settings import CommonSettings
from services.common.telemetry import EXIT_LOOP_FAILED, Counters, die, log
from services.common.tracing import TracedProducer, Tracer

CreateApi = Callable[[Ports], FastAPI]
AddRoutes = Callable[[FastAPI, Ports], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """What makes a service: its language, its pure functions, and its ways in and out.

    create_api: makes the front of a process; add_routes adds to it what another aggregate of the
        same process is asked for.
    inputs: topics of commands besides <name>.commands, with the same key.
    reactions: by owner of the event.
    outside: makes the way to the outside world, inside the event loop.
    """

    language: Language
    decider: Decider[Any, Any, Any]
    create_api: CreateApi | None = None
    add_routes: AddRoutes | None = None
    inputs: Sequence[str] = ()
    reactions: Mapping[str, React] | None = None
    outside: Callable[[], Outside] | None = None

    @property
    def name(self) -> str:
        """The owner's name; topics and groups begin with it."""
        return self.language.owner


class Worker:
    """The running parts of one worker; made before the event loop, started inside it."""

    def __init__(
        self, settings: CommonSettings, parts: ServiceParts, tracer: Tracer | None = None
    ) -> None:
        self.settings = settings
        self._tracer = tracer
        self.parts = parts = replace(parts, decider=with_memory(parts.decider))
        self.counters = Counters()
        directory = settings.worker_name.replace(":", "-").replace("/", "-")
        self.table = EventTable[Any](
            Path(settings.data_dir) / directory, parts.decider, parts.language.decode_event
        )
        self.lease = Lease(settings.away_seconds_max, settings.stall_seconds_max)
        self.peers = Peers(lambda: self.front, settings.forward_seconds_max)
        self._front: Front[Any] | None = None
        self._is_stopping = False
        self._partitions: Partitions | None = None
        self._opener: Opener | None = None
        self._agenda: Agenda | None = None
        self.told = metrics.Metrics(parts.name, settings.worker_name)
        self.told.add(partial(metrics.counter_families, self.counters))
        self.told.add(
            partial(metrics.pulse_families, self.lease.pulses, settings.stall_warn_seconds)
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._connections = Connections(settings)

    @property
    def front(self) -> Front[Any]:
        """The ports of the HTTP front.

        Raises:
            UnavailableError: the worker has not connected to Kafka yet, or it stops.
        """
        if self._is_stopping:
            raise UnavailableError("the worker stops")
        if self._front is None:
            raise UnavailableError("the worker is not connected to Kafka yet")
        return self._front

    @property
    def request_limits(self) -> RequestLimits:
        """The bounds of what the front has open at a time."""
        settings = self.settings
        return RequestLimits(settings.front_requests_open_max, settings.front_request_seconds_max)

    @property
    def agenda(self) -> Agenda:
        """What the states of this worker's partitions wait for.

        Raises:
            UnavailableError: the worker has not connected to Kafka yet.
        """
        if self._agenda is None:
            raise UnavailableError("the worker is not connected to Kafka yet")
        return self._agenda

    def live(self) -> Mapping[str, Any]:
        """Whether all loops turn; `stalled` names those that do not."""
        stalled = self.lease.pulses.overdue(self.settings.stall_warn_seconds)
        agenda = self._agenda
        effects = None if agenda is None else agenda.effects
        return {
            "live": not stalled,
            "service": self.parts.name,
            "worker": self.settings.worker_name,
            "stalled": [
                {"loop": pulse.name, "seconds": round(pulse.idle_seconds, 1)} for pulse in stalled
            ],
            "loop_idle_seconds": round(self.lease.idle_seconds, 3),
            "timers": 0 if agenda is None else len(agenda.timers),
            "effects": 0 if effects is None else len(effects),
            "recovering": self._recovering(),
            "counters": self.counters.snapshot(),
        }

    def metrics(self) -> bytes:
        """All that the worker tells, in Prometheus' text format."""
        return metrics.JointMetrics({self.parts.name: self.told}).text()

    def ready(self) -> Mapping[str, Any]:
        """Whether the worker has its partitions, and their tables are folded."""
        partitions = self._partitions
        return {
            "ready": partitions is not None and partitions.is_ready,
            "service": self.parts.name,
            "worker": self.settings.worker_name,
            "assigned": [] if partitions is None else sorted(partitions.assigned),
            "open": [] if partitions is None else sorted(partitions.open_partitions),
            "recovering": self._recovering(),
        }

    def _recovering(self) -> Sequence[Mapping[str, Any]]:
        return [] if self._opener is None else [each.facts() for each in self._opener.recoveries]

    async def run(self) -> None:
        """Connects to Kafka and turns the loops until cancelled.

        Ends the process when Kafka or a topic is not there within `connect_seconds_max`, and when
        a loop fails.
        """
        self._begin("lease", self._connections.renew_meanwhile(self.lease))
        settings, parts = self.settings, self.parts
        topics = [f"{parts.name}.commands", *parts.inputs]
        connected = self._connections.connected
        # One for all that is written: a request takes events and commands along.
        producer = self._traced(await connected(kafka.producer(settings, "log")))
        admin = await connected(kafka.admin(settings))
        consumer = await connected(kafka.group_consumer(settings, parts.name))
        needed = [*topics, *(f"{owner}.events" for owner in (parts.name, *(parts.reactions or ())))]
        count = await self._connections.partition_count(admin, needed)
        outer = Appender(parts.name, producer)
        pulses, language, decider = self.lease.pulses, parts.language, parts.decider
        outside = None if parts.outside is None else parts.outside()
        if outside is not None:
            self._connections.close_at_end(outside.close)
        calls = None
        if outside is not None and settings.calls_told:
            calls = await self._call_log(admin)
        agenda = Agenda(
            settings, decider, outer, count, outside, pulses, self.counters, self._tracer, calls
        )
        opener = Opener(
            settings,
            language,
            decider,
            self.table,
            producer,
            consumer,
            count,
            agenda,
            self.counters,
            self._tracer,
        )
        partitions = Partitions(
            consumer,
            topics,
            opener.open,
            self._close_partition,
            self.lease,
            _partition_limits(settings),
        )
        self._agenda, self._opener, self._partitions = agenda, opener, partitions
        self._front = Front(
            settings.url,
            language,
            self.table,
            outer,
            Ownership(admin, parts.name, topics[0]),
            partitions,
            count,
            FrontLimits.of(settings),
        )
        lags = [Lag(consumer, partitions.positions, lambda: partitions.is_held, pulses)]
        self._tasks.pop().cancel()
        consumer.subscribe(topics, listener=partitions)
        self._begin("commands", partitions.run())
        self._begin("timers", agenda.timers.run())
        self._begin("agenda", agenda.run())
        if parts.reactions:
            lags.append(await self._begin_reactions(parts.reactions, outer))
        self._begin_monitor(lags, agenda, opener, partitions)

    async def stop(self) -> None:
        """Finishes what was begun, commits, and closes all connections."""
        self._is_stopping = True
        self.lease.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._partitions is not None:
            await self._partitions.stop()
        await self._connections.close()
        await self.peers.close()
        log.info("stopped")

    async def _call_log(self, admin: AIOKafkaAdminClient) -> CallLog | None:
        """Where calls are told; None on a cluster without that topic, which stops no worker."""
        settings, name = self.settings, self.parts.name
        topic = calls_topic(name)
        described = await admin.describe_topics([topic])
        if not any(each["partitions"] for each in described):
            log.warning("there is no topic %s: calls are not told; `make topics` makes it", topic)
            return None
        # Its own: an event would be acknowledged only with the calls of the same request.
        producer = await self._connections.connected(kafka.producer(settings, "calls"))
        calls = CallLog(
            Appender(name, self._traced(producer)),
            self.counters,
            settings.calls_waiting_max,
            settings.calls_waiting_seconds_max,
        )
        self._connections.close_at_end(calls.close)
        return calls

    def _traced(self, producer: Producer) -> Producer:
        return producer if self._tracer is None else TracedProducer(producer, self._tracer)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        async def see_through() -> None:
            try:
                await work
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("the %s loop failed", name)
                die(EXIT_LOOP_FAILED, f"the {name} loop failed: {error!r}")
            die(EXIT_LOOP_FAILED, f"the {name} loop has ended")

        self._tasks.append(asyncio.create_task(see_through(), name=name))

    def _close_partition(self, number: int) -> None:
        if self._agenda is not None:
            self._agenda.close(number)
        self.table.close(number)

    async def _begin_reactions(self, react: Mapping[str, React], outer: Appender) -> Lag:
        settings, pulses = self.settings, self.lease.pulses
        group = f"{self.parts.name}.reactions"
        consumer = await self._connections.connected(kafka.group_consumer(settings, group))
        loop = ReactionLoop(
            consumer,
            Reactions(self.parts.language, react, outer, self.counters, self._tracer),
            settings.records_per_batch_max,
            settings.append_seconds_max,
            pulses.begin("reactions"),
            settings.commit_seconds,
        )
        self._connections.close_at_end(loop.stop)
        self._begin("reactions", loop.run())
        return Lag(consumer, loop.positions, lambda: loop.is_taking, pulses)

    def _begin_monitor(
        self, lags: Sequence[Lag], agenda: Agenda, opener: Opener, partitions: Partitions
    ) -> None:
        settings = self.settings

        def opening() -> Hashable | None:
            if partitions.opening is None:
                return None
            folded = [(each.partition, each.position, each.end) for each in opener.recoveries]
            return (partitions.opening, tuple(folded))

        monitor = Monitor(
            self.lease.pulses,
            lags,
            settings.monitor_seconds,
            lambda: agenda.oldest_call_seconds,
            settings.effect_timeout_seconds + settings.append_seconds_max,
            opening,
            settings.rebalance_seconds_max,
        )
        self._begin("monitor", monitor.run())
        told = self.told
        told.add(partial(metrics.lag_families, lags))
        told.add(partial(metrics.agenda_families, agenda))
        told.add(
            lambda: metrics.partition_families(partitions, self.table, opener.recoveries),
        )


def _partition_limits(settings: CommonSettings) -> PartitionLimits:
    return PartitionLimits(
        commit_seconds=settings.commit_seconds,
        drain_seconds_max=settings.drain_seconds_max,
        records_per_batch_max=settings.records_per_batch_max,
        outage_seconds_max=settings.append_seconds_max,
    )
