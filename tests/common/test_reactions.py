"""Reactions: events of others become commands of one's own, the same ones however often."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from services.common.codec import ORDER, encode_event
from services.common.decider import Envelope, React
from services.common.log import Appender
from services.common.messages.delivery import DeliveryCompleted, DeliveryPickedUp
from services.common.messages.order import RecordDropoff, RecordPickup
from services.common.messages.shared import DeadLetter
from services.common.pulse import Pulse
from services.common.reactions import ReactionLoop, Reactions
from services.common.telemetry import EXIT_LOG_SKIPPED, Counters, trace_headers
from tests.common.deaths import Deaths, DiedError
from tests.common.memory_log import LogRecord, MemoryLog, MemoryProducer
from tests.common.tally import EPOCH

TRACE = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"


def react(event: Any) -> Iterable[Any]:
    """What the order service does about its delivery."""
    match event:
        case DeliveryPickedUp():
            yield RecordPickup(event.order_id)
        case DeliveryCompleted():
            yield RecordDropoff(event.order_id)


def picked_up(version: int = 3, order_id: str = "o1") -> bytes:
    """An event of the delivery service."""
    envelope = Envelope(f"e{version}", "DeliveryPickedUp", EPOCH, "c1", "o1", version)
    return encode_event(envelope, DeliveryPickedUp("d1", order_id, "driver-1"))


def record(value: bytes | None, offset: int = 0) -> LogRecord:
    """A record of the delivery service's events."""
    headers = [("traceparent", TRACE)]
    return LogRecord("delivery.events", 0, offset, 1_893_456_000_000, b"d1", value, headers)


def reactions(
    log: MemoryLog, is_prompt: bool = True, react_to_delivery: React = react
) -> tuple[Reactions, MemoryProducer]:
    """The order service's reactions, on a log in memory."""
    producer = MemoryProducer(log, is_prompt)
    made = Reactions(
        ORDER, {"delivery": react_to_delivery}, Appender("order", producer), Counters()
    )
    return made, producer


def commands(log: MemoryLog) -> list[tuple[Envelope, Any]]:
    """The commands that were appended."""
    return [ORDER.decode_command(each.value, "", EPOCH) for each in log.read("order.commands")]


def dead_letters(log: MemoryLog) -> list[DeadLetter]:
    """What was put aside."""
    return [
        msgspec.json.decode(value, type=DeadLetter) for value in log.values("order.dead-letters")
    ]


async def test_an_event_becomes_a_command_that_says_where_it_came_from() -> None:
    """Its source is the aggregate and version of the event, its cause the event."""
    log = MemoryLog()
    made, _ = reactions(log)
    assert made.topics == ["delivery.events"]
    await made.take([record(picked_up())], 5)
    ((envelope, command),) = commands(log)
    assert command == RecordPickup("o1")
    assert (envelope.source, envelope.source_version) == ("delivery/d1", 3)
    assert (envelope.causation_id, envelope.correlation_id) == ("e3", "o1")
    assert log.read("order.commands")[0].key == b"o1"
    assert log.read("order.commands")[0].headers == tuple(
        trace_headers("o1", envelope.id, order_id="o1")
    )


async def test_the_same_event_becomes_the_same_command() -> None:
    """Byte for byte, so that it counts once; another event becomes another command."""
    log = MemoryLog()
    made, _ = reactions(log)
    await made.take([record(picked_up()), record(picked_up(4), 1)], 5)
    await made.take([record(picked_up())], 5)
    first, other, again = log.values("order.commands")
    assert first == again
    assert first != other
    assert log.read("order.commands")[0].headers == log.read("order.commands")[2].headers


async def test_the_ids_of_commands_do_not_change_between_releases() -> None:
    """A worker of a later release repeats what this one has sent."""
    log = MemoryLog()
    made, _ = reactions(log)
    await made.take([record(picked_up())], 5)
    assert commands(log)[0][0].id == "c2d2f446-ec5d-559e-8a02-6b1f3a4558b9"


