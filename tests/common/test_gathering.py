"""A consumer that is given records in handfuls while many come; on a real broker."""

import asyncio
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection

from infra.broker import LocalCluster
from services.common import kafka
from services.common.kafka import GATHER_BYTES, GATHER_MILLISECONDS, IDLE_MILLISECONDS
from services.common.settings import CommonSettings
from tests.common.kafka_topics import topics_of, unique


async def test_who_was_given_something_lets_more_gather_and_who_was_not_asks_for_the_next_record(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so in the requests that the broker gets."""
    asked: list[tuple[int, int]] = []
    send = AIOKafkaConnection.send

    def noting(connection: Any, request: Any, *more: Any, **named: Any) -> Any:
        if type(request).__name__ == "FetchRequest":
            asked.append((request._min_bytes, request._max_wait_ms))
        return send(connection, request, *more, **named)

    settings, topic = CommonSettings(bootstrap=cluster.bootstrap), unique("gathered")
    async with topics_of(settings) as topics:
        await topics.create(topic)
        consumer = kafka.group_consumer(settings, topic)
        consumer.subscribe([topic])
        await consumer.start()
        try:
            async with asyncio.timeout(30):
                assert await consumer.getmany(timeout_ms=300) == {}
                monkeypatch.setattr(AIOKafkaConnection, "send", noting)
                for number in range(3):
                    await topics.append(topic, b"%d" % number)
                    given: list[bytes] = []
                    while not given:
                        found = await consumer.getmany(timeout_ms=10_000)
                        given += [each.value for records in found.values() for each in records]
                    assert given == [b"%d" % number]
                while asked.count((GATHER_BYTES, GATHER_MILLISECONDS)) < 2:
                    await asyncio.sleep(0.01)
                assert await consumer.getmany(timeout_ms=50) == {}
                asked.clear()
                while (1, IDLE_MILLISECONDS) not in asked:
                    await asyncio.sleep(0.01)
                # Given something, and then held up by whoever takes it.
                await topics.append(topic, b"last")
                while not await consumer.getmany(timeout_ms=10_000):
                    pass
                asked.clear()
                while (1, IDLE_MILLISECONDS) not in asked:
                    await asyncio.sleep(0.01)
        finally:
            await consumer.stop()
