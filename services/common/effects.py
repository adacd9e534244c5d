"""Effects: the calls to the outside world that states wait for.

A call is made while the state of its aggregate asks for it, again after a restart, and always with
the idempotency key that it carries. Its outcome comes back as a command. Calls run side by side up
to a limit, and to a smaller one per target, so that one slow target does not starve the others.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from services.common.telemetry import Counters, log


class UnansweredError(Exception):
    """The outcome of a call is unknown: it may or may not have been done. It is made again."""


class Outside(Protocol):
    """A service's way to the outside world."""

    def target(self, call: Any) -> str:
        """What shares a limit of calls at a time."""
        ...

    async def perform(self, key: str, call: Any, attempt: int) -> Any:
        """The command that reports the outcome.

        Args:
            key: the aggregate that waits for the call.
            attempt: 1 for the first call since this worker took the partition.

        Raises:
            UnansweredError: the outcome is unknown.
        """
        ...

    def flag(self, key: str, call: Any, attempts: int, error: str) -> Any:
        """The command that reports, once, that the outcome has stayed unknown for long, or None."""
        ...

    async def close(self) -> None:
        """Closes the connections."""
        ...


@dataclass(frozen=True, slots=True)
class EffectLimits:
    """The bounds of the calls. There is no last attempt: a call ends when its outcome is known."""

    concurrent_max: int = 64
    per_target_max: int = 8
    timeout_seconds: float = 10.0
    backoff_seconds: float = 0.5
    backoff_seconds_max: float = 30.0
    attempts_before_flag: int = 5


Report = Callable[[str, Any, Any], Awaitable[None]]


class Effects:
    """The calls that the states of this worker's partitions wait for."""

    def __init__(
        self, outside: Outside, report: Report, limits: EffectLimits, counters: Counters
    ) -> None:
        self._outside = outside
        self._report = report
        self._limits = limits
        self._counters = counters
        self._running: dict[tuple[int, str, Any], asyncio.Task[None]] = {}
        self._of_key: dict[tuple[int, str], set[Any]] = defaultdict(set)
        self._slots = asyncio.Semaphore(limits.concurrent_max)
        self._target_slots: dict[str, asyncio.Semaphore] = {}

    def set(self, partition: int, key: str, calls: Iterable[Any]) -> None:
        """Makes these the calls that an aggregate waits for: begins the new, drops the others."""
        wanted = set(calls)
        before = self._of_key.get((partition, key), set())
        for call in before - wanted:
            self._running.pop((partition, key, call)).cancel()
        for call in wanted - before:
            self._running[partition, key, call] = asyncio.create_task(self._see_through(key, call))
        if wanted:
            self._of_key[partition, key] = wanted
        else:
            self._of_key.pop((partition, key), None)

    def close(self, partition: int) -> None:
        """Drops the calls of a partition that another worker owns now."""
        for place in [place for place in self._of_key if place[0] == partition]:
            self.set(*place, ())

    def __len__(self) -> int:
        return len(self._running)

    async def _see_through(self, key: str, call: Any) -> None:
        attempt = 0
        while True:
            attempt += 1
            try:
                await self._report(key, call, await self._attempt(key, call, attempt))
            except UnansweredError as error:
                self._counters.add("effects_unanswered")
                log.warning("%s %s attempt %d: %s", type(call).__name__, key, attempt, error)
                if attempt == self._limits.attempts_before_flag:
                    flag = self._outside.flag(key, call, attempt, str(error))
                    if flag is not None:
                        await self._report(key, call, flag)
                await asyncio.sleep(self._pause(attempt))
            except Exception:
                self._counters.add("effects_failed")
                log.exception("%s %s attempt %d failed", type(call).__name__, key, attempt)
                await asyncio.sleep(self._limits.backoff_seconds_max)
            else:
                self._counters.add("effects_answered")
                return

    async def _attempt(self, key: str, call: Any, attempt: int) -> Any:
        target = self._outside.target(call)
        of_target = self._target_slots.get(target)
        if of_target is None:
            of_target = self._target_slots[target] = asyncio.Semaphore(self._limits.per_target_max)
        async with of_target, self._slots:
            try:
                return await asyncio.wait_for(
                    self._outside.perform(key, call, attempt), self._limits.timeout_seconds
                )
            except TimeoutError as error:
                raise UnansweredError(
                    f"no answer within {self._limits.timeout_seconds} s"
                ) from error

    def _pause(self, attempt: int) -> float:
        """Exponential backoff with jitter (Brooker, "Exponential Backoff And Jitter", 2015)."""
        longest = min(
            self._limits.backoff_seconds_max, self._limits.backoff_seconds * 2.0 ** min(attempt, 16)
        )
        return random.uniform(longest / 2, longest)
