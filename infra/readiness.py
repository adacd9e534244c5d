"""Proves that a cluster is ready: a record is acknowledged, and a consumer group reads it."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from infra.admin import NO_LEADER, broker_ids, partitions_seen_by, quiet_clients

PROBE_TOPIC = "tiffin.probe"
COORDINATOR_TOPIC = "__consumer_offsets"
PROBE_RETENTION_SECONDS = 3600
WATCH_SECONDS = 0.05
RETRY_SECONDS = 0.05
REQUEST_SECONDS_MAX = 3
CLOSE_SECONDS_MAX = 2


@dataclass(slots=True)
class Probe:
    """One proof of readiness; `missing` is what it waits for."""

    bootstrap: str
    nodes: frozenset[int]
    replication: int
    coordinator_partitions: int
    missing: str = field(default="a connection to every broker", init=False)

    async def run(self, watch: Callable[[], None], seconds_max: float) -> None:
        """Return when the cluster is ready.

        Args:
            watch: called again and again meanwhile; what it raises ends the proof.

        Raises:
            TimeoutError: the cluster was not ready in time; the text says what was missing.
        """
        task = asyncio.create_task(self._prove())
        try:
            async with asyncio.timeout(seconds_max):
                while not task.done():
                    watch()
                    await asyncio.wait({task}, timeout=WATCH_SECONDS)
            await task
        except TimeoutError as error:
            raise TimeoutError(
                f"The broker at {self.bootstrap} was not ready after {seconds_max:g} s: "
                f"{self.missing} is still missing."
            ) from error
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_SECONDS_MAX)

    async def _prove(self) -> None:
        with quiet_clients():
            admin = await self._connect()
            try:
                await self._see_all_brokers(admin)
                await self._create_topic()
                await self._produce()
                await self._consume_in_group()
                await self._see_all_in_sync(admin)
            finally:
                await admin.close()

    async def _connect(self) -> AIOKafkaAdminClient:
        while True:
            admin = AIOKafkaAdminClient(
                bootstrap_servers=self.bootstrap,
                request_timeout_ms=REQUEST_SECONDS_MAX * 1000,
                retry_backoff_ms=int(RETRY_SECONDS * 1000),
            )
            try:
                await admin.start()
            except (KafkaError, OSError):
                await admin.close()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return admin

    async def _see_all_brokers(self, admin: AIOKafkaAdminClient) -> None:
        self.missing = "the registration of every broker"
        while True:
            with suppress(KafkaError, OSError):
                if await broker_ids(admin) >= self.nodes:
                    return
            await asyncio.sleep(RETRY_SECONDS)

    async def _create_topic(self) -> None:
        self.missing = f"the topic {PROBE_TOPIC}"
        settings = {"retention.ms": str(PROBE_RETENTION_SECONDS * 1000)}
        topic = NewTopic(PROBE_TOPIC, 1, self.replication, topic_configs=settings)
        code = None
        while code not in (0, TopicAlreadyExistsError.errno):
            # A new client each time: one keeps to its controller, even if that is frozen.
            admin = await self._connect()
            with suppress(KafkaError, OSError):
                answer = (await admin.create_topics([topic])).to_object()
                code = answer["topic_errors"][0]["error_code"]
                self.missing = f"the topic {PROBE_TOPIC} ({for_code(code).__name__})"
            await admin.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def _produce(self) -> None:
        self.missing = "the acknowledgement of a record"
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self.bootstrap,
                acks="all",
                request_timeout_ms=REQUEST_SECONDS_MAX * 1000,
                retry_backoff_ms=int(RETRY_SECONDS * 1000),
            )
            try:
                await producer.start()
                await producer.send_and_wait(PROBE_TOPIC, b"ready?")
            except (KafkaError, OSError):
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return
            finally:
                await producer.stop()

    async def _consume_in_group(self) -> None:
        self.missing = "a consumer group that could be joined"
        # A group of its own: members of a killed run could hold up an old one.
        consumer = AIOKafkaConsumer(
            PROBE_TOPIC,
            bootstrap_servers=self.bootstrap,
            group_id=f"{PROBE_TOPIC}.{uuid.uuid4().hex}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            request_timeout_ms=REQUEST_SECONDS_MAX * 1000,
            retry_backoff_ms=int(RETRY_SECONDS * 1000),
        )
        try:
            await consumer.start()
            await consumer.getone()
        finally:
            await consumer.stop()

    async def _see_all_in_sync(self, admin: AIOKafkaAdminClient) -> None:
        self.missing = "a leader and an in-sync copy of every partition"
        while True:
            with suppress(KafkaError, OSError, TimeoutError):
                if await self._all_in_sync(admin):
                    return
            await asyncio.sleep(RETRY_SECONDS)

    async def _all_in_sync(self, admin: AIOKafkaAdminClient) -> bool:
        for node in self.nodes:
            seen = await partitions_seen_by(admin, node)
            coordinators = [one for one in seen if one.topic == COORDINATOR_TOPIC]
            if len(coordinators) != self.coordinator_partitions:
                return False
            for one in seen:
                if one.leader == NO_LEADER or not self.nodes & one.replicas <= one.in_sync:
                    return False
        return True
