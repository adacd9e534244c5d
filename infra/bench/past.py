"""Orders of before: a log of whole lives that the order service finds when it starts."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Producer

from infra.bench.context import BenchError
from infra.bench.lives import EVENTS_PER_LIFE, Keyed, event_values
from infra.bench.plain_http import Client, request
from infra.bench.recovery_logs import TRACE
from infra.ports import HOST
from services.common import ids
from services.common.codec import LANGUAGES
from services.common.kafka import partition_of
from services.common.log import INPUTS
from services.common.telemetry import TRACEPARENT

EVENTS = "order.events"
HEADERS: list[tuple[str, str | bytes | None]] = [
    (TRACEPARENT, TRACE),
    # Nothing of the commands' own topic is settled: it is empty.
    (INPUTS, b'{"order.commands":0}'),
]
PARTNER = "acme"
ID_CHARS = 36
NUMBER_CHARS = 12
FLUSH_SECONDS_MAX = 120
SAMPLES = 20


async def write_past(bootstrap: str, partitions: int, orders: int) -> None:
    """Appends the events of so many delivered orders, to which nobody reacts any more.

    The services have not run yet: order.events is empty.

    Raises:
        BenchError: the log has not taken all.
    """
    places = [TopicPartition(EVENTS, number) for number in range(partitions)]
    await asyncio.to_thread(_append, bootstrap, partitions, orders)
    events = await pass_by(bootstrap, places)
    if events != orders * EVENTS_PER_LIFE:
        raise BenchError(f"{events} events of {orders} orders are in the log")


async def pass_by(bootstrap: str, places: Sequence[TopicPartition]) -> int:
    """Has no service that is started from now on react to the events that are there already.

    Returns:
        How many events that are.
    """
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as reader:
        ends = await reader.end_offsets(places)
    for owner in LANGUAGES:
        group = f"{owner}.reactions"
        async with AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
        ) as member:
            member.assign(places)
            await member.commit(ends)
    return sum(ends.values())


async def check_past(port: int, orders: int) -> None:
    """Asks the order front on this port for some of the orders.

    Raises:
        BenchError: one is not there, or not delivered.
    """
    client = Client(HOST, port, 1)
    for number in range(0, orders, max(1, orders // SAMPLES)):
        order_id = ids.order_id(PARTNER, str(number))
        status, body = await client.ask(request("GET", f"/orders/{order_id}"))
        if status != 200 or b'"status":"DELIVERED"' not in body:
            raise BenchError(f"order {order_id} of before is answered {status}: {body[:200]!r}")
    client.close()


def _append(bootstrap: str, partitions: int, orders: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5})
    for key, value in lives(orders):
        partition = partition_of(key.decode(), partitions)
        while True:
            with suppress(BufferError):
                producer.produce(EVENTS, value, key, partition=partition, headers=HEADERS)
                break
            producer.poll(0.1)
        producer.poll(0)
    producer.flush(FLUSH_SECONDS_MAX)


def lives(orders: int) -> Iterator[Keyed]:
    """The events of each order in turn; all have the life of the first, under their own ids."""
    first = list(islice(event_values(EVENTS_PER_LIFE, 1), EVENTS_PER_LIFE))
    first_id = first[0][0]
    first_delivery_id = ids.delivery_id(first_id.decode()).encode()
    for number in range(orders):
        order_id = ids.order_id(PARTNER, str(number))
        key, delivery_id = order_id.encode(), ids.delivery_id(order_id).encode()
        tail = b"%0*x" % (NUMBER_CHARS, number)
        for _, value in first:
            own = value.replace(first_id, key).replace(first_delivery_id, delivery_id)
            for name in (b'{"id":"', b'"causation_id":"'):
                own = _renumbered(own, name, tail)
            yield key, own.replace(b'"reference":"0"', b'"reference":"%d"' % number, 1)


def _renumbered(value: bytes, name: bytes, tail: bytes) -> bytes:
    """The event with another end of the id behind this name."""
    end = value.index(name) + len(name) + ID_CHARS
    return value[: end - len(tail)] + tail + value[end:]
