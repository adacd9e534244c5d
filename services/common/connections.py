"""The connections of a worker: made within a time, and closed in the reverse order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.common import clock
from services.common.lease import Lease
from services.common.settings import CommonSettings
from services.common.telemetry import EXIT_CONNECT_FAILED, die, log

CONNECT_NAP_SECONDS = 0.5
CLOSE_SECONDS_MAX = 10.0

Client = TypeVar("Client", bound=Any)


class Connections:
    """What a worker has connected to; a process that can't connect in time ends."""

    def __init__(self, settings: CommonSettings) -> None:
        self._settings = settings
        self._closers: list[Callable[[], Awaitable[Any]]] = []

    async def connected(self, client: Client) -> Client:
        """The client once it has reached Kafka; ends the process when that takes too long."""
        until = clock.monotonic() + self._settings.connect_seconds_max
        while True:
            try:
                await client.start()
            except (KafkaError, OSError) as error:
                if clock.monotonic() > until:
                    die(
                        EXIT_CONNECT_FAILED,
                        f"Kafka does not answer at {self._settings.bootstrap}: {error!r}",
                    )
                await asyncio.sleep(CONNECT_NAP_SECONDS)
            else:
                self.close_at_end(getattr(client, "stop", None) or client.close)
                return client

    async def partition_count(self, admin: AIOKafkaAdminClient, topics: Sequence[str]) -> int:
        """The number of partitions that all topics have; ends the process where they differ."""
        until = clock.monotonic() + self._settings.connect_seconds_max
        while True:
            described = await admin.describe_topics(topics)
            counts = {each["topic"]: len(each["partitions"]) for each in described}
            missing = [topic for topic in topics if not counts.get(topic)]
            if not missing:
                break
            if clock.monotonic() > until:
                die(EXIT_CONNECT_FAILED, f"topics are missing: {', '.join(missing)}")
            await asyncio.sleep(CONNECT_NAP_SECONDS)
        if len(set(counts.values())) != 1:
            die(EXIT_CONNECT_FAILED, f"topics differ in their number of partitions: {counts}")
        return counts[topics[0]]

    async def renew_meanwhile(self, lease: Lease) -> None:
        """Turns in the command loop's place until that begins."""
        lease.watch()
        while True:
            lease.renew()
            await asyncio.sleep(CONNECT_NAP_SECONDS)

    def close_at_end(self, close: Callable[[], Awaitable[Any]]) -> None:
        """Has this called at the end, before what came earlier is closed."""
        self._closers.append(close)

    async def close(self) -> None:
        """Closes all, each within CLOSE_SECONDS_MAX."""
        for close in reversed(self._closers):
            try:
                await asyncio.wait_for(close(), CLOSE_SECONDS_MAX)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("closing: %r", error)
