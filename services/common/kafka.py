"""Kafka clients as the contract of the log needs them, made from settings."""

import asyncio
import ssl
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.partitioner import murmur2

from services.common import kafka_fixes
from services.common.settings import CommonSettings

REQUEST_BYTES_MAX = 8 << 20
FETCH_BYTES_MAX = 1 << 20
# A client knows only the brokers that were up when it asked last. One that asked just after all had
# been down may know one broker, and is lost when that one goes.
METADATA_SECONDS_MAX = 10

# While records come, a consumer's broker gathers them for so long before it answers.
GATHER_MILLISECONDS = 10
GATHER_BYTES = 256 << 10
IDLE_MILLISECONDS = 200
# How long a producer gathers records after it has sent some; the first go at once.
LINGER_MILLISECONDS = 5

kafka_fixes.install()


class GatheringConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """A consumer that is given records in handfuls while many come, and one at once after a rest.

    An answer costs the broker and the client far more than a record. One that was given something
    asks for more than that, or for what there is after GATHER_MILLISECONDS; one that was given
    nothing for a whole poll, or has not polled for long, asks for the next record as soon as it is
    there.
    """

    _rest: asyncio.TimerHandle | None = None

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """The client's own."""
        given: dict[TopicPartition, list[ConsumerRecord]] = await super().getmany(
            *partitions, timeout_ms=timeout_ms, max_records=max_records
        )
        if given:
            self._ask(GATHER_BYTES, GATHER_MILLISECONDS)
            # One that is held up, by a log that is slow, does not go on asking for handfuls.
            if self._rest is not None:
                self._rest.cancel()
            self._rest = asyncio.get_running_loop().call_later(IDLE_MILLISECONDS / 1000, self._idle)
        elif timeout_ms:
            self._idle()
        return given

    def _idle(self) -> None:
        self._ask(1, IDLE_MILLISECONDS)

    def _ask(self, bytes_min: int, milliseconds_max: int) -> None:
        # Read by the client whenever it makes a request.
        self._fetcher._fetch_min_bytes = bytes_min
        self._fetcher._fetch_max_wait_ms = milliseconds_max


class PlacingProducer(AIOKafkaProducer):  # type: ignore[misc]
    """A producer to which a topic's number of partitions makes no difference.

    The client's own lists all partitions of the topic for each record, and hashes each key anew.
    """

    def _partition(
        self,
        topic: str,
        partition: int | None,
        key: Any,
        value: Any,
        key_bytes: bytes | None,
        value_bytes: bytes | None,
    ) -> int:
        if partition is None and key_bytes is not None:
            return _placed(key_bytes, len(self._metadata._partitions[topic]))
        if partition is not None and partition in self._metadata._partitions[topic]:
            return partition
        chosen: int = super()._partition(topic, partition, key, value, key_bytes, value_bytes)
        return chosen


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: murmur2, as Kafka's own clients place keys by default."""
    return _placed(key.encode(), partitions)


@lru_cache(maxsize=65_536)
def _placed(key: bytes, partitions: int) -> int:
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def producer(settings: CommonSettings, name: str) -> AIOKafkaProducer:
    """An idempotent producer: a record is acknowledged once all in-sync replicas have it."""
    return PlacingProducer(
        **_connection(settings),
        client_id=f"{settings.worker_name}/{name}",
        acks="all",
        enable_idempotence=True,
        linger_ms=LINGER_MILLISECONDS,
        max_batch_size=131_072,
        max_request_size=REQUEST_BYTES_MAX,
        request_timeout_ms=int(settings.append_seconds_max * 1000),
        retry_backoff_ms=100,
    )


def group_consumer(settings: CommonSettings, group: str) -> AIOKafkaConsumer:
    """A member of a consumer group that commits nothing by itself.

    The member is static (KIP-345): a worker that comes back within its session gets its partitions
    back with no rebalance. Its client id is the worker's URL, so that the group's description is
    the table of who owns what. Ranges keep equal partition numbers of all topics together.
    """
    return GatheringConsumer(
        **_connection(settings),
        client_id=settings.url,
        group_id=group,
        group_instance_id=f"{group}/{settings.worker_name}",
        partition_assignment_strategy=(RangePartitionAssignor,),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=int(settings.session_seconds * 1000),
        heartbeat_interval_ms=int(settings.heartbeat_seconds * 1000),
        # A worker that stands by reads nothing; the lease sees to one that stands still.
        max_poll_interval_ms=2**31 - 1,
        rebalance_timeout_ms=int(settings.rebalance_seconds_max * 1000),
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
        fetch_max_wait_ms=IDLE_MILLISECONDS,
    )


def generation_of(consumer: AIOKafkaConsumer) -> int:
    """The generation of the group that a member's assignment is of; it grows with each."""
    return int(consumer._coordinator.generation)


def log_reader(settings: CommonSettings) -> AIOKafkaConsumer:
    """A consumer outside any group, that reads a log from where it is told."""
    return AIOKafkaConsumer(
        **_connection(settings),
        client_id=f"{settings.worker_name}/reader",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * FETCH_BYTES_MAX,
        fetch_max_wait_ms=100,
    )


def admin(settings: CommonSettings) -> AIOKafkaAdminClient:
    """A client of the admin protocol."""
    return AIOKafkaAdminClient(
        **_connection(settings), client_id=f"{settings.worker_name}/admin", request_timeout_ms=5_000
    )


def _connection(settings: CommonSettings) -> dict[str, Any]:
    connection: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap,
        "security_protocol": settings.security_protocol,
        "metadata_max_age_ms": METADATA_SECONDS_MAX * 1000,
    }
    if settings.security_protocol in ("SSL", "SASL_SSL"):
        connection["ssl_context"] = ssl.create_default_context(cafile=settings.tls_ca_file or None)
    if settings.security_protocol.startswith("SASL"):
        connection |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password,
        }
    return connection
