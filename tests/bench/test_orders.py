"""The orders of the benchmarks are orders; those of before have had whole lives."""

from datetime import UTC, datetime

from infra.bench.delivered import delivered_orders
from infra.bench.histories import POLICY
from infra.bench.load import quantile
from infra.bench.orders import OrderBook
from services.common.codec import ORDER
from services.common.decider import Row, fold
from services.common.messages.order import OrderCreated
from services.order.domain import Order, OrderStatus, order_decider

AT = datetime(2030, 1, 1, tzinfo=UTC)


def test_each_order_of_a_book_is_another_one_and_is_taken() -> None:
    """A record is the command that the order service reads, under the key that it has."""
    book = OrderBook("b", delay_seconds=60)
    seen = set()
    for _ in range(200):
        order = book.next()
        _, command = ORDER.decode_command(order.record, "order.commands/0/0", AT)
        assert ORDER.key(command) == order.order_id
        assert command.delay_seconds == 60
        event = order_decider(POLICY).decide(command, None, AT)
        assert isinstance(event, OrderCreated)
        assert event.order_id == order.order_id
        seen.add(order.order_id)
    assert len(seen) == 200
    assert OrderBook("other").next().order_id not in seen


def test_the_orders_of_before_fold_to_delivered_ones() -> None:
    """Each is of its own: no id of one is in the events of another."""
    rows: dict[str, Row[Order] | None] = {}
    event_ids = []
    decider = order_decider(POLICY)
    for key, value in delivered_orders(3, AT):
        envelope, event = ORDER.decode_event(value)
        assert ORDER.key(event) == key == envelope.correlation_id
        rows[key] = fold(decider, rows.get(key), envelope, event)
        event_ids.append(envelope.id)
    assert len(set(event_ids)) == len(event_ids)
    states = [row.state for row in rows.values() if row is not None]
    assert [state.status for state in states] == [OrderStatus.DELIVERED] * 3
    assert [state.reference for state in states] == ["delivered-0", "delivered-1", "delivered-2"]
    assert len({state.delivery_id for state in states}) == 3


def test_a_quantile_is_one_of_the_values() -> None:
    """By nearest rank."""
    values = [float(number) for number in range(100, 0, -1)]
    assert quantile(values, 0.5) == 50.0
    assert quantile(values, 0.99) == 99.0
    assert quantile([7.0], 0.99) == 7.0
