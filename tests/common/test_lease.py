"""The lease: a process that was away for too long ends before it can do harm."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.common.lease import Lease
from services.common.telemetry import EXIT_STALLED
from tests.common.deaths import Deaths, DiedError

# A worker in small: it says "append" again and again, each time after it has renewed its lease.
WORKER = """
import asyncio, sys
from services.common.lease import Lease
async def main():
    lease = Lease({away}, {stall})
    lease.watch()
    while True:
        lease.renew()
        sys.stdout.write("append\\n")
        sys.stdout.flush()
        {turn}
asyncio.run(main())
"""


def start(turn: str, away: float = 0.6, stall: float = 5.0) -> "subprocess.Popen[bytes]":
    """Starts a worker, and returns when it has appended."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER.format(turn=turn, away=away, stall=stall)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"append\n"
    os.set_blocking(worker.stdout.fileno(), False)
    return worker


def appended(worker: "subprocess.Popen[bytes]") -> int:
    """How often the worker has appended since the last look."""
    assert worker.stdout is not None
    return (worker.stdout.read() or b"").count(b"append")


def test_a_stopped_process_ends_when_it_wakes() -> None:
    """Before it appends again."""
    worker = start("await asyncio.sleep(0.01)")
    time.sleep(0.2)
    worker.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    appended(worker)
    time.sleep(1.0)
    worker.send_signal(signal.SIGCONT)
    said, errors = worker.communicate(timeout=5)
    assert worker.returncode == EXIT_STALLED
    assert said == b""
    assert b"another owner" in errors


def test_a_short_stop_is_survived() -> None:
    """The partitions are still its own."""
    worker = start("await asyncio.sleep(0.01)", away=2.0)
    worker.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    worker.send_signal(signal.SIGCONT)
    time.sleep(0.3)
    assert worker.poll() is None
    assert appended(worker) > 0
    worker.kill()
    worker.communicate()


def test_an_event_loop_that_stands_still_ends_the_process() -> None:
    """No heartbeat reaches the group meanwhile; a thread sees it."""
    worker = start("__import__('time').sleep(30)")
    worker.communicate(timeout=5)
    assert worker.returncode == EXIT_STALLED


def test_a_command_loop_that_waits_for_ever_ends_the_process() -> None:
    """Though the event loop turns, and heartbeats say that all is well."""
    worker = start("await asyncio.sleep(30)", stall=0.6)
    _, errors = worker.communicate(timeout=5)
    assert worker.returncode == EXIT_STALLED
    assert b"has not turned" in errors


OTHER_LOOP = """
import asyncio
from services.common.lease import Lease
async def main():
    lease = Lease(5.0, 0.6)
    lease.watch()
    lease.pulses.begin("timers").beat(grace_seconds={grace})
    for _ in range(300):
        lease.renew()
        await asyncio.sleep(0.01)
asyncio.run(main())
"""


@pytest.mark.parametrize(("grace", "code"), [(0.0, EXIT_STALLED), (60.0, 0)])
def test_any_loop_that_stands_ends_the_process(grace: float, code: int) -> None:
    """Though the command loop turns; not while it waits for what it was granted."""
    ended = subprocess.run(
        [sys.executable, "-c", OTHER_LOOP.format(grace=grace)],
        capture_output=True,
        check=False,
        timeout=30,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == code, ended.stderr
    assert (b"timers has not turned" in ended.stderr) == bool(code)


async def test_a_command_loop_may_wait_longer_than_it_may_be_away(deaths: Deaths) -> None:
    """For a rebalance or a broker, while the event loop turns."""
    lease = Lease(0.3, 5.0)
    lease.watch()
    await asyncio.sleep(0.8)
    lease.renew()
    assert lease.idle_seconds < 0.1
    lease.close()
    assert deaths.codes == []


async def test_renewing_after_the_event_loop_stood_still_ends_the_process(deaths: Deaths) -> None:
    """The command loop may be the first to run when a process wakes."""
    lease = Lease(0.05, 5.0)
    lease.watch()
    lease._closed.set()
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        pass
    with pytest.raises(DiedError):
        lease.renew()
    assert deaths.codes[0] == EXIT_STALLED
    lease.close()


async def test_a_closed_lease_watches_nothing(deaths: Deaths) -> None:
    """A worker that stops may take its time."""
    lease = Lease(0.01, 0.01)
    lease.watch()
    lease.close()
    await asyncio.sleep(0.4)
    lease.renew()
    assert deaths.codes == []
