"""Real stacks for end-to-end tests: a broker, real processes, a fast outside world."""

from collections.abc import AsyncIterator, Iterator, Mapping
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
    "TIFFIN_REFUSAL_GRACE_SECONDS": "1",
    "TIFFIN_SANDBOX_LOCATION_SECONDS": "1",
}
# Where nobody waits long for anybody, so that every limit is met within seconds.
IMPATIENT = {
    **FAST,
    "TIFFIN_REFUSAL_GRACE_SECONDS": "2",
    "TIFFIN_ACCEPT_SECONDS_MAX": "5",
    "TIFFIN_OFFER_SECONDS_MAX": "4",
    "TIFFIN_SILENCE_MINUTES_MAX": "0.1",
    "TIFFIN_SILENCE_GRACE_SECONDS": "2",
    "TIFFIN_MATCH_MINUTES_MAX": "0.05",
    "TIFFIN_OVERDUE_GRACE_SECONDS": "2",
    "TIFFIN_WRONG_CODES_MAX": "3",
    "TIFFIN_SANDBOX_ACCEPT_DELAY_SECONDS": "0.5",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One worker of each service."""
    yield from _running(tmp_path_factory.mktemp("stack"), workers=1)


@pytest.fixture(scope="module")
def pair_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers of each service."""
    yield from _running(tmp_path_factory.mktemp("pair"), workers=2)


@pytest.fixture(scope="module")
def impatient_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One worker of each service, with short limits everywhere."""
    yield from _running(tmp_path_factory.mktemp("impatient"), workers=1, environment=IMPATIENT)


@pytest.fixture
async def impatient(impatient_stack: Stack) -> AsyncIterator[World]:
    """The stack with short limits, seen from outside."""
    async with (
        httpx.AsyncClient(timeout=10, trust_env=False) as client,
        supervised(impatient_stack),
    ):
        yield World(impatient_stack, client)


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


def _running(
    directory: Path, workers: int, environment: Mapping[str, str] = FAST
) -> Iterator[Stack]:
    stack = Stack(StackPlan.on_free_ports(directory, workers=workers, environment=environment))
    stack.start()
    yield stack
    stack.stop()
