"""What has ended is started again, unless a fault keeps it down, and every end is accounted for."""

import asyncio
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from infra.chaos import supervisor as module
from infra.chaos.report import Tale
from infra.chaos.supervisor import Supervisor
from infra.errors import BrokerError
from services.common.telemetry import EXIT_APPEND_FAILED, EXIT_STALLED

WAIT_SECONDS_MAX = 20.0


class FakeProgram:
    """A process that ends when the test says so."""

    def __init__(self, name: str, is_running: bool = True) -> None:
        self.name = name
        self.exit_code: int | None = None
        self.is_running = is_running
        self.starts = 0

    def start(self) -> None:
        """Runs again."""
        self.is_running, self.exit_code = True, None
        self.starts += 1

    def end(self, code: int) -> None:
        """Ends by itself."""
        self.is_running, self.exit_code = False, code

    def last_line(self) -> str:
        """Nothing to say."""
        return ""


class FakeCluster:
    """Three brokers, of which some are down, and which take some attempts to be whole."""

    def __init__(self, failures: int = 0) -> None:
        self.pids = (1, 0, 1)
        self.failures = failures
        self.ended = ["Broker 3 ended with exit code 1: it was too slow (log: x)."]
        self.started: list[int] = []

    def start_nodes(self, nodes: Iterable[int]) -> None:
        """Fails as often as it was told to."""
        self.started += nodes
        if self.failures:
            self.failures -= 1
            raise BrokerError("not in time")
        self.pids = (1, 2, 1)

    def restart_ended(self) -> list[str]:
        """Those that ended by themselves, once."""
        ended, self.ended = self.ended, []
        return ended

    def wait_ready(self) -> None:
        """Whole at once."""


@pytest.fixture(autouse=True)
def _watches_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.005)


@pytest.fixture
def tale() -> Tale:
    """Nothing has happened yet."""
    return Tale(Console(quiet=True))


def supervisor(tale: Tale, *programs: FakeProgram, cluster: Any = None) -> Supervisor:
    """Of a stack of these programs."""
    stack = SimpleNamespace(programs={one.name: one for one in programs}, cluster=cluster)
    return Supervisor(stack, tale)  # type: ignore[arg-type]


async def until(holds: Callable[[], bool]) -> None:
    """Returns when it holds; fails when it does not in WAIT_SECONDS_MAX."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not holds():
            await asyncio.sleep(0.005)


async def test_what_ends_by_itself_is_counted_and_started_again(tale: Tale) -> None:
    """A spare that was never started stays down; so does what a fault holds, until it is over."""
    one, other, spare = FakeProgram("order"), FakeProgram("driver"), FakeProgram("order-2", False)
    watcher = supervisor(tale, one, other, spare)
    watching = asyncio.create_task(watcher.watch_programs())
    with watcher.holding(["driver"]):
        other.end(-9)
        one.end(EXIT_APPEND_FAILED)
        await until(lambda: one.starts == 1)
        assert other.starts == 0
    assert other.starts == 1
    assert other.is_running
    assert spare.starts == 0
    assert dict(tale.exits) == {f"order with {EXIT_APPEND_FAILED}": 1}
    watcher.let_go(["order-2"])
    await until(lambda: spare.starts == 1)
    watching.cancel()


async def test_only_the_stall_of_a_paused_program_is_explained(tale: Tale) -> None:
    """Once, and no other exit code."""
    one, other = FakeProgram("order"), FakeProgram("driver")
    watcher = supervisor(tale, one, other)
    watcher.excuse("order")
    watcher.excuse("driver")
    watching = asyncio.create_task(watcher.watch_programs())
    for starts in (1, 2):
        one.end(EXIT_STALLED)
        other.end(EXIT_APPEND_FAILED)
        await until(lambda starts=starts: one.starts == other.starts == starts)  # type: ignore[misc]
    watching.cancel()
    assert dict(tale.excused) == {f"order with {EXIT_STALLED}": 1}
    assert dict(tale.exits) == {
        f"order with {EXIT_STALLED}": 1,
        f"driver with {EXIT_APPEND_FAILED}": 2,
    }


async def test_brokers_get_as_many_attempts_as_they_need(tale: Tale) -> None:
    """Also those that end meanwhile; each of these is counted."""
    cluster = FakeCluster(failures=2)
    await supervisor(tale, cluster=cluster).start_brokers([2])
    assert cluster.started == [2, 2, 2]
    assert dict(tale.exits) == {"Broker 3 ended with exit code 1": 1}


async def test_brokers_that_never_come_back_are_not_waited_for_for_ever(
    tale: Tale, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last error is told."""
    monkeypatch.setattr(module, "BROKERS_READY_SECONDS_MAX", -1.0)
    with pytest.raises(BrokerError, match="not in time"):
        await supervisor(tale, cluster=FakeCluster(failures=1)).start_brokers([2])
