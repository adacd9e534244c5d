"""A worker's loops end before what they stand on, whenever the worker is stopped."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from services.common.frame import loops_of
from services.common.front import UnavailableError
from services.common.settings import CommonSettings
from services.common.worker import ServiceParts, Worker
from tests.common import tally


class FakeWorker:
    """Starts in three steps, and notes in which order it starts and stops."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.go = asyncio.Semaphore(0)

    async def run(self) -> None:
        """Each step takes until the test lets it go on."""
        try:
            for step in ("connect", "open", "turn"):
                self.steps.append(step)
                await self.go.acquire()
        finally:
            self.steps.append("ended")

    async def stop(self) -> None:
        """Takes its time, in which a start that went on would get further."""
        self.steps.append("stop")
        self.go.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.mark.parametrize("done", [0, 1, 2])
async def test_a_worker_that_is_stopped_while_it_starts_begins_nothing_more(done: int) -> None:
    """Else it would use connections that are closed, and end with an error."""
    worker: Any = FakeWorker()
    loops = loops_of(worker)()
    await loops.start()
    for count in range(1, done + 2):
        async with asyncio.timeout(10):
            while len(worker.steps) < count:
                await asyncio.sleep(0)
        if count <= done:
            worker.go.release()
    await loops.stop()
    assert worker.steps == [*("connect", "open", "turn")[: done + 1], "ended", "stop"]


async def test_a_worker_that_runs_is_stopped_too() -> None:
    """Once its start has ended."""
    worker: Any = FakeWorker()
    loops = loops_of(worker)()
    for _ in range(3):
        worker.go.release()
    await loops.start()
    async with asyncio.timeout(10):
        while "ended" not in worker.steps:
            await asyncio.sleep(0)
    await loops.stop()
    assert worker.steps == ["connect", "open", "turn", "ended", "stop"]


async def test_a_worker_that_stops_gives_no_front(tmp_path: Path) -> None:
    """A request that comes meanwhile is answered 503, and reads no table that is closed."""
    parts = ServiceParts(
        language=tally.language(), decider=tally.decider(), create_api=lambda ports: FastAPI()
    )
    worker = Worker(CommonSettings(data_dir=tmp_path), parts)
    front: Any = object()
    worker._front = front
    assert worker.front is front
    await worker.stop()
    with pytest.raises(UnavailableError, match="stops"):
        assert worker.front