async def test_events_that_nobody_reacts_to_lead_to_nothing() -> None:
    """Neither command nor dead letter."""
    log = MemoryLog()
    made, _ = reactions(log, react_to_delivery=lambda event: [])
    await made.take([record(picked_up())], 5)
    assert dict(log.records) == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"not json", "not a JSON object"),
        (None, "no value"),
        (b'{"type":"DeliveryPickedUp"}', "`id`"),
        (picked_up().replace(b'"delivery_id"', b'"delivery"'), "delivery_id"),
        (picked_up().replace(b'"DeliveryPickedUp"', b'"OrderCreated"'), "unknown type"),
        (picked_up().replace(b'"version":3', b'"version":0'), "version"),
        (picked_up().replace(b"T00:00:00Z", b"T00:00:00"), "timezone"),
    ],
)
async def test_a_bad_event_is_put_aside_and_the_rest_goes_on(
    value: bytes | None, reason: str
) -> None:
    """In the reacting service's dead letters, with where it lay."""
    log = MemoryLog()
    made, _ = reactions(log)
    await made.take([record(value), record(picked_up(), 1)], 5)
    (letter,) = dead_letters(log)
    assert reason in letter.reason
    assert (letter.source_topic, letter.source_offset) == ("delivery.events", 0)
    assert [command for _, command in commands(log)] == [RecordPickup("o1")]


async def test_a_record_of_no_instant_is_put_aside_all_the_same() -> None:
    """A client may stamp a record with what is no date of ours."""
    log = MemoryLog()
    made, _ = reactions(log)
    for stamp in (10**17, -(10**17), -1):
        bad = LogRecord("delivery.events", 0, 0, stamp, None, b"bad")
        await made.take([bad], 5)
    assert [letter.occurred_at.year for letter in dead_letters(log)] == [9999, 1, 1969]


async def test_a_reaction_that_raises_is_put_aside() -> None:
    """A bug stops one event, not the partition."""

    def broken(event: Any) -> Iterable[Any]:
        raise KeyError("no such thing")

    log = MemoryLog()
    made, _ = reactions(log, react_to_delivery=broken)
    await made.take([record(picked_up())], 5)
    (letter,) = dead_letters(log)
    assert "KeyError" in letter.reason


async def test_two_commands_of_one_event_for_one_aggregate_are_a_bug() -> None:
    """The aggregate would take the second for a repeat; it is told instead of lost."""
    log = MemoryLog()
    made, _ = reactions(
        log, react_to_delivery=lambda event: [RecordPickup("o1"), RecordDropoff("o1")]
    )
    await made.take([record(picked_up())], 5)
    assert commands(log) == []
    assert "two commands" in dead_letters(log)[0].reason


async def test_take_returns_when_all_is_acknowledged() -> None:
    """Only then may the offset of the events be committed."""
    log = MemoryLog()
    made, producer = reactions(log, is_prompt=False)
    taking = asyncio.create_task(made.take([record(picked_up()), record(b"bad", 1)], 5))
    await asyncio.sleep(0.01)
    producer.acknowledge(1)
    await asyncio.sleep(0.01)
    assert not taking.done()
    producer.acknowledge(1)
    await asyncio.wait_for(taking, 5)


async def test_an_append_that_fails_or_never_ends_is_raised() -> None:
    """So that the worker exits and reads the events again."""
    made, producer = reactions(MemoryLog(), is_prompt=False)
    with pytest.raises(TimeoutError):
        await made.take([record(picked_up())], 0.01)
    producer.waiting.clear()
    taking = asyncio.create_task(made.take([record(picked_up())], 5))
    await asyncio.sleep(0.01)
    producer.fail(RuntimeError("out of order"))
    with pytest.raises(RuntimeError):
        await taking


