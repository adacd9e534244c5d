"""Somebody who repeats records of the log out of order, and sends what is no message."""

import asyncio
import contextlib
from collections import deque
from random import Random

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from infra.chaos.report import Tale
from services.common.codec import LANGUAGES
from services.common.telemetry import Headers

LOCATIONS = "driver.locations"
INPUTS = (*(f"{owner}.commands" for owner in LANGUAGES), LOCATIONS)
# What an aggregate remembers of its commands is bounded where it lives long; those of these topics
# are known again for ever: an order and a delivery remember all, a location is older or newer.
REMEMBERED_FOR_EVER = frozenset({"order.commands", "delivery.commands", LOCATIONS})
# Of each topic so many of the newest records may come again; far fewer than a region remembers.
NEWEST_MAX = 300
# And so many of the whole run, of the topics that are remembered for ever.
OLDER_MAX = 300
REPEATED_MAX = 60
SEND_SECONDS_MAX = 20.0
BAD_VALUES = (
    b"",
    b"\xff\xfe\x00",
    b"{",
    b"[]",
    b"null",
    b'{"type":"Nonsense"}',
    b'{"type":"SubmitOrder","partner":7}',
    b'{"type":"ReportLocation","driver_id":"driver-1","location":{"latitude":900}}',
    b'{"type":"ConfirmPayment","order_id":"' + b"x" * 500 + b'","charge_id":"c"}',
    b'{"id":"' + b"9" * 400 + b'","type":"RequestDriver"}',
)


class Memory:
    """The newest records of a topic, and where it may be, a fair sample of all that there were."""

    def __init__(self, random: Random, keeps_older: bool) -> None:
        self._random = random
        self._keeps_older = keeps_older
        self._newest: deque[ConsumerRecord] = deque(maxlen=NEWEST_MAX)
        self._older: list[ConsumerRecord] = []
        self._count = 0

    def add(self, record: ConsumerRecord) -> None:
        """Takes one more (Vitter, "Random Sampling with a Reservoir", 1985, algorithm R)."""
        self._newest.append(record)
        self._count += 1
        if not self._keeps_older:
            return
        if len(self._older) < OLDER_MAX:
            self._older.append(record)
        elif (place := self._random.randrange(self._count)) < OLDER_MAX:
            self._older[place] = record

    def some(self, count_max: int) -> list[ConsumerRecord]:
        """At most so many, in any order, some twice."""
        known = [*self._newest, *self._older]
        return self._random.choices(known, k=min(len(known), count_max)) if known else []


class Mischief:
    """Reads all inputs along, and does its worst when it is told to."""

    def __init__(self, random: Random, tale: Tale, producer: AIOKafkaProducer) -> None:
        self._random = random
        self._tale = tale
        self._producer = producer
        self._memory = {topic: Memory(random, topic in REMEMBERED_FOR_EVER) for topic in INPUTS}

    async def read_along(self, bootstrap: str, partitions: int) -> None:
        """Remembers what comes on every input, for ever."""
        places = [TopicPartition(topic, n) for topic in INPUTS for n in range(partitions)]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign(places)
            while True:
                with contextlib.suppress(KafkaError):
                    for records in (await consumer.getmany(timeout_ms=500)).values():
                        for record in records:
                            self._memory[record.topic].add(record)
        finally:
            await consumer.stop()

    async def repeat(self) -> int:
        """Sends old records again, byte for byte and out of order; how many Kafka took."""
        count = 0
        for memory in self._memory.values():
            for record in memory.some(REPEATED_MAX):
                count += await self._send(
                    record.topic, record.value, record.key, record.partition, list(record.headers)
                )
        self._tale.records_repeated += count
        return count

    async def send_nonsense(self, partitions: int) -> int:
        """Sends what is no message to every input; how many records Kafka took."""
        count = 0
        for topic in INPUTS:
            for value in BAD_VALUES:
                keys = (None, b"driver-1", b"\xff") if value else (b"driver-1", b"\xff")
                key = self._random.choice(keys)
                partition = self._random.randrange(partitions)
                count += await self._send(topic, value or None, key, partition, [])
        self._tale.records_bad += count
        return count

    async def _send(
        self, topic: str, value: bytes | None, key: bytes | None, partition: int, headers: Headers
    ) -> bool:
        try:
            await asyncio.wait_for(
                self._producer.send_and_wait(topic, value, key, partition, headers=headers),
                SEND_SECONDS_MAX,
            )
        except (KafkaError, TimeoutError):
            return False
        return True
