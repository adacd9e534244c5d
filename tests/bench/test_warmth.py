"""A broker is measured once its compiler has come to rest."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.bench import warmth
from infra.bench.warmth import TURN_SECONDS, compiling, spent, warm_up

PIDS = (os.getpid(),)
TURN = 0.05


def readings(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> list[float]:
    """Has the compiler take so many seconds in each turn of work, and notes the turns."""
    turns: list[float] = []

    def read(pids: object) -> dict[str, float]:
        return {"thread": sum(seconds[: len(turns)])}

    monkeypatch.setattr(warmth, "compiling", read)
    return turns


async def test_it_waits_until_next_to_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns go on while the compiler works, and no further."""
    turns = readings(monkeypatch, 2.0, 0.5, 0.0, 0.0)

    async def work(seconds: float) -> None:
        turns.append(seconds)
        await asyncio.sleep(TURN)

    assert await warm_up(PIDS, work, 30.0)
    assert turns == [TURN_SECONDS] * 3


async def test_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that never rests is not waited for without end, and a turn is no longer than
    that."""
    turns = readings(monkeypatch, *[1.0] * 99)

    async def work(seconds: float) -> None:
        turns.append(seconds)
        await asyncio.sleep(TURN)

    assert not await warm_up(PIDS, work, 3 * TURN)
    assert 1 <= len(turns) <= 3
    assert set(turns) == {3 * TURN}


@pytest.fixture
def compiler() -> Iterator[None]:
    """A thread of this process that looks like Java's compiler, and works."""
    begun, is_over = threading.Event(), threading.Event()

    def burn() -> None:
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text("C2 CompilerThread0")
        begun.set()
        while not is_over.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=burn)
    thread.start()
    begun.wait()
    yield
    is_over.set()
    thread.join()


def test_the_compiler_s_threads_are_read_and_no_others(compiler: None) -> None:
    """By what the system calls them; what they took grows."""
    before = compiling(PIDS)
    assert len(before) == 1
    while spent(before, compiling(PIDS)) == 0.0:
        sum(range(100_000))


def test_a_process_that_compiles_nothing_took_nothing() -> None:
    """Nor does one that has ended."""
    assert compiling((os.getppid(), 2**22 + 1)) == {}


def test_threads_that_ended_or_began_count_for_what_is_known_of_them() -> None:
    """Java ends and begins compiler threads as it needs them."""
    assert spent({"a": 1.0, "b": 2.0}, {"b": 2.5, "c": 0.25}) == 0.75
