"""Real stacks for end-to-end tests: a broker, real processes, a fast outside world."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from infra.stack import Stack, StackPlan
from tests.e2e.world import World, supervised

FAST = {
    "TIFFIN_SANDBOX_TICK_SECONDS": "0.2",
    "TIFFIN_SANDBOX_PAUSE_SECONDS": "0.2",
    "TIFFIN_SANDBOX_SPEED_MPS": "4000",
    "TIFFIN_SANDBOX_PREPARATION_SECONDS": "0.5",
    "TIFFIN_SANDBOX_DRIVER_COUNT": "4",
    # A phone that says again that it is free could hide a match that was missed.
    "TIFFIN_SANDBOX_AVAILABILITY_REPEAT_SECONDS": "0",
    "TIFFIN_DRIVER_SPEED_MPS": "4000",
    "TIFFIN_PREPARATION_SECONDS": "1",
    "TIFFIN_EFFECT_TIMEOUT_SECONDS": "1.5",
    "TIFFIN_EFFECT_BACKOFF_SECONDS": "0.2",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One worker of each service."""
    yield from _running(tmp_path_factory.mktemp("stack"), workers=1)


@pytest.fixture(scope="module")
def pair_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers of each service."""
    yield from _running(tmp_path_factory.mktemp("pair"), workers=2)


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    """The stack with one worker of each service, seen from outside."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client, supervised(stack):
        yield World(stack, client)


@pytest.fixture
async def pair(pair_stack: Stack) -> AsyncIterator[World]:
    """The stack with two workers of each service, seen from outside."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client, supervised(pair_stack):
        yield World(pair_stack, client)


def _running(directory: Path, workers: int) -> Iterator[Stack]:
    stack = Stack(StackPlan.on_free_ports(directory, workers=workers, environment=FAST))
    stack.start()
    yield stack
    stack.stop()
