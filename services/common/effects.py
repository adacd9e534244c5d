"""Effects: the calls to the outside world that states wait for.

A call is made while the state of its aggregate asks for it, again after a restart, and always with
the idempotency key that it carries. Its outcome comes back as a command. Calls run side by side up
to a limit, and to a smaller one per target, so that one slow target does not starve the others.
Those that wait take turns between targets, and within a target between the users that the calls are
made for, so that a partner who floods Tiffin with orders waits for itself.

A call holds its place until its outcome is in the log: when the log is down, few calls are made.
What waits is held in memory up to a limit, in all and for each user of a target; beyond that it is
left in the tables until there is room.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from services.common import clock
from services.common.calls import Attempt
from services.common.exchanges import begin_notes
from services.common.fair_queue import FairQueue
from services.common.messages.shared import CallOutcome
from services.common.room import Room
from services.common.telemetry import Counters, log


class UnansweredError(Exception):
    """The outcome of a call is unknown: it may or may not have been done. It is made again."""


class Outside(Protocol):
    """A service's way to the outside world."""

    def target(self, call: Any) -> str:
        """What shares a limit of calls at a time."""
        ...

    def user(self, call: Any) -> str:
        """For whom the call is made; users of one target take turns."""
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
    """The bounds of the calls. There is no last attempt: a call ends when its outcome is known.

    held_max: calls in memory, of about a kilobyte each.
    held_per_user_max: of them, for one user of one target.
    """

    concurrent_max: int = 64
    per_target_max: int = 8
    held_max: int = 50_000
    held_per_user_max: int = 2_000
    timeout_seconds: float = 10.0
    backoff_seconds: float = 0.5
    backoff_seconds_max: float = 30.0
    attempts_before_flag: int = 5


Report = Callable[[str, Any, Any], Awaitable[None]]
# Completes an attempt that begins, and is over when its outcome is known or it has none.
Watch = Callable[[Attempt], AbstractContextManager[None]]
# Is told of each attempt once it is over and its outcome reported; returns at once, never raises.
Tell = Callable[[Attempt], None]
# The partition, the aggregate and the call.
_Place = tuple[int, str, Any]


@dataclass(frozen=True, slots=True)
class CallView:
    """A call that has not ended: `waiting` for its turn, `running`, or `pausing` before the next.

    attempt: the number of the latest attempt, 0 before the first.
    seconds: since it runs, or until it is made again.
    error: why the latest attempt that is over has told no outcome.
    """

    key: str
    call: Any
    target: str
    state: str
    attempt: int
    seconds: float
    error: str | None


