"""Telling calls through a real producer: what is not there costs records, and no command waits."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from aiokafka import TopicPartition

from infra.broker import LocalCluster
from services.common import kafka
from services.common.calls import Attempt, CallLog
from services.common.decider import Envelope
from services.common.log import Appender
from services.common.messages.shared import CallMade, CallOutcome
from services.common.settings import CommonSettings
from services.common.telemetry import Counters
from services.common.worker import ServiceParts, Worker
from tests.common import tally
from tests.common.kafka_topics import topics_of, unique
from tests.common.tally import Add, Ring

CALLS = 40
COMMAND_SECONDS_MAX = 2.0
AT = datetime(2030, 1, 1, tzinfo=UTC)


def attempt(number: int) -> Attempt:
    """One that was answered."""
    made = Attempt(f"a-{number}", Ring("a"), "bell", 1, order_id=f"a-{number}")
    made.end(CallOutcome.ANSWERED)
    return made


async def test_commands_go_on_where_there_is_no_topic_of_calls(broker: LocalCluster) -> None:
    """It was deleted, perhaps; what is not told is counted, within its time."""
    settings = CommonSettings(bootstrap=broker.bootstrap)
    counters, owner = Counters(), unique("tally")
    async with topics_of(settings) as topics:
        await topics.create(f"{owner}.commands")
        appender = Appender(owner, topics.producer)
        calls = CallLog(appender, counters, waiting_max=CALLS // 2, seconds_max=1.0)
        envelope = Envelope("c", "Add", AT, "c", "c")
        await (await appender.command("a", envelope, Add("a", 1)))
        for number in range(CALLS):
            calls.tell(attempt(number))
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            await (await appender.command("a", envelope, Add("a", 1)))
            slowest = max(slowest, time.monotonic() - began)
        async with asyncio.timeout(10):
            while counters.snapshot().get("calls_untold", 0) < CALLS:
                await asyncio.sleep(0.05)
        await calls.close()
    assert slowest < COMMAND_SECONDS_MAX
    assert counters.snapshot() == {"calls_untold": CALLS}


async def test_calls_are_in_their_topic(broker: LocalCluster) -> None:
    """Under the key of their aggregate."""
    settings = CommonSettings(bootstrap=broker.bootstrap)
    counters, owner = Counters(), unique("tally")
    async with topics_of(settings) as topics:
        await topics.create(f"{owner}.calls")
        calls = CallLog(Appender(owner, topics.producer), counters, CALLS, 5.0)
        for number in range(CALLS):
            calls.tell(attempt(number))
        await calls.close()
        await topics.producer.flush()
        async with kafka.log_reader(settings) as reader:
            places = [TopicPartition(f"{owner}.calls", 0)]
            reader.assign(places)
            await reader.seek_to_beginning(*places)
            found: list[str] = []
            async with asyncio.timeout(10):
                while len(found) < CALLS:
                    got = await reader.getmany(timeout_ms=500)
                    for record in (each for part in got.values() for each in part):
                        made = msgspec.json.decode(record.value, type=CallMade)
                        assert record.key == made.key.encode()
                        found.append(made.key)
    assert sorted(found) == sorted(f"a-{number}" for number in range(CALLS))
    assert counters.snapshot() == {}


async def test_a_worker_tells_calls_only_where_there_is_a_topic_for_them(
    broker: LocalCluster, tmp_path: Path
) -> None:
    """A cluster that an earlier version has made stops no worker."""
    settings = CommonSettings(bootstrap=broker.bootstrap, data_dir=tmp_path)
    owner = unique("tally")
    worker = Worker(settings, ServiceParts(language=tally.language(owner), decider=tally.decider()))
    async with topics_of(settings) as topics:
        assert await worker._call_log(topics.admin) is None
        await topics.create(f"{owner}.calls")
        assert isinstance(await worker._call_log(topics.admin), CallLog)
    await worker._connections.close()
