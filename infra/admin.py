"""A cluster as its administrator sees it: its brokers, and the partitions that each knows of."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from infra.errors import BrokerError

REQUEST_SECONDS_MAX = 10
NO_LEADER = -1


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition, as one broker knows it."""

    topic: str
    number: int
    leader: int
    replicas: frozenset[int]
    in_sync: frozenset[int]


@asynccontextmanager
async def open_admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected client; what goes wrong in the block becomes one sentence.

    Raises:
        BrokerError: no broker answers, or one refuses a request.
    """
    with quiet_clients():
        admin = AIOKafkaAdminClient(
            bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_SECONDS_MAX * 1000
        )
        try:
            await admin.start()
            yield admin
        except KafkaConnectionError as error:
            raise BrokerError(f"No broker answers at {bootstrap}.") from error
        except (KafkaError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise BrokerError(
                f"The broker at {bootstrap} does not do its work: {reason}."
            ) from error
        finally:
            await admin.close()


@contextmanager
def quiet_clients() -> Iterator[None]:
    """Keep the clients' own complaints out of the log where the caller tells or retries."""
    logger = logging.getLogger("aiokafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


async def broker_ids(admin: AIOKafkaAdminClient) -> frozenset[int]:
    """The brokers that are registered."""
    cluster = await admin.describe_cluster()
    return frozenset(broker["node_id"] for broker in cluster["brokers"])


async def partitions_seen_by(
    admin: AIOKafkaAdminClient, broker: int, topics: Sequence[str] | None = None
) -> list[Partition]:
    """The partitions of these topics, or of all, that one broker knows of.

    Brokers learn of a new topic one after another, and the admin client's own calls ask any of
    them; only its inner call can ask each.
    """
    request = MetadataRequest(None if topics is None else list(topics), False)
    answer = (await admin._send_request_to_node(broker, request)).to_object()
    return [
        Partition(
            topic=topic["topic"],
            number=partition["partition"],
            leader=partition["leader"],
            replicas=frozenset(partition["replicas"]),
            in_sync=frozenset(partition["isr"]),
        )
        for topic in answer["topics"]
        for partition in topic["partitions"]
    ]
