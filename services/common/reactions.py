"""Reactions: events of other services become commands of one's own.

A reaction is pure and holds no state. Its commands carry ids and versions derived from the event,
so that reading an event twice counts once. The offset of an event is committed only after its
commands are acknowledged.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from services.common import ids
from services.common.codec import LANGUAGES, BadRecordError, Language
from services.common.decider import Envelope, React
from services.common.log import Ack, Appender, Record, place_of
from services.common.telemetry import EXIT_LOG_SKIPPED, Counters, die, log

POLL_MILLISECONDS = 200


class Reactions:
    """What one service does about the events of others: `react` by owner of the event."""

    def __init__(
        self,
        language: Language,
        react: Mapping[str, React],
        appender: Appender,
        counters: Counters,
    ) -> None:
        self._language = language
        self._react = react
        self._appender = appender
        self._counters = counters

    @property
    def topics(self) -> list[str]:
        """The event topics that are read."""
        return [f"{owner}.events" for owner in self._react]

    async def take(self, records: Iterable[Record], seconds_max: float) -> None:
        """Appends the commands that these records lead to, and waits until they are acknowledged.

        Raises:
            TimeoutError, KafkaError: the log did not take a command.
        """
        acks: list[Ack] = []
        for record in records:
            acks.extend(await self._append(record))
        if acks:
            await asyncio.wait_for(asyncio.gather(*acks), seconds_max)

    async def _append(self, record: Record) -> list[Ack]:
        owner = record.topic.removesuffix(".events")
        language = LANGUAGES[owner]
        try:
            event, message = language.decode_event(record.value)
            commands = list(self._react[owner](message))
            if len({self._language.key(command) for command in commands}) < len(commands):
                raise ValueError("two commands of one event for one aggregate: one would be lost")
        except BadRecordError as error:
            self._counters.add("dead_letters")
            log.warning("dead letter %s: %s", place_of(record), error)
            return [await self._appender.dead_letter(record, str(error))]
        except Exception as error:
            self._counters.add("dead_letters")
            log.exception("the reaction to %s failed", place_of(record))
            return [await self._appender.dead_letter(record, f"reaction failed: {error!r}")]
        source = f"{owner}/{language.key(message)}"
        return [
            await self._appender.command(
                self._language.key(command),
                command_envelope(event, source, command),
                command,
                record.headers,
            )
            for command in commands
        ]


class ReactionLoop(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads the event topics, has the reactions appended, and commits what was acknowledged."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        reactions: Reactions,
        records_per_batch_max: int,
        append_seconds_max: float,
    ) -> None:
        self._consumer = consumer
        self._reactions = reactions
        self._records_per_batch_max = records_per_batch_max
        self._append_seconds_max = append_seconds_max
        self._expected: dict[TopicPartition, int] = {}

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forgets where it stood; the group's committed offsets say where to go on."""
        self._expected.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begins at the committed offsets, which the consumer seeks itself."""

    async def run(self) -> None:
        """Reacts, for ever.

        Raises:
            TimeoutError, KafkaError: the log did not take a command.
        """
        self._consumer.subscribe(self._reactions.topics, listener=self)
        while True:
            fetched = await self._consumer.getmany(
                timeout_ms=POLL_MILLISECONDS, max_records=self._records_per_batch_max
            )
            for place, records in fetched.items():
                self._guard(place, records)
                await self._reactions.take(records, self._append_seconds_max)
                try:
                    await self._consumer.commit({place: records[-1].offset + 1})
                except (KafkaError, IllegalStateError) as error:
                    log.warning("reactions: offsets not committed, will be again: %r", error)

    def _guard(self, place: TopicPartition, records: Sequence[Record]) -> None:
        """Exits when a record was skipped, so that a restart reads from the last commit."""
        expected = self._expected.get(place, records[0].offset)
        for record in records:
            if record.offset > expected:
                die(EXIT_LOG_SKIPPED, f"{place_of(record)} came where {expected} was expected")
            expected = record.offset + 1
        self._expected[place] = expected


def command_envelope(event: Envelope, source: str, command: Any) -> Envelope:
    """The envelope of a command that follows from an event; the same whenever it is made.

    Args:
        source: the aggregate of the event, as <owner>/<key>.
    """
    name = type(command).__name__
    return Envelope(
        id=ids.derive(event.id, f"{name}/{command!r}"),
        type=name,
        occurred_at=event.occurred_at,
        causation_id=event.id,
        correlation_id=getattr(command, "order_id", None) or event.correlation_id,
        source=source,
        source_version=event.version,
    )