class Effects:
    """The calls that the states of this worker's partitions wait for."""

    def __init__(
        self,
        outside: Outside,
        report: Report,
        limits: EffectLimits,
        counters: Counters,
        watch: Watch | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._outside = outside
        self._report = report
        self._limits = limits
        self._counters = counters
        self._watch = watch
        self._tell = tell
        self.room = Room(limits.held_max, limits.held_per_user_max)
        self._of_key: dict[tuple[int, str], dict[Any, None]] = {}
        self._attempts: dict[_Place, int] = {}
        self._flagged: set[_Place] = set()
        self._waiting: FairQueue[_Place] = FairQueue()
        self._queued: set[_Place] = set()
        self._running: dict[_Place, asyncio.Task[None]] = {}
        self._began_at: dict[asyncio.Task[None], float] = {}
        self._pausing: dict[_Place, asyncio.TimerHandle] = {}
        self._errors: dict[_Place, str] = {}
        self._busy: Counter[str] = Counter()

    def set(self, partition: int, key: str, calls: Iterable[Any]) -> None:
        """Makes these the calls that an aggregate waits for: begins the new, drops the others.

        What finds no room is left, and is to be set again when there is some.
        """
        # Dictionaries, for they keep the order in which the aggregate asks.
        wanted = dict.fromkeys(calls)
        before = self._of_key.get((partition, key), {})
        held = {call: None for call in before if call in wanted}
        for call in before:
            if call not in wanted:
                self._drop((partition, key, call))
        for call in wanted:
            if call not in before and self.room.take(self._user(call)):
                held[call] = None
                self._attempts[partition, key, call] = 0
                self._queue((partition, key, call))
        if held:
            self._of_key[partition, key] = held
        else:
            self._of_key.pop((partition, key), None)
        self._begin_waiting()

    def close(self, partition: int) -> None:
        """Drops the calls of a partition that another worker owns now."""
        for place in [place for place in self._of_key if place[0] == partition]:
            self.set(*place, ())

    def __len__(self) -> int:
        return len(self._attempts)

    @property
    def running(self) -> int:
        """How many calls are being made."""
        return len(self._running)

    @property
    def pausing(self) -> int:
        """How many calls wait to be made again."""
        return len(self._pausing)

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest call has run that has not ended, also if nobody waits for it."""
        now = clock.monotonic()
        return now - min(self._began_at.values(), default=now)

    def views(self) -> Iterator[CallView]:
        """The calls that have not ended, in no order."""
        now, loop_now = clock.monotonic(), asyncio.get_running_loop().time()
        for place, attempt in self._attempts.items():
            state, seconds = "waiting", 0.0
            if (task := self._running.get(place)) is not None:
                state, seconds = "running", now - self._began_at[task]
            elif (pause := self._pausing.get(place)) is not None:
                state, seconds = "pausing", max(0.0, pause.when() - loop_now)
            _, key, call = place
            target, error = self._outside.target(call), self._errors.get(place)
            yield CallView(key, call, target, state, attempt, seconds, error)

    def _user(self, call: Any) -> str:
        return f"{self._outside.target(call)}/{self._outside.user(call)}"

    def _drop(self, place: _Place) -> None:
        del self._attempts[place]
        self._flagged.discard(place)
        self._errors.pop(place, None)
        self.room.give_back(self._user(place[2]))
        self._queued.discard(place)
        if (pause := self._pausing.pop(place, None)) is not None:
            pause.cancel()
        if (task := self._running.pop(place, None)) is not None:
            task.cancel()

    def _queue(self, place: _Place) -> None:
        call = place[2]
        self._queued.add(place)
        self._waiting.put(self._outside.target(call), self._outside.user(call), place)

    def _begin_waiting(self) -> None:
        """Makes the calls that have a place; the others take their turn when one ends."""
        while self._busy.total() < self._limits.concurrent_max:
            found = self._waiting.take(self._is_free)
            if found is None:
                return
            target, place = found
            if place not in self._queued:
                continue  # dropped while it waited
            self._queued.discard(place)
            self._busy[target] += 1
            task = asyncio.create_task(self._make(place))
            self._running[place] = task
            self._began_at[task] = clock.monotonic()
            task.add_done_callback(partial(self._leave, target, place))

    def _is_free(self, target: str) -> bool:
        return self._busy[target] < self._limits.per_target_max

    def _leave(self, target: str, place: _Place, task: "asyncio.Task[None]") -> None:
        del self._began_at[task]
        self._busy[target] -= 1
        if not self._busy[target]:
            del self._busy[target]
        if self._running.get(place) is task:
            del self._running[place]
        self._begin_waiting()

    async def _make(self, place: _Place) -> None:
        """Makes a call once, and reports its outcome, or has it made again later."""
        _, key, call = place
        self._attempts[place] += 1
        number = self._attempts[place]
        attempt = Attempt(key, call, self._outside.target(call), number, order_id=key)
        try:
            await self._report(key, call, await self._perform(attempt))
        except UnansweredError as error:
            self._counters.add("effects_unanswered")
            log.warning("%s %s attempt %d: %s", type(call).__name__, key, number, error)
            await self._flag_if_late(place, number, str(error))
            self._pause_before_next(place, self._pause(number), str(error))
        except Exception as error:
            self._counters.add("effects_failed")
            log.exception("%s %s attempt %d failed", type(call).__name__, key, number)
            attempt.error = attempt.error or f"the outcome is not written: {_named(error)}"
            self._pause_before_next(place, self._limits.backoff_seconds_max, _named(error))
        else:
            self._counters.add("effects_answered")
        finally:
            if self._tell is not None:
                self._tell(attempt)

    async def _flag_if_late(self, place: _Place, number: int, error: str) -> None:
        """Reports once that the outcome stays unknown; one that is not written, at the next."""
        _, key, call = place
        if number < self._limits.attempts_before_flag or place in self._flagged:
            return
        flag = self._outside.flag(key, call, number, error)
        try:
            if flag is not None:
                await self._report(key, call, flag)
        except Exception:
            log.exception("%s %s attempt %d: not flagged", type(call).__name__, key, number)
        else:
            self._flagged.add(place)

    async def _perform(self, attempt: Attempt) -> Any:
        """The command that reports the outcome of an attempt, which knows then how it ended."""
        if self._tell is not None:
            attempt.notes = begin_notes()
        watched = nullcontext() if self._watch is None else self._watch(attempt)
        with watched:
            try:
                attempt.command = await self._answer(attempt)
            except UnansweredError as error:
                self._end(attempt, CallOutcome.UNANSWERED, str(error))
                raise
            except Exception as error:
                self._end(attempt, CallOutcome.FAILED, _named(error))
                raise
            self._end(attempt, CallOutcome.ANSWERED)
        return attempt.command

    def _end(self, attempt: Attempt, outcome: CallOutcome, error: str | None = None) -> None:
        attempt.end(outcome, error)
        labels = (type(attempt.call).__name__, outcome.value)
        self._counters.effect_seconds.add(labels, attempt.seconds)

    async def _answer(self, attempt: Attempt) -> Any:
        performing = self._outside.perform(attempt.key, attempt.call, attempt.number)
        try:
            return await asyncio.wait_for(performing, self._limits.timeout_seconds)
        except TimeoutError as error:
            raise UnansweredError(f"no answer within {self._limits.timeout_seconds} s") from error

    def _pause_before_next(self, place: _Place, seconds: float, error: str) -> None:
        if self._running.get(place) is not asyncio.current_task():
            return  # dropped, or another took its place, while it ended
        self._errors[place] = error
        loop = asyncio.get_running_loop()
        self._pausing[place] = loop.call_later(seconds, self._again, place)

    def _again(self, place: _Place) -> None:
        del self._pausing[place]
        self._queue(place)
        self._begin_waiting()

    def _pause(self, attempt: int) -> float:
        """Exponential backoff with jitter (Brooker, "Exponential Backoff And Jitter", 2015)."""
        longest = min(
            self._limits.backoff_seconds_max, self._limits.backoff_seconds * 2.0 ** min(attempt, 16)
        )
        return random.uniform(longest / 2, longest)


def _named(error: Exception) -> str:
    return f"{type(error).__name__} {error}".rstrip()
