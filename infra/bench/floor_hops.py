"""One process of the floor: copies records from topic to topic, with nothing done to them.

As a program, started by infra.bench.floor:
python -m infra.bench.floor_hops aiokafka|confluent <bootstrap> <chain> <partitions> <hop> ...

Each hop copies `<chain>.<hop>` to `<chain>.<hop + 1>`, partition by partition; an offset is
committed only after its copy is acknowledged, as often as a worker commits.
"""

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import confluent_kafka
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.bench.job import SESSION_SECONDS
from services.common import kafka
from services.common.settings import CommonSettings

WAIT_SECONDS = 0.2
LINGER_MILLISECONDS = 2


@dataclass(frozen=True, slots=True)
class Hops:
    """The share of one process in a chain of topics."""

    bootstrap: str
    chain: str
    partitions: int
    numbers: Sequence[int]

    @property
    def group(self) -> str:
        """The consumer group of this process alone."""
        return f"{self.chain}.{self.numbers[0]}"

    def places(self) -> list[tuple[str, int]]:
        """Every topic and partition that is copied from."""
        return [
            (topic_of(self.chain, number), partition)
            for number in self.numbers
            for partition in range(self.partitions)
        ]

    def targets(self) -> dict[str, str]:
        """By topic, the topic that it is copied to."""
        return {
            topic_of(self.chain, number): topic_of(self.chain, number + 1)
            for number in self.numbers
        }


def topic_of(chain: str, number: int) -> str:
    """The topic that a hop of a chain reads."""
    return f"{chain}.{number}"


async def hop_by_aiokafka(hops: Hops) -> None:
    """Copies for ever, with the clients that a worker has."""
    settings = CommonSettings(
        bootstrap=hops.bootstrap, worker=hops.group, session_seconds=SESSION_SECONDS
    )
    producer = kafka.producer(settings, "floor")
    consumer = kafka.group_consumer(settings, hops.group)
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(*place) for place in hops.places()])
    targets = hops.targets()
    waiting: deque[tuple[TopicPartition, int, asyncio.Future[object]]] = deque()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_commit_by_aiokafka(consumer, waiting, settings.commit_seconds))
        while True:
            fetched = await consumer.getmany(
                timeout_ms=int(WAIT_SECONDS * 1000), max_records=settings.records_per_batch_max
            )
            for place, records in fetched.items():
                target = targets[place.topic]
                for record in records:
                    ack = await producer.send(
                        target, record.value, record.key, partition=place.partition
                    )
                waiting.append((place, records[-1].offset + 1, ack))


async def _commit_by_aiokafka(
    consumer: AIOKafkaConsumer,
    waiting: deque[tuple[TopicPartition, int, asyncio.Future[object]]],
    seconds: float,
) -> None:
    """Commits what is acknowledged; the last copy of a batch is so after all others of it."""
    while True:
        await asyncio.sleep(seconds)
        offsets: dict[TopicPartition, int] = {}
        while waiting and waiting[0][2].done():
            place, offset, ack = waiting.popleft()
            ack.result()
            offsets[place] = offset
        if offsets:
            await consumer.commit(offsets)


async def hop_by_confluent(hops: Hops) -> None:
    """Copies for ever, with librdkafka's clients and the same guarantees."""
    settings = CommonSettings()
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": hops.bootstrap,
            "enable.idempotence": True,
            "linger.ms": LINGER_MILLISECONDS,
        }
    )
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": hops.bootstrap,
            "group.id": hops.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": True,
            "enable.auto.offset.store": False,
            "auto.commit.interval.ms": int(settings.commit_seconds * 1000),
            "fetch.wait.max.ms": int(WAIT_SECONDS * 1000),
        }
    )
    consumer.assign([confluent_kafka.TopicPartition(*place, 0) for place in hops.places()])
    targets = hops.targets()
    while True:
        first = consumer.poll(WAIT_SECONDS)
        if first is not None:
            rest = consumer.consume(settings.records_per_batch_max - 1, 0)
            _copy_by_confluent(consumer, producer, targets, [first, *rest])
        producer.poll(0)


def _copy_by_confluent(
    consumer: confluent_kafka.Consumer,
    producer: confluent_kafka.Producer,
    targets: dict[str, str],
    messages: Sequence[confluent_kafka.Message],
) -> None:
    last: dict[tuple[str | None, int | None], confluent_kafka.Message] = {}
    for message in messages:
        if (error := message.error()) is not None:
            raise confluent_kafka.KafkaException(error)
        last[message.topic(), message.partition()] = message
    for message in messages:
        place = message.topic() or "", message.partition() or 0
        is_last = last[place] is message
        delivered = _store_once_delivered(consumer, message) if is_last else None
        while True:
            try:
                producer.produce(
                    targets[place[0]],
                    message.value(),
                    message.key(),
                    partition=place[1],
                    on_delivery=delivered,
                )
                break
            except BufferError:
                producer.poll(WAIT_SECONDS)


def _store_once_delivered(
    consumer: confluent_kafka.Consumer, message: confluent_kafka.Message
) -> Callable[[confluent_kafka.KafkaError | None, confluent_kafka.Message], None]:
    def delivered(error: confluent_kafka.KafkaError | None, _: confluent_kafka.Message) -> None:
        if error is not None:
            raise confluent_kafka.KafkaException(error)
        consumer.store_offsets(message)

    return delivered


CLIENTS = {"aiokafka": hop_by_aiokafka, "confluent": hop_by_confluent}


def main() -> None:
    """Hops until it is ended."""
    client, bootstrap, chain, partitions, *numbers = sys.argv[1:]
    hops = Hops(bootstrap, chain, int(partitions), [int(number) for number in numbers])
    uvloop.install()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(CLIENTS[client](hops))


if __name__ == "__main__":
    main()
