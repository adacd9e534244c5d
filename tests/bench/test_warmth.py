"""A broker is measured once its compiler has come to rest."""

import asyncio
import os
import threading
import time
from pathlib import Path

from infra.bench.warmth import compiling, spent, warm_up

PIDS = (os.getpid(),)


def burn(until: threading.Event) -> None:
    """A thread that looks like Java's compiler, and works."""
    Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text("C2 CompilerThread0")
    while not until.is_set():
        sum(range(1_000))


async def test_it_waits_until_nothing_is_compiled_any_more() -> None:
    """Turns go on while the compiler works, and no further."""
    is_over = threading.Event()
    compiler = threading.Thread(target=burn, args=(is_over,))
    turns: list[float] = []

    async def work(seconds: float) -> None:
        turns.append(seconds)
        await asyncio.sleep(0.5)
        if len(turns) == 2:
            is_over.set()
            compiler.join()

    assert compiling(PIDS) == {}
    compiler.start()
    try:
        assert await warm_up(PIDS, work, 30.0)
    finally:
        is_over.set()
    assert len(turns) in (3, 4)  # the thread takes its seconds with it when it ends
    assert set(turns) == {5.0}


async def test_it_gives_up() -> None:
    """A compiler that never rests is not waited for without end."""
    is_over = threading.Event()
    compiler = threading.Thread(target=burn, args=(is_over,))
    compiler.start()
    try:
        began_at = time.monotonic()
        assert not await warm_up(PIDS, asyncio.sleep, 0.6)
        assert time.monotonic() - began_at >= 0.6
        assert sum(compiling(PIDS).values()) > 0
    finally:
        is_over.set()
        compiler.join()


def test_threads_that_ended_or_began_count_for_what_is_known_of_them() -> None:
    """Java ends and begins compiler threads as it needs them."""
    assert spent({"a": 1.0, "b": 2.0}, {"b": 2.5, "c": 0.25}) == 0.75
