"""Admission: what one sender may ask of a front, so that a sender who floods it waits for itself.

A sender has a token bucket (Turner, "New directions in communications", 1986) and a share of the
requests that may be open at a time. Both are of this worker; senders do not share them.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.common import clock

RETRY_SECONDS_MAX = 3_600
OPEN_RETRY_SECONDS = 1


class FloodError(Exception):
    """A sender asks for more than its share; the text says of what.

    retry_after_seconds: when it may ask again; a whole number, from 1 on.
    """

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class SenderLimits:
    """The share of each sender.

    burst_max: commands at once after a rest; from 1 on.
    known_max: how many senders are remembered; the one that was quiet for longest is forgotten.
    """

    per_second_max: float = 200.0
    burst_max: int = 400
    open_max: int = 64
    known_max: int = 10_000


@dataclass(slots=True)
class _Sender:
    tokens: float
    at: float
    open: int = 0


class Admission:
    """Who has asked for how much."""

    def __init__(self, limits: SenderLimits, monotonic: Callable[[], float] | None = None) -> None:
        self._limits = limits
        self._monotonic = monotonic or clock.monotonic
        self._senders: OrderedDict[str, _Sender] = OrderedDict()

    def __len__(self) -> int:
        return len(self._senders)

    @contextmanager
    def admitted(self, name: str) -> Iterator[None]:
        """The time of one request of a sender.

        Raises:
            FloodError: the sender has too many requests open, or asks too often.
        """
        sender = self._known(name)
        if sender.open >= self._limits.open_max:
            raise FloodError(
                f"{name} has {sender.open} requests open; {self._limits.open_max} may be",
                OPEN_RETRY_SECONDS,
            )
        if sender.tokens < 1.0:
            raise FloodError(
                f"{name} asks more often than {self._limits.per_second_max:g} times a second",
                self._seconds_until_next(sender),
            )
        sender.tokens -= 1.0
        sender.open += 1
        try:
            yield
        finally:
            sender.open -= 1

    def _known(self, name: str) -> _Sender:
        limits, now = self._limits, self._monotonic()
        sender = self._senders.get(name)
        if sender is None:
            sender = self._senders[name] = _Sender(limits.burst_max, now)
            if len(self._senders) > limits.known_max:
                self._senders.popitem(last=False)
        gained = max(0.0, now - sender.at) * limits.per_second_max
        sender.tokens = min(limits.burst_max, sender.tokens + gained)
        sender.at = now
        self._senders.move_to_end(name)
        return sender

    def _seconds_until_next(self, sender: _Sender) -> int:
        seconds = (1.0 - sender.tokens) / max(self._limits.per_second_max, 1 / RETRY_SECONDS_MAX)
        return min(RETRY_SECONDS_MAX, max(1, math.ceil(seconds)))
