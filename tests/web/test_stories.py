"""The order of the steps of a story, and what gives way where it grows too long."""

from datetime import timedelta

from services.common.messages.order import OrderEtaChanged
from services.web.stories import Step, Story, in_order
from tests.web.written import ADMITTED, AT, CREATED, LIFE, ORDER_ID, SUBMIT, Log


def test_nothing_comes_before_its_cause() -> None:
    """Also where the clock of the one who wrote it is behind."""
    log = Log()
    command = log.command("order", SUBMIT, "c1")
    log.at -= timedelta(seconds=30)
    event = log.event("order", CREATED, caused_by="c1")
    other = log.event("order", ADMITTED)
    ids = [step.record.id for step in in_order([Step(event), Step(other), Step(command)])]
    assert ids == [other.id, command.id, event.id]


def test_records_that_name_one_another_as_their_cause_are_still_told() -> None:
    """Bad data is no endless loop."""
    log = Log()
    first = log.event("order", CREATED, caused_by="order-event-2")
    second = log.event("order", ADMITTED, caused_by="order-event-1")
    assert len(in_order([Step(first), Step(second)])) == 2


def test_movement_gives_way_first() -> None:
    """And it is told how much is missing."""
    log, story = Log(), Story(steps_max=10)
    for event in LIFE:
        story.add(Step(log.event("order", event)))
    for _ in range(6):
        story.add(Step(log.event("order", OrderEtaChanged(ORDER_ID, AT))))
    types = [step.record.type for step in story.in_order()]
    assert types == [*(type(event).__name__ for event in LIFE), *["OrderEtaChanged"] * 2]
    assert story.forgotten == 4
