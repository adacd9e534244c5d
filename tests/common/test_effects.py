"""Effects: a call is made until its outcome is known, and only while its state waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.common.effects import EffectLimits, Effects, UnansweredError
from services.common.telemetry import Counters
from tests.common.tally import Ring

LIMITS = EffectLimits(
    concurrent_max=20,
    per_target_max=3,
    timeout_seconds=0.2,
    backoff_seconds=0.001,
    backoff_seconds_max=0.004,
    attempts_before_flag=3,
)

Answer = Callable[[str, int], Awaitable[Any]]


class World:
    """An outside world that answers as the test says, and sees who calls at the same time."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.calls: list[tuple[str, int]] = []
        self.calling: dict[str, int] = {}
        self.calling_most: dict[str, int] = {}
        self.reports: list[tuple[str, Any]] = []
        self.flagged: list[tuple[str, int]] = []
        self.flag_with: Any = "late"

    def target(self, call: Ring) -> str:
        """What is before the dash of the id."""
        return call.tally_id.split("-")[0]

    def user(self, call: Ring) -> str:
        """What is before the last dash of the id."""
        return call.tally_id.rpartition("-")[0]

    async def perform(self, key: str, call: Ring, attempt: int) -> Any:
        """Counts who calls, and answers."""
        target = self.target(call)
        self.calls.append((key, attempt))
        self.calling[target] = self.calling.get(target, 0) + 1
        self.calling_most[target] = max(self.calling[target], self.calling_most.get(target, 0))
        try:
            return await self._answer(key, attempt)
        finally:
            self.calling[target] -= 1

    def flag(self, key: str, call: Ring, attempts: int, error: str) -> Any:
        """Notes that it was told."""
        self.flagged.append((key, attempts))
        return self.flag_with

    async def close(self) -> None:
        """Nothing is open."""

    async def report(self, key: str, call: Ring, command: Any) -> None:
        """What came of a call."""
        self.reports.append((key, command))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits, though not for ever."""
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)


def effects(world: World, limits: EffectLimits = LIMITS) -> Effects:
    """The calls to this world."""
    return Effects(world, world.report, limits, Counters())


async def test_the_outcome_of_a_call_is_reported_once() -> None:
    """However often the state asks for it."""

    async def answer(key: str, attempt: int) -> Any:
        return f"done {key}"

    world = World(answer)
    made = effects(world)
    made.set(0, "a", [Ring("a")])
    await world.until(lambda: bool(world.reports))
    for _ in range(3):
        made.set(0, "a", [Ring("a")])
    await asyncio.sleep(0.02)
    assert (world.reports, world.calls) == ([("a", "done a")], [("a", 1)])
    made.set(0, "a", [])
    assert len(made) == 0


async def test_a_call_is_made_until_its_outcome_is_known() -> None:
    """There is no last attempt; what the wire breaks is unknown, not refused."""

    async def answer(key: str, attempt: int) -> Any:
        if attempt % 3 == 0:
            await asyncio.sleep(60)
        if attempt < 10:
            raise UnansweredError("nobody answers")
        return "done"

    world = World(answer)
    limits = EffectLimits(timeout_seconds=0.01, backoff_seconds=0.001, backoff_seconds_max=0.002)
    effects(world, limits).set(0, "a", [Ring("a")])
    await world.until(lambda: ("a", "done") in world.reports)
    assert [attempt for _, attempt in world.calls] == list(range(1, 11))


async def test_the_pause_between_calls_grows_up_to_its_limit() -> None:
    """With jitter in its upper half, whatever the attempt."""
    limits = EffectLimits(backoff_seconds=0.5, backoff_seconds_max=30.0)
    made = Effects(World(lambda key, attempt: asyncio.sleep(0)), _nowhere, limits, Counters())
    for attempt in (1, 2, 3, 7, 50, 10_000):
        longest = min(30.0, 0.5 * 2.0 ** min(attempt, 16))
        pauses = [made._pause(attempt) for _ in range(200)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


async def _nowhere(key: str, call: Any, command: Any) -> None:
    """Nobody wants to know."""


@pytest.mark.parametrize("flag", ["late", None])
async def test_an_outcome_that_stays_unknown_is_flagged_once(flag: str | None) -> None:
    """At the named attempt; the calls go on."""

    async def answer(key: str, attempt: int) -> Any:
        if attempt < 12:
            raise UnansweredError("nobody answers")
        return "done"

    world = World(answer)
    world.flag_with = flag
    effects(world).set(0, "a", [Ring("a")])
    await world.until(lambda: ("a", "done") in world.reports)
    assert world.flagged == [("a", 3)]
    assert world.reports == ([("a", "late")] if flag else []) + [("a", "done")]


async def test_a_flag_that_the_log_does_not_take_is_told_at_the_next_attempt() -> None:
    """And the call goes on."""

    async def answer(key: str, attempt: int) -> Any:
        if attempt < 12:
            raise UnansweredError("nobody answers")
        return "done"

    world = World(answer)

    async def report(key: str, call: Ring, command: Any) -> None:
        if command == "late" and len(world.flagged) < 3:
            raise OSError("the log is away")
        await world.report(key, call, command)

    Effects(world, report, LIMITS, Counters()).set(0, "a", [Ring("a")])
    await world.until(lambda: ("a", "done") in world.reports)
    assert world.flagged == [("a", 3), ("a", 4), ("a", 5)]
    assert world.reports == [("a", "late"), ("a", "done")]


async def test_a_call_that_the_state_no_longer_asks_for_is_dropped() -> None:
    """Its late outcome is not reported, and another call of the aggregate goes on."""
    gate = asyncio.Event()

    async def answer(key: str, attempt: int) -> Any:
        await gate.wait()
        return "done"

    world = World(answer)
    made = effects(world)
    made.set(0, "a", [Ring("x"), Ring("y")])
    await world.until(lambda: len(world.calls) == 2)
    made.set(0, "a", [Ring("y")])
    gate.set()
    await world.until(lambda: bool(world.reports))
    await asyncio.sleep(0.02)
    assert world.reports == [("a", "done")]
    assert len(made) == 1


async def test_closing_a_partition_drops_its_calls_only() -> None:
    """Those in flight, those that wait for a slot and those that pause."""
    gate = asyncio.Event()

    async def answer(key: str, attempt: int) -> Any:
        if key.startswith("pause"):
            raise UnansweredError("nobody answers")
        await gate.wait()
        return "done"

    world = World(answer)
    made = effects(world, EffectLimits(per_target_max=2, backoff_seconds=60.0))
    for number in range(5):
        made.set(0, f"slow-{number}", [Ring(f"slow-{number}")])
        made.set(0, f"pause-{number}", [Ring(f"pause-{number}")])
        made.set(1, f"other-{number}", [Ring(f"other-{number}")])
    await asyncio.sleep(0.02)
    made.close(0)
    made.close(7)
    assert len(made) == 5
    gate.set()
    await world.until(lambda: len(world.reports) == 5)
    await asyncio.sleep(0.02)
    assert {key for key, _ in world.reports} == {f"other-{number}" for number in range(5)}


async def test_a_closed_call_gives_its_slot_back() -> None:
    """Whatever it was doing, others can call after it."""

    async def answer(key: str, attempt: int) -> Any:
        if key.startswith("stuck"):
            await asyncio.sleep(60)
        return "done"

    world = World(answer)
    made = effects(world, EffectLimits(concurrent_max=2, per_target_max=2))
    for number in range(6):
        made.set(0, f"stuck-{number}", [Ring(f"t-{number}")])
    await world.until(lambda: len(world.calls) == 2)
    made.close(0)
    for number in range(6):
        made.set(1, f"quick-{number}", [Ring(f"t-{number}")])
    await world.until(lambda: len(world.reports) == 6)


async def test_a_slow_target_does_not_starve_the_others() -> None:
    """No more than its share of calls is made at a time, and the rest are free for others."""
    gate = asyncio.Event()

    async def answer(key: str, attempt: int) -> Any:
        if key.startswith("slow"):
            await gate.wait()
        return "done"

    world = World(answer)
    made = effects(world, EffectLimits(concurrent_max=4, per_target_max=3))
    for number in range(50):
        made.set(0, f"slow-{number}", [Ring(f"slow-{number}")])
    for number in range(50):
        made.set(0, f"fast-{number}", [Ring(f"fast-{number}")])
    await world.until(lambda: len(world.reports) == 50)
    assert {key.split("-")[0] for key, _ in world.reports} == {"fast"}
    assert world.calling_most["slow"] == 3
    gate.set()
    await world.until(lambda: len(world.reports) == 100)
    assert world.calling_most["slow"] == 3
    assert world.calling_most["fast"] <= 3


async def test_a_user_who_floods_a_target_waits_for_itself() -> None:
    """Users of one target take turns: who asks for little is served at once."""
    served: list[str] = []

    async def answer(key: str, attempt: int) -> Any:
        served.append(key)
        await asyncio.sleep(0.001)
        return "done"

    world = World(answer)
    made = effects(world, EffectLimits(concurrent_max=2, per_target_max=2))
    for number in range(200):
        made.set(0, f"flood-{number}", [Ring(f"bank-flood-{number}")])
    for number in range(5):
        made.set(0, f"modest-{number}", [Ring(f"bank-modest-{number}")])
    await world.until(lambda: len(world.reports) == 205)
    last = max(place for place, key in enumerate(served) if key.startswith("modest"))
    assert last < 2 + 2 * 5


async def test_what_waits_is_no_task() -> None:
    """Thousands of open calls are no more tasks than there are places."""
    gate = asyncio.Event()

    async def answer(key: str, attempt: int) -> Any:
        await gate.wait()
        return "done"

    world = World(answer)
    made = effects(world, EffectLimits(concurrent_max=4, per_target_max=4))
    tasks = len(asyncio.all_tasks())
    for number in range(2_000):
        made.set(0, f"a-{number}", [Ring(f"a-{number}")])
    await asyncio.sleep(0)
    assert len(made) == 2_000
    assert made.running == 4
    assert len(asyncio.all_tasks()) - tasks <= 8
    made.close(0)
    gate.set()
    assert len(made) == 0


async def test_a_log_that_takes_nothing_holds_the_calls_back() -> None:
    """A call keeps its place until its outcome is in the log."""
    gate = asyncio.Event()

    async def answer(key: str, attempt: int) -> Any:
        return "done"

    world = World(answer)

    async def report(key: str, call: Any, command: Any) -> None:
        await gate.wait()
        await world.report(key, call, command)

    made = Effects(world, report, EffectLimits(concurrent_max=3, per_target_max=3), Counters())
    for number in range(20):
        made.set(0, f"a-{number}", [Ring(f"a-{number}")])
    await world.until(lambda: len(world.calls) == 3)
    await asyncio.sleep(0.02)
    assert len(world.calls) == 3
    gate.set()
    await world.until(lambda: len(world.reports) == 20)


async def test_calls_at_a_time_are_limited_over_all_targets() -> None:
    """However many targets there are."""
    now, most = 0, 0

    async def answer(key: str, attempt: int) -> Any:
        nonlocal now, most
        now += 1
        most = max(now, most)
        await asyncio.sleep(0.001)
        now -= 1
        return "done"

    world = World(answer)
    made = effects(world, EffectLimits(concurrent_max=5))
    for number in range(60):
        made.set(0, f"t{number}-x", [Ring(f"t{number}-x")])
    await world.until(lambda: len(world.reports) == 60)
    assert most == 5


async def test_a_bug_in_a_call_is_retried() -> None:
    """An error that nobody foresaw ends neither the call nor the others."""

    async def answer(key: str, attempt: int) -> Any:
        if attempt == 1 and key == "a":
            raise KeyError("charge_id")
        return "done"

    world = World(answer)
    made = effects(world)
    made.set(0, "a", [Ring("a")])
    made.set(0, "b", [Ring("b")])
    await world.until(lambda: len(world.reports) == 2)
    assert sorted(world.calls) == [("a", 1), ("a", 2), ("b", 1)]


async def test_an_outcome_that_could_not_be_reported_is_found_out_again() -> None:
    """The log did not take it; the call, with its idempotency key, is asked once more."""

    async def answer(key: str, attempt: int) -> Any:
        return attempt

    world = World(answer)
    failures = 2

    async def report(key: str, call: Any, command: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise TimeoutError("the log does not answer")
        await world.report(key, call, command)

    Effects(world, report, LIMITS, Counters()).set(0, "a", [Ring("a")])
    await world.until(lambda: bool(world.reports))
    assert world.reports == [("a", 3)]


async def test_equal_calls_of_two_aggregates_are_two_calls() -> None:
    """And closing one leaves the other."""
    gate = asyncio.Event()

    async def answer(key: str, attempt: int) -> Any:
        await gate.wait()
        return "done"

    world = World(answer)
    made = effects(world)
    made.set(0, "a", [Ring("same")])
    made.set(1, "a", [Ring("same")])
    made.set(1, "b", [Ring("same")])
    await world.until(lambda: len(world.calls) == 3)
    made.close(0)
    gate.set()
    await world.until(lambda: len(world.reports) == 2)


async def test_a_call_that_was_dropped_and_does_not_end_is_the_oldest() -> None:
    """It still has its place among the calls at a time."""
    end = asyncio.Event()

    async def answer(key: str, attempt: int) -> Any:
        while not end.is_set():
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                continue

    world = World(answer)
    made = effects(world)
    assert made.oldest_seconds == 0.0
    made.set(0, "a", [Ring("a")])
    await world.until(lambda: bool(world.calls))
    made.set(0, "a", [])
    await world.until(lambda: made.oldest_seconds > 0.02)
    assert (len(made), made.running) == (0, 0)
    end.set()
    await world.until(lambda: made.oldest_seconds == 0.0)


async def test_calls_are_timed_by_type_and_how_they_end() -> None:
    """Each attempt by itself."""

    async def perform(key: str, attempt: int) -> None:
        if attempt == 1:
            raise UnansweredError("lost")
        if attempt == 2:
            raise RuntimeError("broken")

    counters = Counters()
    limits = EffectLimits(backoff_seconds=0.001, backoff_seconds_max=0.002)
    made = Effects(World(perform), _nowhere, limits, counters)
    made.set(0, "a", [Ring("a")])
    while counters.snapshot().get("effects_answered", 0) < 1:
        await asyncio.sleep(0.01)
    counts = {labels: sum(series.counts) for labels, series in counters.effect_seconds}
    assert counts == {("Ring", outcome): 1 for outcome in ("unanswered", "failed", "answered")}
    made.close(0)
