"""Somebody who repeats records of the log out of order, and sends what is no message."""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Sequence
from random import Random

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from infra.chaos.report import Tale
from infra.stack import SERVICES
from services.common.telemetry import Headers

LOCATIONS = "driver.locations"
INPUTS = (*(f"{service}.commands" for service in SERVICES), LOCATIONS)
# Of each topic so many of the newest records may come again; far fewer than a region remembers.
KEPT_MAX = 300
REPEATED_MAX = 60
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


class Mischief:
    """Reads all inputs along, and does its worst when it is told to."""

    def __init__(self, random: Random, tale: Tale, producer: AIOKafkaProducer) -> None:
        self._random = random
        self._tale = tale
        self._producer = producer
        self._seen: dict[str, deque[ConsumerRecord]] = defaultdict(lambda: deque(maxlen=KEPT_MAX))

    async def read_along(self, bootstrap: str, partitions: int) -> None:
        """Remembers the newest records of every input, for ever."""
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
                        self._seen[records[0].topic].extend(records)
        finally:
            await consumer.stop()

    async def repeat(self) -> None:
        """Sends records of the last while again: the same bytes, shuffled, some twice."""
        for topic in INPUTS:
            seen = tuple(self._seen[topic])
            chosen = self._random.choices(seen, k=min(len(seen), REPEATED_MAX)) if seen else ()
            await self._send(chosen)
            self._tale.records_repeated += len(chosen)

    async def send_nonsense(self, partitions: int) -> None:
        """Sends what is no message to every input."""
        for topic in INPUTS:
            for value in BAD_VALUES:
                keys = (None, b"driver-1", b"\xff") if value else (b"driver-1", b"\xff")
                key = self._random.choice(keys)
                partition = self._random.randrange(partitions)
                if await self._try(topic, value or None, key, partition, []):
                    self._tale.records_bad += 1

    async def _send(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            await self._try(
                record.topic, record.value, record.key, record.partition, list(record.headers)
            )

    async def _try(
        self, topic: str, value: bytes | None, key: bytes | None, partition: int, headers: Headers
    ) -> bool:
        try:
            await asyncio.wait_for(
                self._producer.send_and_wait(topic, value, key, partition, headers=headers), 20
            )
        except (KafkaError, TimeoutError):
            return False
        return True
