"""Very many orders of before: delivered ones, as the log of the order service has them.

One is decided by the domain; the others are copies of its events with ids of their own, because to
decide each would take longer than what is measured.
"""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from aiokafka import TopicPartition

from infra.bench.context import BenchError
from infra.bench.histories import ORDERS, delivered_order
from infra.bench.past import Headers, append_bulk, pass_by
from infra.bench.plain_http import Client, request
from infra.bench.records import Keyed
from infra.bench.recovery_logs import TRACE
from infra.ports import HOST
from services.common.log import INPUTS
from services.common.telemetry import TRACEPARENT

AGE = timedelta(days=1)
# Nothing of the commands' own topic is settled: it is empty.
HEADERS: Headers = [(TRACEPARENT, TRACE), (INPUTS, b'{"order.commands":0}')]
SAMPLES = 20

_ID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


async def append_delivered(bootstrap: str, partitions: int, orders: int) -> None:
    """Appends the events of so many delivered orders, to which nobody reacts any more.

    The services have not run yet.

    Raises:
        BenchError: Kafka did not take all.
    """
    records = delivered_orders(orders, datetime.now(UTC) - AGE)
    await asyncio.to_thread(append_bulk, bootstrap, ORDERS, partitions, records, HEADERS)
    places = [TopicPartition(ORDERS, number) for number in range(partitions)]
    events = await pass_by(bootstrap, places)
    if events % orders:
        raise BenchError(f"{events} events of {orders} orders are in the log")


async def check_delivered(port: int, orders: int) -> None:
    """Asks the order front on this port for some of the orders.

    Raises:
        BenchError: one is not there, or not delivered.
    """
    client = Client(HOST, port, 1)
    tail = _tail(delivered_order(0, datetime.now(UTC)))
    for number in range(0, orders, max(1, orders // SAMPLES)):
        status, body = await client.ask(request("GET", f"/orders/{number:08x}{tail}"))
        if status != 200 or b'"status":"DELIVERED"' not in body:
            raise BenchError(f"order {number} of before is answered {status}: {body[:200]!r}")
    client.close()


def delivered_orders(count: int, at: datetime) -> Iterator[Keyed]:
    """The events of each order in turn."""
    model = list(delivered_order(0, at))
    tail = _tail(iter(model))
    templates = []
    for _, value in model:
        template = _ID.sub(rb"%(number)08x\1", value.replace(b"%", b"%%"))
        templates.append(template.replace(b'"delivered-0"', b'"delivered-%(number)d"'))
    for number in range(count):
        for template in templates:
            yield f"{number:08x}{tail}", template % {b"number": number}


def _tail(events: Iterator[Keyed]) -> str:
    """What the ids of all orders end with."""
    return next(events)[0][8:]
