"""The monitor: calls that never end and partitions that never open are seen to stand."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from services.common import clock
from services.common.lag import Lag
from services.common.monitor import Monitor
from services.common.pulse import Pulses


class Watched:
    """What a monitor looks at; a test moves it, and the clock."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.oldest_call_seconds = 0.0
        self.opening: Hashable | None = None
        self.is_away = False
        self.asked = 0
        self.pulses = Pulses()

    async def end_offsets(self, places: list[TopicPartition]) -> dict[Any, int]:
        """The log answers, or not."""
        self.asked += 1
        if self.is_away:
            raise KafkaConnectionError
        return dict.fromkeys(places, 0)

    async def after(self, seconds: int) -> list[str]:
        """What stands for more than 5 s then; the monitor looks every second."""
        for _ in range(seconds):
            self.seconds += 1
            asked = self.asked
            async with asyncio.timeout(10):
                while self.asked < asked + 2:
                    await asyncio.sleep(0)
        return sorted(pulse.name for pulse in self.pulses.overdue(5))


@asynccontextmanager
async def monitored(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """A monitor that runs."""
    watched = Watched()
    monkeypatch.setattr(clock, "since_boot", lambda: watched.seconds)
    positions = {TopicPartition("tally.commands", 0): 0}
    lag = Lag(watched, lambda: positions, lambda: False, watched.pulses)
    monitor = Monitor(
        watched.pulses,
        [lag],
        0.0,
        lambda: watched.oldest_call_seconds,
        10.0,
        lambda: watched.opening,
        20.0,
    )
    running = asyncio.create_task(monitor.run())
    try:
        yield watched
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_worker_with_nothing_to_do_stands_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is open, and nothing is called."""
    async with monitored(monkeypatch) as watched:
        assert await watched.after(60) == []


async def test_a_call_that_never_ends_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it runs for longer than a call and its report may."""
    async with monitored(monkeypatch) as watched:
        watched.oldest_call_seconds = 10.0
        assert await watched.after(20) == []
        watched.oldest_call_seconds = 10.1
        assert await watched.after(10) == ["effects"]
        watched.oldest_call_seconds = 0.0
        assert await watched.after(1) == []


async def test_a_partition_that_never_opens_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it stands for longer than the group may take; not while it is folded."""
    async with monitored(monkeypatch) as watched:
        for position in range(30):
            watched.opening = ("recovery", position)
            assert await watched.after(1) == []
        assert await watched.after(20) == []
        assert await watched.after(10) == ["partitions"]
        watched.opening = None
        assert await watched.after(1) == []


async def test_a_log_that_is_away_opens_no_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart would not help."""
    async with monitored(monkeypatch) as watched:
        watched.opening, watched.is_away = "group", True
        assert await watched.after(60) == []