class Consumer:
    """Gives what the test has prepared, then nothing."""

    def __init__(self, *batches: list[LogRecord]) -> None:
        self._batches = list(batches)
        self.committed: dict[TopicPartition, int] = {}
        self.error: Exception | None = None
        self.commits_hang = False
        self.is_idle = asyncio.Event()

    def subscribe(self, topics: list[str], listener: object) -> None:
        """Takes note of nothing."""

    async def getmany(self, **_: int) -> dict[Any, list[LogRecord]]:
        """The next batch."""
        if not self._batches:
            self.is_idle.set()
            await asyncio.sleep(60)
        return {TopicPartition("delivery.events", 0): self._batches.pop(0)}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """As the group would keep them."""
        if self.commits_hang:
            await asyncio.sleep(60)
        if self.error is not None:
            raise self.error
        self.committed |= offsets

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The first that are left."""
        return dict.fromkeys(places, 3)

    async def committed_offset(self, place: TopicPartition) -> int | None:
        """What the group has kept: of one partition nothing, of one what is gone."""
        return {0: 7, 1: None, 2: 1}[place.partition]


async def run_loop(consumer: Consumer, made: Reactions) -> ReactionLoop:
    """Runs the loop until the consumer has nothing more."""
    loop = ReactionLoop(consumer, made, 100, 5.0)
    running = asyncio.create_task(loop.run())
    idle = asyncio.create_task(consumer.is_idle.wait())
    await asyncio.wait({running, idle}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    idle.cancel()
    if running.done():
        running.result()
    running.cancel()
    return loop


async def test_the_loop_commits_what_was_acknowledged() -> None:
    """The offset after the last event of a batch."""
    log = MemoryLog()
    consumer = Consumer([record(picked_up(1), 7), record(picked_up(2), 8)])
    await run_loop(consumer, reactions(log)[0])
    assert consumer.committed == {TopicPartition("delivery.events", 0): 9}
    assert len(commands(log)) == 2


async def test_the_loop_commits_now_and_then() -> None:
    """Not with every batch; when its time has come, or when much was reacted to since."""
    place = TopicPartition("delivery.events", 0)
    batches = [[record(picked_up(number), number)] for number in range(1, 7)]
    for records_max, committed in ((100, 2), (3, 5), (1, 7)):
        consumer = Consumer(*batches)
        loop = ReactionLoop(
            consumer, reactions(MemoryLog())[0], records_max, 5.0, commit_seconds=3600.0
        )
        running = asyncio.create_task(loop.run())
        await asyncio.wait_for(consumer.is_idle.wait(), 5)
        assert consumer.committed.get(place) == committed
        running.cancel()


async def test_what_is_not_committed_yet_is_before_partitions_go() -> None:
    """And at the end; what another worker has by then is not."""
    place = TopicPartition("delivery.events", 0)
    for end in ("on_partitions_revoked", "stop"):
        consumer = Consumer([record(picked_up(1), 7)], [record(picked_up(2), 8)])
        loop = ReactionLoop(consumer, reactions(MemoryLog())[0], 100, 5.0, commit_seconds=3600.0)
        running = asyncio.create_task(loop.run())
        await asyncio.wait_for(consumer.is_idle.wait(), 5)
        assert consumer.committed == {place: 8}
        await (loop.stop() if end == "stop" else loop.on_partitions_revoked([place]))
        assert consumer.committed == {place: 9}
        running.cancel()


async def test_what_was_read_before_a_rebalance_is_not_committed_after_it() -> None:
    """Another worker may be further by then."""
    log = MemoryLog()
    made, producer = reactions(log, is_prompt=False)
    consumer = Consumer([record(picked_up(1), 7)])
    loop = ReactionLoop(consumer, made, 100, 5.0)
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(5):
        while not loop.is_taking:
            await asyncio.sleep(0)
    await loop.on_partitions_revoked([TopicPartition("delivery.events", 0)])
    producer.acknowledge()
    await asyncio.wait_for(consumer.is_idle.wait(), 5)
    assert (consumer.committed, len(commands(log))) == ({}, 1)
    running.cancel()


async def test_the_loop_goes_on_when_a_commit_fails() -> None:
    """The offset is committed with the next batch."""
    log = MemoryLog()
    consumer = Consumer([record(picked_up(1), 7)], [record(picked_up(2), 8)])
    consumer.error = CommitFailedError("rebalanced")
    await run_loop(consumer, reactions(log)[0])
    assert (consumer.committed, len(commands(log))) == ({}, 2)


async def test_the_loop_goes_on_when_a_commit_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client waits for ever for a group that has no coordinator."""
    monkeypatch.setattr("services.common.reactions.COMMIT_SECONDS_MAX", 0.01)
    log = MemoryLog()
    consumer = Consumer([record(picked_up(1), 7)], [record(picked_up(2), 8)])
    consumer.commits_hang = True
    await run_loop(consumer, reactions(log)[0])
    assert (consumer.committed, len(commands(log))) == ({}, 2)


