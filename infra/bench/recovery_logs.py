"""The logs that tables are rebuilt from in the benchmark of recovery."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer

from infra.bench.lives import POLICY, Keyed, event_values
from infra.bench.records import BEGIN_AT, REPORT_SECONDS
from services.common import ids
from services.common.codec import DRIVER, ORDER, Language, encode_event
from services.common.decider import Decider, Envelope
from services.common.log import INPUTS
from services.common.messages.driver import DriverBecameAvailable, DriverLocated
from services.common.telemetry import TRACEPARENT
from services.common.values import GeoPoint
from services.driver.domain import driver_decider
from services.order.domain import order_decider

DRIVERS = 2_000
SNAPSHOT_HOURS = 6.0
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True)
class Log:
    """A log of one partition: its topic, and what it holds."""

    topic: str
    meaning: str
    language: Language
    create_decider: Callable[[], Decider[Any, Any, Any]]
    records: Callable[[int], Iterator[Keyed]]


def located(count: int) -> Iterator[Keyed]:
    """So many records of driver.events: phones that say in turn where their drivers are."""
    for serial in range(count):
        turn, number = divmod(serial, DRIVERS)
        driver_id = f"driver-{number:04d}"
        at = BEGIN_AT + timedelta(seconds=REPORT_SECONDS * turn)
        place = GeoPoint(48.1 + number / 10_000 + turn % 50 / 100_000, 11.5 + number / 5_000)
        event: Any = DriverLocated(driver_id, place, at)
        if turn == 0:
            event = DriverBecameAvailable(driver_id, f"region-{number % 8}", place, None)
        command_id = ids.derive(driver_id, f"report/{turn}")
        envelope = Envelope(
            id=ids.derive(command_id, "event"),
            type=type(event).__name__,
            occurred_at=at,
            causation_id=command_id,
            correlation_id=driver_id,
            version=turn + 1,
        )
        yield driver_id.encode(), encode_event(envelope, event)


def _orders(topic: str, side_by_side: int) -> Log:
    return Log(
        topic,
        f"orders, {side_by_side:,} under way at a time",
        ORDER,
        partial(order_decider, POLICY),
        partial(event_values, side_by_side=side_by_side),
    )


LOGS = (
    _orders("bench.orders-few", 200),
    _orders("bench.orders-many", 20_000),
    Log(
        "bench.locations",
        f"locations of {DRIVERS:,} drivers",
        DRIVER,
        partial(driver_decider, SNAPSHOT_HOURS),
        located,
    ),
)


async def fill(bootstrap: str, topic: str, records: Iterator[Keyed]) -> None:
    """Appends the records to the topic's only partition, with the headers that a service writes."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, linger_ms=5, max_batch_size=262_144, acks=1
    )
    async with producer:
        for number, (key, value) in enumerate(records):
            headers = [(TRACEPARENT, TRACE), (INPUTS, b'{"order.commands":%d}' % number)]
            await producer.send(topic, value, key, partition=0, headers=headers)
