"""What one order costs in records, which the benchmark's floor copies as many of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.bench.floor import HOPS, RECORDS_PER_ORDER
from services.common.decider import Envelope
from services.common.messages.driver import SetAvailability
from services.common.messages.order import OrderDelivered
from services.order.domain import OrderStatus
from tests.process.story import Story


@dataclass(frozen=True, slots=True)
class Entry:
    """One record: its aggregate, and what it is."""

    at: datetime
    is_event: bool
    aggregate: tuple[str, str]
    envelope: Envelope
    message: Any


def test_the_floor_has_as_many_records_and_hops_as_an_order() -> None:
    """An order from its submission until its driver is free again, with nothing going wrong."""
    story = Story()
    story.do(story.players.phones.announce)
    before = len(entries(story))
    story.until_picked_up()
    story.do(story.players.phones.work)
    assert story.order.status is OrderStatus.DELIVERED
    story.do(story.players.phones.announce)

    found = entries(story)[before:]
    events = [each for each in found if each.is_event]
    commands = [each for each in found if not each.is_event]
    # The story has its driver announce itself once more than it need.
    idle = [each for each in commands if isinstance(each.message, SetAvailability)][:1]

    assert len(events) + len(commands) - len(idle) == RECORDS_PER_ORDER
    assert depth(entries(story)[before:]) == HOPS


def entries(story: Story) -> list[Entry]:
    """All records of all services, in the order in which they were appended."""
    found = [
        Entry(envelope.occurred_at, is_event, (owner, service.key(message)), envelope, message)
        for owner, service in story.world.services.items()
        for is_event, logs in ((False, service.commands), (True, service.events))
        for log in logs
        for envelope, message in log
    ]
    return sorted(found, key=lambda each: (each.at, each.is_event))


def depth(found: list[Entry]) -> int:
    """How many records follow one from another, from the submission on, to the delivery.

    What the outside world says follows the last event of the aggregate that it says it to.
    """
    depths: dict[str, int] = {}
    last: dict[tuple[str, str], int] = {}
    for each in found:
        cause = each.envelope.causation_id
        if not each.is_event and cause == each.envelope.id:
            depths[each.envelope.id] = last.get(each.aggregate, -1) + 1
        else:
            depths[each.envelope.id] = depths[cause] + 1
        if each.is_event:
            last[each.aggregate] = depths[each.envelope.id]
        if isinstance(each.message, OrderDelivered):
            return depths[each.envelope.id]
    raise AssertionError("the order was not delivered")