async def test_the_loop_turns_while_the_group_finds_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client gives nothing, without end; that is no stall."""
    monkeypatch.setattr("services.common.reactions.FETCH_SECONDS_MAX", 0.01)
    consumer, pulse = Consumer(), Pulse("reactions")
    loop = ReactionLoop(consumer, reactions(MemoryLog())[0], 100, 5.0, pulse)
    running = asyncio.create_task(loop.run())
    await asyncio.wait_for(consumer.is_idle.wait(), 5)
    first = pulse._beaten_at
    async with asyncio.timeout(5):
        while pulse._beaten_at == first:
            await asyncio.sleep(0.005)
    running.cancel()


async def test_positions_are_known_from_the_assignment_on() -> None:
    """At the commit, or the first record that is left; then behind what was taken."""
    places = [TopicPartition("delivery.events", number) for number in range(3)]
    consumer = Consumer([record(picked_up(1), 7)])
    consumer.committed = consumer.committed_offset  # type: ignore[assignment]
    consumer.error = CommitFailedError("not now")
    loop = ReactionLoop(consumer, reactions(MemoryLog())[0], 100, 5.0)
    await loop.on_partitions_assigned(places)
    async with asyncio.timeout(5):
        while len(loop.positions()) < 3:
            await asyncio.sleep(0.005)
    assert loop.positions() == dict(zip(places, (7, 3, 3), strict=True))
    running = asyncio.create_task(loop.run())
    await asyncio.wait_for(consumer.is_idle.wait(), 5)
    assert loop.positions() == dict(zip(places, (8, 3, 3), strict=True))
    await loop.on_partitions_revoked(places)
    assert loop.positions() == {}
    running.cancel()


async def test_a_skipped_event_ends_the_process(deaths: Deaths) -> None:
    """Within a batch or between two, before anything of it is committed."""
    for batches in (
        [[record(picked_up(1), 7), record(picked_up(2), 9)]],
        [[record(picked_up(1), 7)], [record(picked_up(2), 9)]],
    ):
        consumer = Consumer(*batches)
        with pytest.raises(DiedError):
            await run_loop(consumer, reactions(MemoryLog())[0])
        assert consumer.committed.get(TopicPartition("delivery.events", 0), 8) == 8
    assert deaths.codes == [EXIT_LOG_SKIPPED] * 2


async def test_events_that_come_again_are_no_gap(deaths: Deaths) -> None:
    """After a rebalance a partition begins at the last commit, or is somewhere else."""
    log = MemoryLog()
    consumer = Consumer([record(picked_up(1), 7)], [record(picked_up(1), 7)])
    loop = await run_loop(consumer, reactions(log)[0])
    assert len(commands(log)) == 2
    await loop.on_partitions_revoked([])
    consumer = Consumer([record(picked_up(9), 70)])
    loop._consumer = consumer
    running = asyncio.create_task(loop.run())
    await asyncio.wait_for(consumer.is_idle.wait(), 5)
    running.cancel()
    assert deaths.codes == []
