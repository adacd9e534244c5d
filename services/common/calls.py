"""Calls told: every attempt of a call to the outside world, on the topic of its owner's calls.

It is for people who look at an order's story, and no part of the contract of the log: nothing is
folded from it, and nothing waits for it. What finds no room, or no broker, is counted and gone.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.common import clock, ids
from services.common.exchanges import Note, cut, written
from services.common.log import Ack, Appender
from services.common.masking import masked_text
from services.common.messages.shared import CallMade, CallOutcome, HttpExchange
from services.common.telemetry import Counters, log

CLOSE_SECONDS_MAX = 1.0


@dataclass(slots=True)
class Attempt:
    """One attempt of a call: what is known of it while it is made, and when it is over.

    order_id, cause_id: what it belongs to, and the last event of its aggregate when it began.
    command: the one that reports the outcome, with the id that it is written under.
    notes: the HTTP exchanges that it was made of.
    """

    key: str
    call: Any
    target: str
    number: int
    order_id: str
    cause_id: str | None = None
    outcome: CallOutcome = CallOutcome.DROPPED
    error: str | None = None
    command: Any = None
    command_id: str | None = None
    notes: list[Note] = field(default_factory=list)
    began_at: datetime = field(default_factory=lambda: clock.now())
    began: float = field(default_factory=lambda: clock.monotonic())
    ended: float | None = None

    def end(self, outcome: CallOutcome, error: str | None = None) -> None:
        """The attempt is over."""
        self.outcome, self.error, self.ended = outcome, error, clock.monotonic()

    @property
    def seconds(self) -> float:
        """How long it took, or takes until now."""
        return (clock.monotonic() if self.ended is None else self.ended) - self.began


class CallLog:
    """Tells attempts, beside those who make them.

    Args:
        waiting_max: records that wait for room in the producer at a time, of some kilobytes each;
            what is more is not told.
        seconds_max: how long one may wait for it.
    """

    def __init__(
        self, appender: Appender, counters: Counters, waiting_max: int, seconds_max: float
    ) -> None:
        self._appender = appender
        self._counters = counters
        self._waiting_max = waiting_max
        self._seconds_max = seconds_max
        # A dictionary, for it keeps the order.
        self._waiting: dict[asyncio.Task[None], None] = {}

    def tell(self, attempt: Attempt) -> None:
        """Has the attempt told, where there is room; returns at once, and never fails."""
        if len(self._waiting) >= self._waiting_max:
            self._counters.add("calls_untold")
            return
        task = asyncio.create_task(self._send(attempt))
        self._waiting[task] = None
        task.add_done_callback(self._waiting.pop)

    async def close(self) -> None:
        """Waits a moment for what is on its way, and drops the rest."""
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=CLOSE_SECONDS_MAX)
        for task in list(self._waiting):
            task.cancel()

    async def _send(self, attempt: Attempt) -> None:
        try:
            made = record_of(attempt)
            async with asyncio.timeout(self._seconds_max):
                ack = await self._appender.call(made)
        except Exception as error:
            # It is no reason for anything else to fail.
            self._counters.add("calls_untold")
            log.debug("a call of %s is not told: %r", attempt.key, error)
        except asyncio.CancelledError:
            self._counters.add("calls_untold")
            raise
        else:
            ack.add_done_callback(self._acknowledged)

    def _acknowledged(self, ack: Ack) -> None:
        if ack.cancelled() or ack.exception() is not None:
            self._counters.add("calls_untold")


def record_of(attempt: Attempt) -> CallMade:
    """The record of an attempt: secrets masked, long texts cut."""
    exchanges: list[HttpExchange] = []
    secrets: list[str] = []
    for note in attempt.notes:
        exchange, carried = written(note)
        exchanges.append(exchange)
        secrets += carried
    call = type(attempt.call).__name__
    record_id = ids.derive(
        attempt.key, f"call/{call}/{attempt.number}/{attempt.began_at.isoformat()}"
    )
    return CallMade(
        id=record_id,
        type=CallMade.__name__,
        occurred_at=attempt.began_at,
        causation_id=attempt.cause_id or record_id,
        correlation_id=attempt.order_id,
        key=attempt.key,
        call=call,
        target=attempt.target,
        attempt=attempt.number,
        outcome=attempt.outcome,
        error=None if attempt.error is None else cut(masked_text(attempt.error, secrets))[0],
        duration_ms=round(1000 * attempt.seconds),
        command_type=None if attempt.command is None else type(attempt.command).__name__,
        command_id=attempt.command_id,
        exchanges=tuple(exchanges),
    )
