"""Reads all topics of the catalogue that the rules judge, from the first kept record on."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.admin import quiet_clients
from infra.errors import BrokerError
from infra.topics import list_topics
from infra.verify.entry import TOPICS, Entry, Typed, read_entry
from infra.verify.errors import CannotVerifyError
from infra.verify.evidence import Place

RECORDS_PER_READ_MAX = 10_000
PARTITION_BYTES_MAX = 4 << 20
POLL_MILLISECONDS = 300
FETCH_WAIT_MILLISECONDS = 50
SILENCE_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 2.0

Take = Callable[[Entry, Typed | None], None]


class LogReader:
    """All partitions of all topics, read on to their end as often as asked.

    Args:
        take: is given every record once, in the order of its partition.
    """

    def __init__(self, consumer: AIOKafkaConsumer, partitions: int, take: Take) -> None:
        self.partitions = partitions
        self.begins: dict[Place, int] = {}
        self.next: dict[Place, int] = {}
        self._consumer = consumer
        self._take = take

    async def read_on(self, topics: Iterable[str] = TOPICS) -> None:
        """Reads to the present end of the topics.

        The ends of events are taken first: a command or event that has led to one is then before
        the end of its own topic.

        Raises:
            CannotVerifyError, TimeoutError: the log gave nothing for SILENCE_SECONDS_MAX.
        """
        async with asyncio.timeout(SILENCE_SECONDS_MAX):
            ends = await self._ends(self._places(topics))
        waiting = {place for place, end in ends.items() if self.next[place] < end}
        self._consumer.assign(list(waiting))
        for place in waiting:
            self._consumer.seek(place, self.next[place])
        heard_at = time.monotonic()
        while waiting:
            fetched = await self._consumer.getmany(
                *waiting, timeout_ms=POLL_MILLISECONDS, max_records=RECORDS_PER_READ_MAX
            )
            for place, records in fetched.items():
                for record in records:
                    if record.offset < ends[place]:
                        self._give(record)
                self.next[place] = min(await self._consumer.position(place), ends[place])
                heard_at = time.monotonic()
            waiting = {place for place in waiting if self.next[place] < ends[place]}
            if time.monotonic() - heard_at > SILENCE_SECONDS_MAX:
                place = min(waiting)
                raise CannotVerifyError(
                    f"{place.topic}/{place.partition} gives nothing at {self.next[place]}."
                )

    async def _ends(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        if not self.begins:
            self.begins = await self._consumer.beginning_offsets(self._places(TOPICS))
            self.next = dict(self.begins)
        ends: dict[TopicPartition, int] = {}
        for is_event in (True, False):
            part = [place for place in places if place.topic.endswith(".events") is is_event]
            if part:
                ends |= await self._consumer.end_offsets(part)
        return ends

    def _places(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, n) for topic in topics for n in range(self.partitions)]

    def _give(self, record: object) -> None:
        names = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")
        self._take(*read_entry(*(getattr(record, name) for name in names)))


@asynccontextmanager
async def open_log(bootstrap: str, take: Take) -> AsyncIterator[LogReader]:
    """A reader of the log; what goes wrong in the block becomes one sentence.

    Raises:
        CannotVerifyError: no broker answers, or it has not all topics, alike in partitions.
    """
    with quiet_clients():
        try:
            counts = await list_topics(bootstrap)
        except BrokerError as error:
            raise CannotVerifyError(str(error)) from error
        partitions = {counts[topic] for topic in TOPICS}
        if len(partitions) != 1 or 0 in partitions:
            raise CannotVerifyError(
                f"The topics at {bootstrap} are missing or differ in partitions: {counts}."
            )
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            max_partition_fetch_bytes=PARTITION_BYTES_MAX,
            # A fetch that waits for records holds up the question for the next ends.
            fetch_max_wait_ms=FETCH_WAIT_MILLISECONDS,
        )
        try:
            await consumer.start()
            yield LogReader(consumer, partitions.pop(), take)
        except TimeoutError as error:
            raise CannotVerifyError(f"The broker at {bootstrap} does not answer.") from error
        except (KafkaError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise CannotVerifyError(f"The log at {bootstrap} can't be read: {reason}.") from error
        finally:
            await _stop(consumer)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Closes the connections. The client's own call may wait for ever for its fetching to end."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(consumer.stop(), STOP_SECONDS_MAX)
