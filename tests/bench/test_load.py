"""A load counts an order once, and takes nothing for done that is not."""

import time

import pytest

from infra.bench.context import BenchError
from infra.bench.load import Load
from infra.bench.orders import OrderBook

DELIVERED = b'{"id":"e","type":"OrderDelivered"'
CREATED = b'{"id":"e","type":"OrderCreated"'
SCHEDULED = b'{"id":"e","type":"OrderScheduled"'


async def test_an_order_is_done_at_its_event_and_no_earlier() -> None:
    """Its latency is from when it was to be submitted."""
    load = Load("nowhere", OrderBook("b"))
    key = load.expect(time.monotonic() - 5).order_id.encode()
    load.see(key, CREATED)
    assert (load.done, load.open) == (0, 1)
    load.see(key, DELIVERED)
    assert (load.done, load.settled, load.open) == (1, 1, 0)
    assert 5 <= load.latencies[0] < 10


async def test_done_and_settled_may_be_two_events() -> None:
    """An order is taken before it is paid."""
    load = Load("nowhere", OrderBook("b"), "OrderCreated", "OrderScheduled")
    key = load.expect(time.monotonic()).order_id.encode()
    load.see(key, CREATED)
    assert (load.done, load.settled) == (1, 0)
    load.see(key, SCHEDULED)
    assert (load.done, load.settled) == (1, 1)


@pytest.mark.parametrize("event", [DELIVERED, b'{"id":"e","type":"OrderCancelled"'])
async def test_what_should_not_be_is_an_error(event: bytes) -> None:
    """An order delivered twice, one that nobody submitted, one that was cancelled."""
    load = Load("nowhere", OrderBook("b"))
    key = load.expect(time.monotonic()).order_id.encode()
    load.see(key, DELIVERED)
    with pytest.raises(BenchError, match=r"twice|badly"):
        load.see(key, event)
    with pytest.raises(BenchError, match=r"nobody|badly"):
        load.see(b"another", event)


async def test_an_order_that_stays_where_it_is_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting ends when nothing more happens."""
    monkeypatch.setattr("infra.bench.load.SILENCE_SECONDS_MAX", 0.1)
    load = Load("nowhere", OrderBook("b"))
    order = load.expect(time.monotonic())
    with pytest.raises(BenchError, match=order.order_id):
        await load.drain()
    with pytest.raises(BenchError, match="only 0 of 1"):
        await load.wait(1)
