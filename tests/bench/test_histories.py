"""The pasts that services begin with in benchmarks are such as they would have themselves."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from msgspec.json import decode

from infra.bench.histories import DELIVERIES, DRIVERS, ORDERS, POLICY, delivered_order, on_the_road
from infra.bench.locations import DRIVER_COUNT, Fleet
from infra.bench.scheduled import TIMERS_PER_ORDER, scheduled_records
from services.common.codec import LANGUAGES
from services.common.decider import Decider, Envelope, React, Row, Wakeup, fold, is_repeat
from services.common.messages.delivery import DeliveryEtaChanged, TrackDriver
from services.common.messages.driver import DriverLocated, DriverStatus
from services.common.reactions import command_envelope
from services.delivery.domain import DeliveryStatus, Travel, delivery_decider
from services.delivery.process import REACTIONS as OF_DELIVERY
from services.driver.domain import driver_decider
from services.order.domain import OrderStatus, order_decider
from services.order.process import REACTIONS as OF_ORDER

AT = datetime(2030, 1, 1, 18, tzinfo=UTC)
TRAVEL = Travel(400.0, 1.0)
DECIDERS: dict[str, Decider[Any, Any, Any]] = {
    ORDERS: order_decider(POLICY),
    DELIVERIES: delivery_decider(TRAVEL),
    DRIVERS: driver_decider(24.0),
}


def events(topic: str, values: Iterable[bytes]) -> list[tuple[Envelope, Any]]:
    """The events that records are."""
    language = LANGUAGES[topic.removesuffix(".events")]
    return [language.decode_event(value) for value in values]


def folded(topic: str, values: Iterable[bytes]) -> Row[Any]:
    """The row that events lead to; none of them loses."""
    row: Row[Any] | None = None
    for envelope, event in events(topic, values):
        row = fold(DECIDERS[topic], row, envelope, event)
        assert row is not None, f"{envelope.type} loses"
    assert row is not None
    return row


def test_a_delivered_order_waits_for_nothing() -> None:
    """So that nothing but the queries costs anything."""
    row = folded(ORDERS, (value for _, value in delivered_order(3, AT)))
    assert row.state.status is OrderStatus.DELIVERED
    assert DECIDERS[ORDERS].agenda(row.state) == ()


def test_a_driver_on_the_road_has_the_goods_of_its_order() -> None:
    """Order, delivery and driver agree."""
    past = on_the_road("driver-0", 0, AT)
    rows = {topic: folded(topic, (value for _, value in each)) for topic, each in past.items()}
    order, delivery, driver = (rows[topic].state for topic in (ORDERS, DELIVERIES, DRIVERS))
    assert order.status is OrderStatus.IN_DELIVERY
    assert delivery.status is DeliveryStatus.PICKED_UP
    assert driver.status is DriverStatus.ON_DELIVERY
    assert driver.delivery.picked_up
    assert driver.delivery.delivery_id == delivery.delivery_id == order.delivery_id
    assert delivery.driver_id == order.driver_id == "driver-0"


def test_what_services_react_to_in_a_past_has_had_its_event() -> None:
    """Services read each other's past when they start, and nothing follows from it."""
    past = on_the_road("driver-0", 0, AT)
    reacting: tuple[tuple[str, dict[str, React]], ...] = (
        (DELIVERIES, dict(OF_DELIVERY)),
        (ORDERS, dict(OF_ORDER)),
    )
    seen = 0
    for topic, reactions in reacting:
        row = folded(topic, (value for _, value in past[topic]))
        for source, react in reactions.items():
            records = past.get(f"{source}.events", [])
            for (key, _), (envelope, event) in zip(
                records, events(f"{source}.events", (value for _, value in records)), strict=True
            ):
                for command in react(event):
                    told = command_envelope(envelope, f"{source}/{key}", command)
                    assert is_repeat(row, told), f"{told.type} would be decided"
                    seen += 1
    assert seen == 5


def test_every_location_of_a_driver_on_the_road_moves_the_eta() -> None:
    """The benchmark counts on it."""
    fleet = Fleet(AT)
    past = on_the_road("driver-0000", 0, AT)
    decider, delivery = DECIDERS[DELIVERIES], folded(DELIVERIES, (v for _, v in past[DELIVERIES]))
    driver = folded(DRIVERS, (value for _, value in past[DRIVERS]))
    state = delivery.state
    for _ in range(120):
        key, value = fleet.locations(DRIVER_COUNT)[0]
        assert key == "driver-0000"
        _, report = LANGUAGES["driver"].decode_command(value, "place", AT)
        located = DECIDERS[DRIVERS].decide(report, driver.state, AT)
        assert isinstance(located, DriverLocated)
        tracked = TrackDriver(state.delivery_id, key, located.location, located.recorded_at)
        moved = decider.decide(tracked, state, AT)
        assert isinstance(moved, DeliveryEtaChanged)
        state = decider.evolve(state, moved, AT)


def test_all_drivers_tell_in_turn_and_their_clocks_go_on() -> None:
    """A location that is not later than the one before would count for nothing."""
    told = Fleet(AT).locations(3 * DRIVER_COUNT)
    assert len({key for key, _ in told}) == DRIVER_COUNT
    times = [decode(value)["recorded_at"] for key, value in told if key == "driver-0007"]
    assert len(times) == 3
    assert all(before < after for before, after in pairwise(times))


def test_copies_of_an_order_for_later_are_orders_of_their_own() -> None:
    """Each waits for its own time, in a row of its own."""
    first, last = timedelta(hours=6), timedelta(hours=30)
    orders = dict(scheduled_records(4, AT, first, last))
    assert len(orders) == 4
    ids = [envelope.id for values in orders.values() for envelope, _ in events(ORDERS, values)]
    assert len(set(ids)) == len(ids) == 12
    times = []
    for key, values in orders.items():
        state = folded(ORDERS, values).state
        assert state.order_id == key
        wakeups = DECIDERS[ORDERS].agenda(state)
        assert len(wakeups) == TIMERS_PER_ORDER
        assert all(isinstance(each, Wakeup) for each in wakeups)
        assert state.prepare_at - AT == timedelta(seconds=state.delay_seconds)
        times.append(state.prepare_at - AT)
    assert times == [first + (last - first) * number / 4 for number in range(4)]
