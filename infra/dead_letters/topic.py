"""The topics of the dead letters: reading them whole, and appending what a replay leads to."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from infra.admin import quiet_clients
from infra.dead_letters.letters import Case, DeadLetterError, Letters
from infra.dead_letters.replay import Outgoing
from services.common import kafka
from services.common.codec import encode_plain
from services.common.messages.shared import DeadLetterResolved
from services.common.settings import CommonSettings
from services.common.telemetry import trace_headers

READ_MILLISECONDS = 500
RECORDS_PER_READ_MAX = 100
SILENCE_SECONDS_MAX = 30.0


async def read_letters(settings: CommonSettings, services: Sequence[str], letters: Letters) -> None:
    """Gives the letters all that their topics hold now.

    Raises:
        DeadLetterError: no broker answers, a topic is missing, or the log can't be read.
    """
    async with _told_in_a_sentence(settings):
        places = await _partitions(settings, [f"{service}.dead-letters" for service in services])
        reader = kafka.log_reader(settings)
        try:
            await reader.start()
            reader.assign(places)
            ends = await reader.end_offsets(places)
            await reader.seek_to_beginning(*places)
            heard_at = time.monotonic()
            while unread := [
                place for place in places if await reader.position(place) < ends[place]
            ]:
                fetched = await reader.getmany(
                    *unread, timeout_ms=READ_MILLISECONDS, max_records=RECORDS_PER_READ_MAX
                )
                for place, records in fetched.items():
                    for record in records:
                        letters.take(place.topic.removesuffix(".dead-letters"), record)
                if fetched:
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > SILENCE_SECONDS_MAX:
                    raise DeadLetterError(
                        f"{unread[0].topic}/{unread[0].partition} gave nothing for "
                        f"{SILENCE_SECONDS_MAX:.0f} s; try again"
                    )
        finally:
            await reader.stop()


async def append(settings: CommonSettings, records: Sequence[Outgoing]) -> list[str]:
    """The places of the records, once all in-sync replicas have them: topic/partition/offset.

    Raises:
        DeadLetterError: the log did not take a record.
    """
    return await _send(settings, [(record, None) for record in records])


async def append_resolution(
    settings: CommonSettings, case: Case, resolved: DeadLetterResolved
) -> None:
    """Appends what became of a letter behind the letter.

    Raises:
        DeadLetterError: the log did not take the record.
    """
    headers = trace_headers(resolved.correlation_id, resolved.id)
    outgoing = Outgoing(case.topic, case.key, encode_plain(resolved), tuple(headers))
    await _send(settings, [(outgoing, case.partition)])


async def _send(
    settings: CommonSettings, records: Sequence[tuple[Outgoing, int | None]]
) -> list[str]:
    async with _told_in_a_sentence(settings):
        producer = kafka.producer(settings, "replay")
        try:
            await producer.start()
            acks = [
                await producer.send(
                    each.topic,
                    each.value,
                    each.key,
                    partition=partition,
                    headers=list(each.headers),
                )
                for each, partition in records
            ]
            taken = await asyncio.wait_for(asyncio.gather(*acks), settings.append_seconds_max)
        finally:
            await producer.stop()
    return [f"{each.topic}/{each.partition}/{each.offset}" for each in taken]


async def _partitions(settings: CommonSettings, topics: Sequence[str]) -> list[TopicPartition]:
    admin = kafka.admin(settings)
    try:
        await admin.start()
        described = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    counts = {each["topic"]: len(each["partitions"]) for each in described}
    missing = [topic for topic in topics if not counts.get(topic)]
    if missing:
        raise DeadLetterError(
            f"the cluster at {settings.bootstrap} has no topic {missing[0]}; "
            "`make topics BOOTSTRAP=host:port` creates it"
        )
    return [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]


@asynccontextmanager
async def _told_in_a_sentence(settings: CommonSettings) -> AsyncIterator[None]:
    """What goes wrong with Kafka in the block becomes one sentence."""
    with quiet_clients():
        try:
            yield
        except KafkaConnectionError as error:
            raise DeadLetterError(f"no broker answers at {settings.bootstrap}") from error
        except TimeoutError as error:
            raise DeadLetterError(
                f"the broker at {settings.bootstrap} did not answer in time; try again"
            ) from error
        except (KafkaError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise DeadLetterError(
                f"the broker at {settings.bootstrap} can't be used: {reason.rstrip('.')}"
            ) from error
