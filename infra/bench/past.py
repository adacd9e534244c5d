"""What services find in the log that have not run yet: very many events, which are of the past."""

from collections.abc import Iterable, Sequence

import confluent_kafka
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.bench.context import BenchError
from infra.bench.records import Keyed
from services.common.codec import LANGUAGES
from services.common.kafka import partition_of

FLUSH_SECONDS_MAX = 120.0
QUEUE_SECONDS = 0.1
LOG_LEVEL_CRITICAL = 2

Headers = list[tuple[str, str | bytes | None]]


def append_bulk(
    bootstrap: str,
    topic: str,
    partitions: int,
    records: Iterable[Keyed],
    headers: Headers | None = None,
) -> None:
    """Appends the records, each to the partition of its key, and returns when Kafka has them.

    Raises:
        BenchError: Kafka did not take all.
    """
    lost: list[str] = []

    def delivered(error: confluent_kafka.KafkaError | None, _: confluent_kafka.Message) -> None:
        if error is not None:
            lost.append(str(error))

    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 5,
            "log_level": LOG_LEVEL_CRITICAL,  # it tells of what it tries again
        }
    )
    for key, value in records:
        partition = partition_of(key, partitions)
        while True:
            try:
                producer.produce(
                    topic,
                    value,
                    key.encode(),
                    partition=partition,
                    headers=headers or [],
                    on_delivery=delivered,
                )
                break
            except BufferError:
                producer.poll(QUEUE_SECONDS)
        producer.poll(0)
    left = producer.flush(FLUSH_SECONDS_MAX)
    if left or lost:
        raise BenchError(f"{left} records were not taken by Kafka in time, {len(lost)} refused")


async def pass_by(bootstrap: str, places: Sequence[TopicPartition]) -> int:
    """Has no service that is started from now on react to the events that are there already.

    Returns:
        How many events that are.
    """
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as reader:
        ends = await reader.end_offsets(places)
    for owner in LANGUAGES:
        group = f"{owner}.reactions"
        async with AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
        ) as member:
            member.assign(places)
            await member.commit(ends)
    return sum(ends.values())
