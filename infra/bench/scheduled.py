"""Very many orders for later, as the log of the order service has them.

One is decided by the domain; the others are copies of its events with ids and times of their own,
because to decide each would take longer than what is measured.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from aiokafka import TopicPartition

from infra.bench.context import BenchError
from infra.bench.histories import ORDERS, POLICY, scheduled_order
from infra.bench.past import append_bulk, pass_by
from infra.bench.records import Keyed
from services.common.codec import ORDER
from services.common.decider import Row, Wakeup, fold
from services.order.domain import Order, order_decider

# Of an order that is paid: when its preparation is due, and when that is late.
TIMERS_PER_ORDER = 2
EVENTS_PER_ORDER = 3

_ID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


async def write_scheduled(
    bootstrap: str, partitions: int, count: int, first: timedelta, last: timedelta
) -> None:
    """Appends the events of so many orders, to which nobody reacts any more.

    The services have not run yet: order.events is empty.

    Args:
        first, last: from now on, between which the preparations are due, evenly.

    Raises:
        BenchError: the events are not what the service would fold, or Kafka did not take all.
    """
    at = datetime.now(UTC)
    _check(next(scheduled_records(1, at, first, last)))
    orders = scheduled_records(count, at, first, last)
    records = ((key, value) for key, values in orders for value in values)
    await asyncio.to_thread(append_bulk, bootstrap, ORDERS, partitions, records)
    places = [TopicPartition(ORDERS, number) for number in range(partitions)]
    events = await pass_by(bootstrap, places)
    if events != count * EVENTS_PER_ORDER:
        raise BenchError(f"{events} events of {count} orders for later are in the log")


def scheduled_records(
    count: int, at: datetime, first: timedelta, last: timedelta
) -> Iterator[tuple[str, list[bytes]]]:
    """By order, its key and the values of its events.

    Args:
        first, last: from `at` on, between which the preparations are due, evenly.
    """
    model = list(scheduled_order(0, at + last, at))
    templates = _templates(model, at + last)
    tail = model[0][0][8:]
    for number in range(count):
        due_at = at + first + (last - first) * number / count
        facts = {
            b"number": number,
            b"prepare_at": due_at.strftime("%Y-%m-%dT%H:%M:%SZ").encode(),
            b"delay": round((due_at - at).total_seconds()),
        }
        yield f"{number:08x}{tail}", [template % facts for template in templates]


def _templates(model: Sequence[Keyed], prepare_at: datetime) -> list[bytes]:
    """The events with places for what differs: the beginnings of all ids, and the times."""
    time_text = prepare_at.isoformat().replace("+00:00", "Z").encode()
    templates = []
    for _, value in model:
        template = value.replace(b"%", b"%%")
        template = _ID.sub(rb"%(number)08x\1", template)
        template = template.replace(b'"scheduled-0"', b'"scheduled-%(number)d"')
        template = template.replace(time_text, b"%(prepare_at)b")
        template = re.sub(rb'"delay_seconds":\d+', b'"delay_seconds":%(delay)d', template)
        templates.append(template)
    if b"%(prepare_at)b" not in templates[-1] or b"%(delay)d" not in templates[0]:
        raise BenchError("an order for later is not written as it was")
    return templates


def _check(order: tuple[str, Sequence[bytes]]) -> None:
    """Makes sure that the events make an order that waits for its time."""
    decider = order_decider(POLICY)
    row: Row[Order] | None = None
    for value in order[1]:
        envelope, event = ORDER.decode_event(value)
        row = fold(decider, row, envelope, event)
    agenda = () if row is None else decider.agenda(row.state)
    wakeups = [each for each in agenda if isinstance(each, Wakeup)]
    if len(agenda) != TIMERS_PER_ORDER or len(wakeups) != TIMERS_PER_ORDER:
        raise BenchError(f"an order for later waits for {agenda}")
