"""Topics of a test's own on the shared broker."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import for_code
from aiokafka.structs import TopicPartition

from services.common import kafka
from services.common.event_table import Appended
from services.common.settings import CommonSettings


@dataclass(slots=True)
class Topics:
    """What an administrator does to topics."""

    settings: CommonSettings
    admin: AIOKafkaAdminClient
    producer: AIOKafkaProducer

    async def create(
        self, name: str, partitions: int = 1, settings: Mapping[str, str] | None = None
    ) -> None:
        """Makes an empty topic; waits until one of that name is gone."""
        code = None
        while code != 0:
            config = {"message.timestamp.type": "LogAppendTime", **(settings or {})}
            topic = NewTopic(name, partitions, 1, topic_configs=config)
            answer = (await self.admin.create_topics([topic])).to_object()
            code = answer["topic_errors"][0]["error_code"]
            if code not in (0, 36):
                raise for_code(code)

    async def delete(self, name: str) -> None:
        """Deletes a topic with all that it holds."""
        await self.admin.delete_topics([name])

    async def truncate(self, name: str, before: int, partition: int = 0) -> None:
        """Deletes the records before an offset."""
        place = TopicPartition(name, partition)
        await self.admin.delete_records({place: RecordsToDelete(before_offset=before)})

    async def fill(self, name: str, events: list[Appended], partition: int = 0) -> None:
        """Appends events."""
        for each in events:
            await self.append(name, each.value, partition)

    async def append(self, name: str, value: bytes, partition: int = 0) -> None:
        """Appends one record."""
        await self.producer.send_and_wait(name, value, b"k", partition=partition)

    async def offsets(self, name: str, partition: int = 0) -> list[int]:
        """The offsets of the records that one partition has."""
        place = TopicPartition(name, partition)
        found: list[int] = []
        async with kafka.log_reader(self.settings) as reader:
            reader.assign([place])
            await reader.seek_to_beginning(place)
            end = (await reader.end_offsets([place]))[place]
            while await reader.position(place) < end:
                got = await reader.getmany(place, timeout_ms=500)
                found += [record.offset for record in got.get(place, [])]
        return found


@asynccontextmanager
async def topics_of(settings: CommonSettings) -> AsyncIterator[Topics]:
    """The topics of a cluster."""
    admin = kafka.admin(settings)
    await admin.start()
    producer = kafka.producer(settings, "test")
    await producer.start()
    try:
        yield Topics(settings, admin, producer)
    finally:
        await producer.stop()
        await admin.close()


def unique(name: str) -> str:
    """A name that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:8]}"
