"""The simulated loop: virtual time, and processes that end, stop and go on."""

import asyncio
from random import Random

import pytest

from infra.simulation.loop import Process, SimulatedLoop, StalledError


def new_loop(seed: int = 0, shuffle_share: float = 0.0) -> SimulatedLoop:
    """A loop of its own."""
    return SimulatedLoop(Random(seed), shuffle_share)  # type: ignore[abstract]


def test_time_passes_at_once() -> None:
    """An hour costs nothing."""
    loop = new_loop()

    async def work() -> None:
        await asyncio.sleep(3600)

    loop.run(work())
    assert 3600 <= loop.time() < 3601


def test_what_waits_for_nothing_is_told() -> None:
    """A world that has come to a standstill has a bug."""
    loop = new_loop()

    async def work() -> None:
        await loop.create_future()

    with pytest.raises(StalledError):
        loop.run(work())


def test_an_ended_process_does_nothing_more() -> None:
    """Not even what a finally block would do."""
    loop = new_loop()
    process = Process("p")
    done: list[float] = []

    async def beat() -> None:
        while True:
            await asyncio.sleep(1)
            done.append(loop.time())

    async def work() -> None:
        loop.spawn(process, beat())
        await asyncio.sleep(3.5)
        process.end("killed")
        await asyncio.sleep(10)

    loop.run(work())
    assert len(done) == 3


def test_a_stopped_process_goes_on_where_it_was() -> None:
    """What was due meanwhile happens when it wakes, and not before."""
    loop = new_loop()
    process = Process("p")
    done: list[float] = []

    async def beat() -> None:
        await asyncio.sleep(1)
        done.append(loop.time())

    async def work() -> None:
        loop.spawn(process, beat())
        loop.stop_process(process)
        await asyncio.sleep(5)
        loop.go_on(process)
        await asyncio.sleep(1)

    loop.run(work())
    assert len(done) == 1
    assert done[0] >= 5


def test_the_seed_decides_the_order() -> None:
    """Another seed, another order; the same seed, the same."""

    def order(seed: int) -> list[int]:
        done: list[int] = []

        async def work() -> None:
            async def note(number: int) -> None:
                await asyncio.sleep(0)
                done.append(number)

            await asyncio.gather(*(note(number) for number in range(8)))

        new_loop(seed, shuffle_share=1.0).run(work())
        return done

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(10)}) > 1
