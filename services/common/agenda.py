"""The agenda of a worker: what the states of its partitions wait for, as timers and as calls."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from services.common import clock, ids
from services.common.decider import Decider, Envelope, Row, Wakeup
from services.common.effects import EffectLimits, Effects, Outside
from services.common.log import Appender
from services.common.pulse import Pulses
from services.common.settings import CommonSettings
from services.common.telemetry import Counters
from services.common.timers import Timers


class Agenda:
    """Keeps timers and calls as the states ask for, and appends the commands that they lead to.

    Args:
        outside: the way to the outside world, where the service has one.
    """

    def __init__(
        self,
        settings: CommonSettings,
        decider: Decider[Any, Any, Any],
        appender: Appender,
        outside: Outside | None,
        pulses: Pulses,
        counters: Counters,
    ) -> None:
        self._decider = decider
        self._appender = appender
        self._append_seconds_max = settings.append_seconds_max
        self.timers = Timers(
            self._fire, clock.now, pulses.begin("timers"), settings.append_seconds_max
        )
        self.effects: Effects | None = None
        if outside is not None:
            self.effects = Effects(outside, self._report, _effect_limits(settings), counters)

    def set(self, partition: int, rows: Iterable[tuple[str, Row[Any]]]) -> None:
        """Takes what these rows wait for, in place of what they waited for before."""
        for key, row in rows:
            agenda: Sequence[Any] = self._decider.agenda(row.state)
            wakeups = [each for each in agenda if isinstance(each, Wakeup)]
            self.timers.set(partition, key, wakeups)
            if self.effects is not None:
                calls = [each for each in agenda if not isinstance(each, Wakeup)]
                self.effects.set(partition, key, calls)

    def close(self, partition: int) -> None:
        """Forgets a partition that another worker owns now."""
        self.timers.close(partition)
        if self.effects is not None:
            self.effects.close(partition)

    @property
    def oldest_call_seconds(self) -> float:
        """How long the oldest call has run that has not ended."""
        return 0.0 if self.effects is None else self.effects.oldest_seconds

    async def _fire(self, key: str, wakeup: Wakeup) -> None:
        purpose = f"wakeup/{type(wakeup.command).__name__}/{wakeup.at.isoformat()}"
        await self._send(key, wakeup.command, purpose)

    async def _report(self, key: str, call: Any, command: Any) -> None:
        await self._send(key, command, f"outcome/{type(call).__name__}/{type(command).__name__}")

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


def _effect_limits(settings: CommonSettings) -> EffectLimits:
    return EffectLimits(
        concurrent_max=settings.effects_concurrent_max,
        per_target_max=settings.effects_per_target_max,
        timeout_seconds=settings.effect_timeout_seconds,
        backoff_seconds=settings.effect_backoff_seconds,
        backoff_seconds_max=settings.effect_backoff_seconds_max,
        attempts_before_flag=settings.effect_attempts_before_flag,
    )
