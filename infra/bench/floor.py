"""The floor: the least that Kafka itself costs for the records of an order, or of a location.

A chain of topics, each record copied from one to the next by bare clients: no decisions, no tables,
no JSON, no calls. As many records of the same size go through as many hops as in Tiffin, in as many
processes as there are services.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic

from infra.admin import open_admin
from infra.bench.floor_hops import topic_of
from infra.bench.job import PARTITIONS
from infra.errors import BrokerError
from infra.programs import Program

# What one order leads to from its submission until its driver is free again, and how many records
# follow one from another from the submission to the delivery; tests/process/test_cost.py counts.
RECORDS_PER_ORDER = 44
HOPS = 29
# Key, value and headers of such a record, on average.
RECORD_BYTES = 590

PROCESSES = 4
KEY_BYTES = 36
SILENCE_SECONDS_MAX = 30.0
NAP_SECONDS = 0.01
ACKS_WAITING_MAX = 2_000
# Copied before the clock runs, so that all clients are connected and know all topics.
RECORDS_BEFORE = 10 * PARTITIONS

Client = Literal["aiokafka", "confluent"]
CLIENTS: tuple[Client, ...] = ("aiokafka", "confluent")

_serial = itertools.count()


async def chain_rate(
    bootstrap: str,
    directory: Path,
    client: Client,
    hops: int,
    orders: int,
    record_bytes: int,
    records_per_order: int | None = None,
) -> float:
    """Orders per second that a chain of bare clients takes; all wait at its beginning.

    Args:
        directory: for the logs of its processes.
        hops: how often a record is copied.
        record_bytes: of key and value of each record.
        records_per_order: that are copied for an order in all; one per hop where it is None.

    Raises:
        BrokerError: a process of the chain ended, or records did not come to its end.
    """
    records = orders if records_per_order is None else round(orders * records_per_order / hops)
    chain = f"floor-{client}-{next(_serial)}"
    topics = [topic_of(chain, number) for number in range(hops + 1)]
    async with open_admin(bootstrap) as admin:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
    programs = [
        _program(bootstrap, directory, client, chain, range(share, hops, PROCESSES))
        for share in range(min(PROCESSES, hops))
    ]
    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5) as producer,
        AIOKafkaConsumer(bootstrap_servers=bootstrap) as watcher,
        _running(programs),
    ):
        await _fill(producer, topics[0], RECORDS_BEFORE, record_bytes)
        await _arrival(watcher, topics[-1], RECORDS_BEFORE, programs)
        for program in programs:
            program.pause()
        await _fill(producer, topics[0], records, record_bytes)
        began_at = time.monotonic()
        for program in programs:
            program.resume()
        ended_at = await _arrival(watcher, topics[-1], RECORDS_BEFORE + records, programs)
    async with open_admin(bootstrap) as admin:
        await admin.delete_topics(topics)
    return orders / (ended_at - began_at)


def _program(bootstrap: str, directory: Path, client: Client, chain: str, hops: range) -> Program:
    name = f"{chain}-{hops.start}"
    return Program(
        name=name,
        arguments=(
            *("infra.bench.floor_hops", client, bootstrap, chain),
            *(str(PARTITIONS), *map(str, hops)),
        ),
        environment={},
        ready_url="",
        log=directory / "logs" / f"{name}.log",
    )


@asynccontextmanager
async def _running(programs: Sequence[Program]) -> AsyncIterator[None]:
    try:
        for program in programs:
            program.start()
        yield
    finally:
        await asyncio.gather(*(asyncio.to_thread(program.stop) for program in programs))


async def _fill(producer: AIOKafkaProducer, topic: str, records: int, record_bytes: int) -> None:
    # Not the same byte over and over, though nothing compresses it.
    value = bytes(number * 7 % 96 + 32 for number in range(max(1, record_bytes - KEY_BYTES)))
    acks = []
    for number in range(records):
        key = f"{number:0{KEY_BYTES}}".encode()
        acks.append(await producer.send(topic, value, key, partition=number % PARTITIONS))
        if len(acks) >= ACKS_WAITING_MAX:
            await asyncio.gather(*acks)
            acks.clear()
    await asyncio.gather(*acks)


async def _arrival(
    watcher: AIOKafkaConsumer, topic: str, records: int, programs: Sequence[Program]
) -> float:
    """When the last record came to the end of the chain.

    Raises:
        BrokerError: a program ended, or more or fewer records came.
    """
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    count, seen_at = 0, time.monotonic()
    while count < records:
        await asyncio.sleep(NAP_SECONDS)
        found = sum((await watcher.end_offsets(places)).values())
        if found > count:
            count, seen_at = found, time.monotonic()
        for program in programs:
            if not program.is_running:
                raise BrokerError(f"{program.name} ended: {program.last_line()} ({program.log}).")
        if time.monotonic() - seen_at > SILENCE_SECONDS_MAX:
            raise BrokerError(f"No more than {count} of {records} records came to {topic}.")
    if count > records:
        raise BrokerError(f"{count} records came to {topic}, where there were {records}.")
    return seen_at
