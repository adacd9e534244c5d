"""Processes that this one starts end with it, and not before."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.children import ON_LINUX, start_child

DEATH_SECONDS_MAX = 20
SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]
# Starts a sleeper as a child that gets the signal named on the command line, and tells its id.
STARTER = """\
import pathlib, signal, sys, time
from infra.children import start_child
with open("output", "wb") as output:
    child = start_child({sleeper}, pathlib.Path.cwd(), output, signal.Signals[sys.argv[1]])
print(child.pid, flush=True)
time.sleep(300)
"""

pytestmark = pytest.mark.skipif(not ON_LINUX, reason="only Linux ends a child with its parent")


@pytest.fixture
def started() -> Iterator[list[int]]:
    """Process ids that a test has started; none outlives it."""
    pids: list[int] = []
    yield pids
    for pid in filter(_alive, pids):
        os.kill(pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _dies(pid: int) -> bool:
    until = time.monotonic() + DEATH_SECONDS_MAX
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not _alive(pid)


@pytest.mark.parametrize("end_signal", [signal.SIGTERM, signal.SIGKILL])
def test_a_child_ends_when_its_starter_is_killed(
    tmp_path: Path, started: list[int], end_signal: signal.Signals
) -> None:
    """kill -9 gives the starter no time to end it; a frozen child is only ended by SIGKILL."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER.format(sleeper=SLEEPER), end_signal.name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        stdout=subprocess.PIPE,
    )
    assert starter.stdout is not None
    with starter.stdout as told:
        child = int(told.readline())
    started += [starter.pid, child]
    assert _alive(child)
    if end_signal is signal.SIGKILL:
        os.kill(child, signal.SIGSTOP)
    starter.kill()
    starter.wait()
    assert _dies(child)


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path, started: list[int]) -> None:
    """Linux counts the thread as the parent, callers do not."""
    with (tmp_path / "output").open("wb") as output:
        with ThreadPoolExecutor(1) as pool:
            child = pool.submit(start_child, SLEEPER, tmp_path, output, signal.SIGKILL).result()
        started.append(child.pid)
        # What the end of that thread would do is done by now: a new process begins later.
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert child.poll() is None
    child.kill()
    assert child.wait() == -signal.SIGKILL
