"""How late preparations began, as the log of orders tells."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from infra.bench.context import BenchError
from infra.bench.due import DueWatch

AT = datetime(2030, 1, 1, 18, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)


def watch(*order_ids: str) -> DueWatch:
    """Watches orders whose preparation is to start at AT."""
    made = DueWatch()
    made.submitted.update(order_ids)
    for order_id in order_ids:
        see(made, "OrderScheduled", order_id, prepare_at=AT)
    return made


def see(made: DueWatch, kind: str, order_id: str, late_ms: int = 0, **content: object) -> None:
    """Has it see an event that was sent so long after AT."""
    value = msgspec.json.encode({"type": kind, "order_id": order_id, **content})
    made.see(value, AT_MS + late_ms)


def test_lateness_is_from_the_scheduled_time_to_the_log() -> None:
    """Each order has its own; a millisecond before counts as none, as no record tells less."""
    made = watch("a", "b")
    see(made, "PreparationDue", "a", 12)
    see(made, "PreparationDue", "b", -1)
    assert sorted(made.late_ms()) == [0.0, 12.0]


def test_it_is_over_when_all_are_cooked() -> None:
    """So that what follows from one run costs nothing in the next."""
    made = watch("a", "b")
    see(made, "PreparationFinished", "a")
    assert not made.is_over
    see(made, "PreparationFinished", "b")
    assert made.is_over


def test_a_timer_that_fires_early_is_an_error() -> None:
    """Early is never, however fast."""
    made = watch("a")
    see(made, "PreparationDue", "a", -500)
    with pytest.raises(BenchError, match="500 ms too early"):
        made.late_ms()


def test_a_timer_that_does_not_fire_is_an_error() -> None:
    """Nothing is reckoned from those that did."""
    made = watch("a", "b")
    see(made, "PreparationDue", "a")
    with pytest.raises(BenchError, match="1 of 2 timers"):
        made.late_ms()


@pytest.mark.parametrize("order_id", ["a", "of nobody"])
def test_a_timer_that_fires_twice_or_unasked_is_an_error(order_id: str) -> None:
    """The pending orders are due long after the benchmark."""
    made = watch("a")
    see(made, "PreparationDue", "a")
    with pytest.raises(BenchError, match="should not be"):
        see(made, "PreparationDue", order_id)


def test_other_orders_are_looked_at_no_further() -> None:
    """Their events neither count nor fail."""
    made = watch("a")
    later = AT + timedelta(hours=1)
    see(made, "OrderScheduled", "of nobody", prepare_at=later)
    see(made, "PreparationDue", "a", 3)
    assert made.late_ms() == [3.0]
