"""Sees in the log of orders when each preparation was to start, and when it did."""

from datetime import datetime

import msgspec

from infra.bench.context import BenchError

# A record's timestamp has no more than milliseconds.
EARLY_MS_MAX = 2.0


class _OrderEvent(msgspec.Struct):
    type: str
    order_id: str
    prepare_at: datetime | None = None


class DueWatch:
    """When preparations were to start, and when that was in the log.

    submitted: the orders that are watched.
    """

    def __init__(self) -> None:
        self.submitted: set[str] = set()
        self._decoder = msgspec.json.Decoder(_OrderEvent)
        self._prepare_at: dict[str, datetime] = {}
        self._due_ms: dict[str, int] = {}
        self._cooked: set[str] = set()

    @property
    def missing(self) -> int:
        """How many orders are not cooked yet."""
        return len(self.submitted) - len(self._cooked)

    @property
    def is_over(self) -> bool:
        """True once all orders are cooked, so that nothing more happens to them."""
        return self.missing == 0

    def see(self, value: bytes, timestamp_ms: int) -> None:
        """Takes an event of any order, sent to the log at this instant.

        Raises:
            BenchError: an order that is not watched is due, or one is due twice.
        """
        event = self._decoder.decode(value)
        match event.type:
            case "OrderScheduled" if event.prepare_at is not None:
                self._prepare_at[event.order_id] = event.prepare_at
            case "PreparationDue":
                if event.order_id not in self.submitted or event.order_id in self._due_ms:
                    raise BenchError(f"the order {event.order_id} is due, and should not be")
                self._due_ms[event.order_id] = timestamp_ms
            case "PreparationFinished":
                self._cooked.add(event.order_id)
            case _:
                pass

    def late_ms(self) -> list[float]:
        """By how many milliseconds each timer was late.

        Raises:
            BenchError: one was early, or nobody knows when it was to fire.
        """
        if self._due_ms.keys() != self.submitted or not self._prepare_at.keys() >= self.submitted:
            raise BenchError(f"{len(self._due_ms)} of {len(self.submitted)} timers have fired")
        late = [
            due_ms - self._prepare_at[order_id].timestamp() * 1000
            for order_id, due_ms in self._due_ms.items()
        ]
        if min(late) < -EARLY_MS_MAX:
            raise BenchError(f"a timer fired {-min(late):.0f} ms too early")
        return [max(0.0, each) for each in late]
