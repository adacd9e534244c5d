"""Sends the phones' locations to Kafka, and keeps them in order while that is impossible."""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import NAMESPACE_URL, uuid5

import orjson
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped, unused-ignore]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped, unused-ignore]

from services.sandbox.geography import GeoPoint

logger = logging.getLogger(__name__)

TOPIC = "driver.locations"
CONNECT_BACKOFF_SECONDS = 1.0
STOP_SECONDS_MAX = 2.0


@dataclass(frozen=True, slots=True)
class LocationReport:
    """Where a driver was; recorded_at is RFC 3339 in UTC."""

    driver_id: str
    location: GeoPoint
    recorded_at: str

    def encode(self) -> bytes:
        """The record's value as JSON; a report that is sent again has the same id."""
        report_id = str(uuid5(NAMESPACE_URL, f"{TOPIC}/{self.driver_id}/{self.recorded_at}"))
        return orjson.dumps(
            {
                "id": report_id,
                "type": "ReportLocation",
                "occurred_at": self.recorded_at,
                "causation_id": report_id,
                "correlation_id": self.driver_id,
                "driver_id": self.driver_id,
                "location": self.location,
                "recorded_at": self.recorded_at,
            }
        )


class LocationsUnavailableError(Exception):
    """A location could not be sent now; it may be sent later."""


class LocationPort(Protocol):
    """Where locations go."""

    async def start(self) -> None:
        """Begins to connect, and does not wait for it."""

    async def send(self, report: LocationReport) -> None:
        """Sends one report and returns when it is acknowledged.

        Raises:
            LocationsUnavailableError: it was not acknowledged.
        """

    async def stop(self) -> None:
        """Ends the connection."""


class KafkaLocations:
    """Produces locations to Kafka, keyed by driver id, over a connection that renews itself."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._producer: AIOKafkaProducer | None = None
        self._connecting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to connect, and goes on trying until the broker is there."""
        self._connecting = asyncio.create_task(self._connect(), name="connect to Kafka")

    async def send(self, report: LocationReport) -> None:
        """Sends one report and returns when all in-sync replicas have it.

        Raises:
            LocationsUnavailableError: there is no connection, or the broker did not acknowledge.
        """
        producer = self._producer
        if producer is None:
            raise LocationsUnavailableError("not connected to Kafka")
        try:
            await producer.send_and_wait(
                TOPIC, key=report.driver_id.encode(), value=report.encode()
            )
        except KafkaError as error:
            await self._renew(producer)
            raise LocationsUnavailableError(repr(error)) from error

    async def stop(self) -> None:
        """Ends the connection, within a limit also when the broker is gone."""
        if self._connecting:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._producer:
            await _stop(self._producer)

    async def _renew(self, producer: AIOKafkaProducer) -> None:
        # An idempotent producer that met a fatal error fails for ever; only a new one can go on.
        if producer is not self._producer:
            return
        self._producer = None
        await _stop(producer)
        await self.start()

    async def _connect(self) -> None:
        is_first_failure = True
        while True:
            # Idempotence keeps a driver's locations in order when the client retries.
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap_servers, acks="all", enable_idempotence=True
            )
            try:
                await producer.start()
            except (KafkaError, OSError) as error:
                if is_first_failure:
                    logger.warning("Kafka cannot be reached yet (%r); trying on", error)
                is_first_failure = False
            else:
                self._producer = producer
                return
            finally:
                if producer is not self._producer:
                    await _stop(producer)
            await asyncio.sleep(CONNECT_BACKOFF_SECONDS)


async def _stop(producer: AIOKafkaProducer) -> None:
    with suppress(TimeoutError, KafkaError):
        await asyncio.wait_for(producer.stop(), STOP_SECONDS_MAX)


class LocationOutbox:
    """One phone's locations that are not sent yet, in order; the oldest give way at the limit."""

    def __init__(self, port: LocationPort, reports_max: int) -> None:
        self._port = port
        self._waiting: deque[LocationReport] = deque(maxlen=reports_max)
        self._flushing: asyncio.Task[None] | None = None
        self._is_failing = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, report: LocationReport) -> None:
        """Keeps one more report."""
        self._waiting.append(report)

    def flush(self) -> None:
        """Begins to send what waits, unless that is already under way."""
        if self._waiting and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.create_task(self._send_all())

    async def close(self) -> None:
        """Stops sending."""
        if self._flushing:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)

    async def _send_all(self) -> None:
        while self._waiting:
            report = self._waiting[0]
            try:
                await self._port.send(report)
            except LocationsUnavailableError as error:
                if not self._is_failing:
                    logger.warning("Locations wait in the phone %s: %s", report.driver_id, error)
                self._is_failing = True
                return
            self._is_failing = False
            # While sending, the limit may have pushed this very report out.
            if self._waiting and self._waiting[0] is report:
                self._waiting.popleft()
