"""Timers: wakeups are fired when they are due, never earlier, and none is forgotten."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import pytest

from services.common import timers
from services.common.decider import Wakeup
from services.common.timers import Timers
from tests.common.tally import EPOCH, Add


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> datetime:
        return self.now

    async def move(self, seconds: float) -> None:
        """Time passes, and everybody notices."""
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0.01)


def at(seconds: float, amount: int = 1) -> Wakeup:
    """A wakeup so long after the epoch."""
    return Wakeup(EPOCH + timedelta(seconds=seconds), Add("a", amount))


@asynccontextmanager
async def running(clock: Clock) -> AsyncIterator[tuple[Timers, list[tuple[str, datetime, Wakeup]]]]:
    """Timers that run, and what they have fired, with the instant when."""
    fired: list[tuple[str, datetime, Wakeup]] = []

    async def fire(key: str, wakeup: Wakeup) -> None:
        fired.append((key, clock(), wakeup))

    made = Timers(fire, clock)
    task = asyncio.create_task(made.run())
    try:
        yield made, fired
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def _short_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the test is looked at often."""
    monkeypatch.setattr(timers, "NAP_SECONDS_MAX", 0.001)


async def test_a_wakeup_is_never_early() -> None:
    """Not by a microsecond; and it is not late."""
    clock = Clock()
    async with running(clock) as (made, fired):
        made.set(0, "a", [at(10)])
        await clock.move(9.999999)
        assert fired == []
        await clock.move(0.000001)
        assert [(key, wakeup) for key, _, wakeup in fired] == [("a", at(10))]


async def test_wakeups_are_fired_in_the_order_of_their_instants() -> None:
    """Whatever the order in which they were asked for."""
    clock = Clock()
    async with running(clock) as (made, fired):
        seconds = list(range(100))
        random.Random(7).shuffle(seconds)
        for second in seconds:
            made.set(0, f"key-{second}", [at(second)])
        await clock.move(200)
        assert [wakeup.at for _, _, wakeup in fired] == [at(second).at for second in range(100)]


async def test_a_wakeup_that_is_due_already_is_fired_at_once() -> None:
    """As after a restart that came late."""
    clock = Clock()
    async with running(clock) as (made, fired):
        made.set(0, "a", [at(-3600)])
        await asyncio.sleep(0.02)
        assert len(fired) == 1


async def test_an_earlier_wakeup_interrupts_the_nap(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait until the timers wake up by themselves."""
    monkeypatch.setattr(timers, "NAP_SECONDS_MAX", 60.0)
    clock = Clock()
    async with running(clock) as (made, fired):
        made.set(0, "a", [at(3600)])
        await asyncio.sleep(0.01)
        made.set(0, "b", [at(0)])
        await asyncio.sleep(0.01)
        assert [key for key, _, _ in fired] == ["b"]


async def test_a_replaced_wakeup_does_not_fire() -> None:
    """Neither where another takes its place nor where none does."""
    clock = Clock()
    async with running(clock) as (made, fired):
        made.set(0, "a", [at(5)])
        made.set(0, "a", [at(20)])
        made.set(0, "b", [at(5)])
        made.set(0, "b", [])
        await clock.move(10)
        assert fired == []
        await clock.move(10)
        assert [key for key, _, _ in fired] == ["a"]
        assert len(made) == 1, "it is wanted until the state no longer asks for it"


async def test_a_wakeup_that_is_asked_for_again_fires_once() -> None:
    """The state may change without changing what it waits for."""
    clock = Clock()
    async with running(clock) as (made, fired):
        for _ in range(5):
            made.set(0, "a", [at(5), at(7)])
        await clock.move(10)
        assert len(fired) == 2


async def test_a_closed_partition_forgets_its_wakeups() -> None:
    """And no other partition's."""
    clock = Clock()
    async with running(clock) as (made, fired):
        made.set(0, "a", [at(5)])
        made.set(1, "b", [at(5)])
        made.close(0)
        assert len(made) == 1
        await clock.move(10)
        assert [key for key, _, _ in fired] == ["b"]


async def test_a_partition_that_comes_and_goes_fires_each_wakeup_once() -> None:
    """Opening sets the same wakeups again; nothing is left of the times before."""
    clock = Clock()
    async with running(clock) as (made, fired):
        for _ in range(10):
            made.set(0, "a", [at(5)])
            made.close(0)
        made.set(0, "a", [at(5)])
        await clock.move(10)
        assert len(fired) == 1


async def test_a_wakeup_that_can_not_be_sent_ends_the_timers() -> None:
    """So that the worker exits and fires it after the restart."""

    async def fail(key: str, wakeup: Wakeup) -> None:
        raise TimeoutError("the log does not answer")

    made = Timers(fail, Clock())
    made.set(0, "a", [at(0)])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(made.run(), 5)


async def test_of_many_timers_each_fires_that_is_still_wanted() -> None:
    """60,000 are set, half of them replaced; the other half fires, none early."""
    clock = Clock()
    async with running(clock) as (made, fired):
        for number in range(60_000):
            made.set(number % 4, f"key-{number}", [at(number % 1000)])
        for number in range(30_000):
            made.set(number % 4, f"key-{number}", [at(2000)])
        assert len(made) == 60_000
        clock.now += timedelta(seconds=1000)
        while len(fired) < 30_000:
            await asyncio.sleep(0.001)
        assert all(when >= wakeup.at for _, when, wakeup in fired)


async def test_late_seconds_are_those_of_the_earliest_that_still_counts() -> None:
    """A wakeup that its state no longer asks for is not late."""
    made = Timers(_never, Clock())
    assert made.late_seconds == 0.0
    made.set(0, "a", [at(-9)])
    made.set(0, "b", [at(-4)])
    made.set(0, "c", [at(4)])
    assert made.late_seconds == 9.0
    made.set(0, "a", [])
    assert made.late_seconds == 4.0
    made.close(0)
    assert made.late_seconds == 0.0


async def _never(key: str, wakeup: Wakeup) -> None:
    raise AssertionError(f"{key} is not to be fired")
