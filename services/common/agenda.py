"""The agenda of a worker: what the states of its partitions wait for, as timers and as calls.

It is held in memory up to limits; what is beyond them stays in the tables until there is room.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from services.common import clock, ids
from services.common.backlog import Backlog
from services.common.calls import Attempt, CallLog
from services.common.decider import Decider, Envelope, Row, Wakeup
from services.common.effects import EffectLimits, Effects, Outside
from services.common.event_table import TablePartition
from services.common.kafka import partition_of
from services.common.log import Appender
from services.common.pulse import Pulses
from services.common.settings import CommonSettings
from services.common.telemetry import Counters
from services.common.timers import Timers
from services.common.tracing import Tracer, caused_by_event

ROWS_AT_A_TIME_MAX = 200
NAP_SECONDS = 0.5
SHORT_NAP_SECONDS = 0.1


class Agenda:
    """Keeps timers and calls as the states ask for, and appends the commands that they lead to.

    Args:
        partitions: how many each topic has.
        outside: the way to the outside world, where the service has one.
        tracer: is told of the calls.
        calls: tells them to people, where they are to be told.
    """

    def __init__(
        self,
        settings: CommonSettings,
        decider: Decider[Any, Any, Any],
        appender: Appender,
        partitions: int,
        outside: Outside | None,
        pulses: Pulses,
        counters: Counters,
        tracer: Tracer | None = None,
        calls: CallLog | None = None,
    ) -> None:
        self._tracer = tracer
        self._call_log = calls
        self._tables: dict[int, TablePartition[Any]] = {}
        self._partitions = partitions
        self._decider = decider
        self._appender = appender
        self._append_seconds_max = settings.append_seconds_max
        self._pulse = pulses.begin("agenda")
        self._opened = asyncio.Event()
        self.timers = Timers(
            self._fire,
            clock.now,
            pulses.begin("timers"),
            settings.append_seconds_max,
            settings.timers_held_max,
        )
        self._backlogs = [Backlog(self.timers, self._set_timers, ROWS_AT_A_TIME_MAX)]
        self.effects: Effects | None = None
        if outside is not None:
            tell = None if calls is None else self._tell
            limits = _effect_limits(settings)
            self.effects = Effects(outside, self._report, limits, counters, self._watch, tell)
            self._backlogs.append(Backlog(self.effects.room, self._set_calls, ROWS_AT_A_TIME_MAX))

    def open(self, partition: int, table: TablePartition[Any]) -> None:
        """Has what the states of a partition wait for read from its table, little by little."""
        self._tables[partition] = table
        for backlog in self._backlogs:
            backlog.open(partition, table)
        self._opened.set()

    def set(self, partition: int, rows: Iterable[tuple[str, Row[Any]]]) -> None:
        """Takes what these rows wait for, in place of what they waited for before."""
        for key, row in rows:
            agenda = self._decider.agenda(row.state)
            self.timers.set(partition, key, _wakeups(agenda))
            if self.effects is not None:
                self.effects.set(partition, key, _calls(agenda))

    def close(self, partition: int) -> None:
        """Forgets a partition that another worker owns now."""
        self._tables.pop(partition, None)
        for backlog in self._backlogs:
            backlog.close(partition)
        self.timers.close(partition)
        if self.effects is not None:
            self.effects.close(partition)

    @property
    def is_short(self) -> bool:
        """True while some of what the states wait for has found no room in memory."""
        return self.timers.is_short or (self.effects is not None and self.effects.room.is_short)

    async def run(self) -> None:
        """Takes up what the tables hold, for ever."""
        while True:
            self._pulse.beat()
            have_read = [backlog.take_up() for backlog in self._backlogs]
            if any(have_read):
                await asyncio.sleep(0)
                continue
            self._opened.clear()
            nap = SHORT_NAP_SECONDS if self.is_short else NAP_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._opened.wait(), nap)

    def row(self, key: str) -> Row[Any] | None:
        """The row of an aggregate of this worker's."""
        table = self._tables.get(partition_of(key, self._partitions))
        return None if table is None else table.row(key)

    @property
    def oldest_call_seconds(self) -> float:
        """How long the oldest call has run that has not ended."""
        return 0.0 if self.effects is None else self.effects.oldest_seconds

    def _set_timers(self, partition: int, key: str, row: Row[Any]) -> None:
        self.timers.set(partition, key, _wakeups(self._decider.agenda(row.state)))

    def _set_calls(self, partition: int, key: str, row: Row[Any]) -> None:
        if self.effects is not None:
            self.effects.set(partition, key, _calls(self._decider.agenda(row.state)))

    async def _fire(self, key: str, wakeup: Wakeup) -> None:
        purpose = f"wakeup/{type(wakeup.command).__name__}/{wakeup.at.isoformat()}"
        # An aggregate may have two deadlines at one instant, each with a flag of its own.
        if (flag := getattr(wakeup.command, "flag", None)) is not None:
            purpose += f"/{flag}"
        if self._tracer is not None:
            order_id, event_id = self._cause(key)
            caused_by_event(event_id, order_id)
        await self._send(key, wakeup.command, purpose)

    def _cause(self, key: str) -> tuple[str, str | None]:
        """What the aggregate belongs to, and the id of its last event."""
        row = self.row(key)
        if row is None:
            return key, None
        return getattr(row.state, "order_id", None) or key, row.event_id

    @contextlib.contextmanager
    def _watch(self, attempt: Attempt) -> Iterator[None]:
        if self._tracer is None and self._call_log is None:
            yield
            return
        attempt.order_id, attempt.cause_id = self._cause(attempt.key)
        if self._tracer is None:
            yield
            return
        before = caused_by_event(attempt.cause_id, attempt.order_id)
        facts = (
            ("peer.service", attempt.target),
            ("tiffin.key", attempt.key),
            ("tiffin.attempt", attempt.number),
        )
        span = self._tracer.call(type(attempt.call).__name__, attempt.order_id, before, facts)
        try:
            yield
        except BaseException as error:
            self._tracer.end(span, str(error) or type(error).__name__)
            raise
        self._tracer.end(span)

    def _tell(self, attempt: Attempt) -> None:
        """Tells of an attempt that is over, with the command that it has led to."""
        if self._call_log is None:
            return
        if attempt.command is not None:
            attempt.command_id = ids.derive(attempt.key, _outcome(attempt.call, attempt.command))
        self._call_log.tell(attempt)

    async def _report(self, key: str, call: Any, command: Any) -> None:
        await self._send(key, command, _outcome(call, command))

    async def _send(self, key: str, command: Any, purpose: str) -> None:
        """Appends a command that the aggregate itself has led to, and waits until it is durable."""
        command_id = ids.derive(key, purpose)
        envelope = Envelope(
            id=command_id,
            type=type(command).__name__,
            occurred_at=clock.now(),
            causation_id=command_id,
            correlation_id=getattr(command, "order_id", key),
        )
        async with asyncio.timeout(self._append_seconds_max):
            acknowledged = await self._appender.command(key, envelope, command)
            await asyncio.shield(acknowledged)


def _outcome(call: Any, command: Any) -> str:
    """What the outcome of a call is for; calls that an aggregate may make anew tell themselves."""
    parts = ["outcome", type(call).__name__, type(command).__name__]
    parts += [
        str(getattr(call, name)) for name in ("idempotency_key", "round") if hasattr(call, name)
    ]
    return "/".join(parts)


def _wakeups(agenda: Iterable[Any]) -> list[Wakeup]:
    return [each for each in agenda if isinstance(each, Wakeup)]


def _calls(agenda: Iterable[Any]) -> list[Any]:
    return [each for each in agenda if not isinstance(each, Wakeup)]


def _effect_limits(settings: CommonSettings) -> EffectLimits:
    return EffectLimits(
        concurrent_max=settings.effects_concurrent_max,
        per_target_max=settings.effects_per_target_max,
        held_max=settings.effects_held_max,
        held_per_user_max=settings.effects_held_per_user_max,
        timeout_seconds=settings.effect_timeout_seconds,
        backoff_seconds=settings.effect_backoff_seconds,
        backoff_seconds_max=settings.effect_backoff_seconds_max,
        attempts_before_flag=settings.effect_attempts_before_flag,
    )
