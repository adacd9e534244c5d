"""The topics of the log, read from their beginning or from now on, outside any group."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from infra.admin import quiet_clients
from infra.look.errors import LookError, UnansweredError
from services.common import kafka
from services.common.log import Record
from services.common.settings import CommonSettings

READ_MILLISECONDS = 300
RECORDS_PER_READ_MAX = 5_000
SILENCE_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 2.0


class Log(Protocol):
    """Topics that are read on and on."""

    @property
    def is_at_end(self) -> bool:
        """True once all is read that the topics held when they were opened."""
        ...

    async def more(self) -> Sequence[Record]:
        """The next records, each partition's in its order; none where nothing new has come."""
        ...


class OpenLog(Protocol):
    """Opens topics to read."""

    def __call__(
        self,
        settings: CommonSettings,
        topics: Sequence[str],
        from_beginning: bool,
        since: datetime | None = None,
    ) -> AbstractAsyncContextManager[Log]: ...


class KafkaLog:
    """Topics of a Kafka cluster; `ends` is where each partition ended when they were opened."""

    def __init__(self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._ends = ends
        self._unread = set(ends)
        self._heard_at = time.monotonic()

    @property
    def is_at_end(self) -> bool:
        """True once all is read that the topics held when they were opened."""
        return not self._unread

    async def more(self) -> Sequence[Record]:
        """The next records.

        Raises:
            UnansweredError: a partition that has more gave nothing for SILENCE_SECONDS_MAX.
        """
        fetched = await self._consumer.getmany(
            timeout_ms=READ_MILLISECONDS, max_records=RECORDS_PER_READ_MAX
        )
        await self.look()
        if fetched:
            self._heard_at = time.monotonic()
        elif self._unread and time.monotonic() - self._heard_at > SILENCE_SECONDS_MAX:
            place = min(self._unread)
            raise UnansweredError(
                f"{place.topic}/{place.partition} gave nothing for {SILENCE_SECONDS_MAX:.0f} s"
            )
        return [record for records in fetched.values() for record in records]

    async def look(self) -> None:
        """Finds out what is still to be read."""
        for place in list(self._unread):
            if await self._consumer.position(place) >= self._ends[place]:
                self._unread.remove(place)


@asynccontextmanager
async def open_log(
    settings: CommonSettings,
    topics: Sequence[str],
    from_beginning: bool,
    since: datetime | None = None,
) -> AsyncIterator[Log]:
    """Topics to read; what goes wrong in the block becomes one sentence.

    Args:
        since: leaves out what was written before, where they are read from their beginning.

    Raises:
        LookError: no broker answers, a topic is missing, or the log can't be read.
    """
    with quiet_clients():
        try:
            places = await _partitions(settings, topics)
            consumer = kafka.log_reader(settings)
            try:
                await consumer.start()
                consumer.assign(places)
                ends = await consumer.end_offsets(places)
                begins = await _begins(consumer, places, since) if from_beginning else {}
                for place in places:
                    consumer.seek(place, begins.get(place, ends[place]))
                log = KafkaLog(consumer, ends)
                await log.look()
                yield log
            finally:
                await _stop(consumer)
        except BrokenPipeError:
            raise  # of the caller's own output
        except KafkaConnectionError as error:
            raise UnansweredError(f"no broker answers at {settings.bootstrap}") from error
        except TimeoutError as error:
            raise UnansweredError(
                f"the broker at {settings.bootstrap} did not answer in time"
            ) from error
        except (KafkaError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise LookError(
                f"the log at {settings.bootstrap} can't be read: {reason.rstrip('.')}"
            ) from error


async def _begins(
    consumer: AIOKafkaConsumer, places: Sequence[TopicPartition], since: datetime | None
) -> dict[TopicPartition, int]:
    """The first offset of each partition; since an instant, of those that have one."""
    if since is None:
        return dict(await consumer.beginning_offsets(places))
    milliseconds = int(since.timestamp() * 1000)
    found = await consumer.offsets_for_times(dict.fromkeys(places, milliseconds))
    return {place: first.offset for place, first in found.items() if first is not None}


async def _partitions(settings: CommonSettings, topics: Sequence[str]) -> list[TopicPartition]:
    admin = kafka.admin(settings)
    try:
        await admin.start()
        described = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    counts = {each["topic"]: len(each["partitions"]) for each in described}
    for topic in topics:
        if not counts.get(topic):
            raise LookError(f"the cluster at {settings.bootstrap} has no topic {topic}")
    return [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Closes the connections. The client's own call may wait for ever for its fetching to end."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(consumer.stop(), STOP_SECONDS_MAX)
