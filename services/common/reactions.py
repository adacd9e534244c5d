"""Reactions: events of other services become commands of one's own.

A reaction is pure and holds no state. Its commands carry ids and versions derived from the event,
so that reading an event twice counts once. The offset of an event is committed only after its
commands are acknowledged.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from services.common import clock, ids
from services.common.codec import LANGUAGES, BadRecordError, Language
from services.common.decider import Envelope, React
from services.common.log import Ack, Appender, Record, all_acknowledged, place_name, place_of
from services.common.log_lines import without_values
from services.common.pulse import Pulse
from services.common.telemetry import EXIT_LOG_SKIPPED, Counters, die, log
from services.common.tracing import Tracer

POLL_MILLISECONDS = 200
# The client's own calls wait without end: for the group's next assignment, for a broker.
FETCH_SECONDS_MAX = 1.0
COMMIT_SECONDS_MAX = 5.0


class Reactions:
    """What one service does about the events of others: `react` by owner of the event."""

    def __init__(
        self,
        language: Language,
        react: Mapping[str, React],
        appender: Appender,
        counters: Counters,
        tracer: Tracer | None = None,
    ) -> None:
        self._language = language
        self._react = react
        self._appender = appender
        self._counters = counters
        self._tracer = tracer

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
        await all_acknowledged(acks, seconds_max)

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
            log.warning("dead letter %s: %s", place_of(record), without_values(str(error)))
            return [await self._appender.dead_letter(record, str(error))]
        except Exception as error:
            self._counters.add("dead_letters")
            log.exception("the reaction to %s failed", place_of(record))
            return [await self._appender.dead_letter(record, f"reaction failed: {error!r}")]
        source = f"{owner}/{language.key(message)}"
        span = None
        if commands and self._tracer is not None:
            order_id = getattr(message, "order_id", None)
            span = self._tracer.consume(
                "react to", event, order_id, record.headers, record.topic, self._language.owner
            )
        acks = [
            await self._appender.command(
                self._language.key(command),
                command_envelope(event, source, command),
                command,
                record.headers,
            )
            for command in commands
        ]
        if span is not None and self._tracer is not None:
            self._tracer.end(span)
        return acks


class ReactionLoop(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads the event topics, has the reactions appended, and commits what was acknowledged.

    Offsets are committed now and then, for a commit costs Kafka more than an event: a worker that
    takes over reacts once more to what was not committed yet, which counts once.

    Args:
        records_per_batch_max: that are read at once, and reacted to without a commit.
        pulse: beats with each turn.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        reactions: Reactions,
        records_per_batch_max: int,
        append_seconds_max: float,
        pulse: Pulse | None = None,
        commit_seconds: float = 0.0,
    ) -> None:
        self._consumer = consumer
        self._reactions = reactions
        self._records_per_batch_max = records_per_batch_max
        self._append_seconds_max = append_seconds_max
        self._pulse = pulse or Pulse("reactions")
        self._commit_seconds = commit_seconds
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._starts: dict[TopicPartition, int] = {}
        self._expected: dict[TopicPartition, int] = {}
        self._starting: asyncio.Task[None] | None = None
        self._uncommitted: dict[TopicPartition, int] = {}
        self._uncommitted_records = 0
        self._committed_at = float("-inf")
        self._generation = 0
        self._committing = asyncio.Lock()
        self.is_taking = False

    def positions(self) -> Mapping[TopicPartition, int]:
        """The next record that is taken from each input, where it is known."""
        known = self._starts | self._expected
        return {place: known[place] for place in self._assigned if place in known}

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Commits what was acknowledged, and forgets where it stood."""
        if self._starting is not None:
            self._starting.cancel()
        self._generation += 1
        await self._commit()
        self._uncommitted.clear()
        self._assigned = frozenset()
        self._starts.clear()
        self._expected.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begins at the committed offsets, which the consumer seeks itself."""
        self._assigned = frozenset(assigned)
        self._starting = asyncio.create_task(self._learn_starts(sorted(self._assigned)))

    async def _learn_starts(self, places: Sequence[TopicPartition]) -> None:
        """Notes where each input begins, so that one which never gives a record is seen."""
        for place in places:
            try:
                begin = (await self._consumer.beginning_offsets([place]))[place]
                self._starts[place] = max(begin, await self._consumer.committed(place) or 0)
            except (KafkaError, IllegalStateError) as error:
                log.warning("reactions: the start of %s is not known: %r", place_name(place), error)

    async def run(self) -> None:
        """Reacts, for ever.

        Raises:
            TimeoutError, KafkaError: the log did not take a command.
        """
        self._consumer.subscribe(self._reactions.topics, listener=self)
        while True:
            self._pulse.beat()
            try:
                async with asyncio.timeout(FETCH_SECONDS_MAX):
                    fetched = await self._consumer.getmany(
                        timeout_ms=POLL_MILLISECONDS, max_records=self._records_per_batch_max
                    )
            except TimeoutError:
                continue  # the group finds itself
            if fetched:
                await self._take(fetched)
            if self._uncommitted and self._is_time_to_commit():
                await self._commit()

    async def stop(self) -> None:
        """Commits what was acknowledged; `run` is to be over."""
        await self._commit()

    async def _take(self, fetched: Mapping[TopicPartition, Sequence[Record]]) -> None:
        generation = self._generation  # records are never of an assignment before the present one
        for place, records in fetched.items():
            self._guard(place, records)
        self._pulse.beat(self._append_seconds_max)
        self.is_taking = True
        await self._reactions.take(chain.from_iterable(fetched.values()), self._append_seconds_max)
        self.is_taking = False
        self._pulse.beat()
        if generation != self._generation:
            return  # the partitions may be another worker's; it reacts once more
        for place, records in fetched.items():
            self._uncommitted[place] = records[-1].offset + 1
            self._uncommitted_records += len(records)

    def _is_time_to_commit(self) -> bool:
        waited = clock.monotonic() - self._committed_at
        return (
            waited >= self._commit_seconds
            or self._uncommitted_records >= self._records_per_batch_max
        )

    async def _commit(self) -> None:
        """One at a time: none that began before a rebalance may end after it."""
        async with self._committing:
            await self._commit_all()

    async def _commit_all(self) -> None:
        offsets = dict(self._uncommitted)
        if not offsets:
            return
        self._committed_at = clock.monotonic()
        self._uncommitted_records = 0
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                await self._consumer.commit(offsets)
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            log.warning("reactions: offsets not committed, will be again: %r", error)
            return
        for place, offset in offsets.items():
            if self._uncommitted.get(place) == offset:
                del self._uncommitted[place]

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
