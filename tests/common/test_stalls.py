"""A worker that stops making progress says so from outside within seconds, and ends by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from infra.broker import LocalCluster
from services.common import clock, opening
from services.common.command_loop import Pipeline
from services.common.decider import Wakeup
from services.common.reactions import Reactions
from services.common.settings import CommonSettings
from services.common.telemetry import EXIT_LOOP_FAILED, EXIT_STALLED
from services.common.worker import ServiceParts, Worker
from tests.common import tally
from tests.common.deaths import Deaths, DiedError
from tests.common.tally import Add, Ring
from tests.common.test_partitions_on_kafka import Service, service

# The watchdog's thread dies as the process would.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

SEEN_SECONDS_MAX = 30.0
NAP_SECONDS = 0.02
# So long that a machine that does much else does not stand by itself.
WARN_SECONDS = 2.0
STALL_SECONDS = 5.0


async def _for_ever(*_: Any, **__: Any) -> Any:
    await asyncio.Event().wait()


async def _deaf(*_: Any, **__: Any) -> dict[Any, Any]:
    await asyncio.sleep(0.05)
    return {}


class Stubborn:
    """An outside world whose calls do not end when they are told to."""

    def __init__(self) -> None:
        self._is_closed = False

    def target(self, call: Ring) -> str:
        """One for all."""
        return "bell"

    def user(self, call: Ring) -> str:
        """One for all."""
        return "ringer"

    async def perform(self, key: str, call: Ring, attempt: int) -> Any:
        """Never comes back in time."""
        while not self._is_closed:
            try:
                await asyncio.sleep(NAP_SECONDS)
            except asyncio.CancelledError:
                continue

    def flag(self, key: str, call: Ring, attempts: int, error: str) -> None:
        """Says nothing."""

    async def close(self) -> None:
        """Lets go of what hangs."""
        self._is_closed = True


async def _command_loop_stands(s: Service, worker: Worker, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(Pipeline, "take", _for_ever)
    await s.send()
    return "commands"


async def _commands_never_arrive(s: Service, worker: Worker, patch: pytest.MonkeyPatch) -> str:
    assert worker._partitions is not None
    patch.setattr(worker._partitions._consumer, "getmany", _deaf)
    await asyncio.sleep(0.5)  # the last fetch of a client that still hears
    await s.send()
    return f"{s.owner}.commands/"


async def _timers_stand(s: Service, worker: Worker, patch: pytest.MonkeyPatch) -> str:
    assert worker._agenda is not None
    timers = worker._agenda.timers
    patch.setattr(timers, "_fire", _for_ever)
    timers.set(0, "a", [Wakeup(clock.now(), Add("a", 1))])
    return "timers"


async def _reactions_stand(s: Service, worker: Worker, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(Reactions, "take", _for_ever)
    await s.topics.append("delivery.events", b"{}")
    return "reactions"


async def _calls_never_end(s: Service, worker: Worker, patch: pytest.MonkeyPatch) -> str:
    assert worker._agenda is not None
    assert worker._agenda.effects is not None
    worker._agenda.effects.set(0, "a", [Ring("a")])
    return "effects"


Cause = Callable[[Service, Worker, pytest.MonkeyPatch], Awaitable[str]]
CAUSES: tuple[Cause, ...] = (
    _command_loop_stands,
    _commands_never_arrive,
    _timers_stand,
    _reactions_stand,
    _calls_never_end,
)


def _create(s: Service) -> Worker:
    s.settings = replace(
        s.settings,
        worker="one",
        advertised_url="http://one",
        append_seconds_max=1.0,
        effect_timeout_seconds=0.2,
        monitor_seconds=0.1,
        rebalance_seconds_max=1.0,
        stall_warn_seconds=WARN_SECONDS,
        stall_seconds_max=STALL_SECONDS,
    )
    parts = ServiceParts(
        language=s.language,
        decider=tally.decider(),
        create_api=lambda _: FastAPI(),
        reactions={"delivery": lambda _: ()},
        outside=Stubborn,
    )
    worker = s.workers["one"] = Worker(s.settings, parts)
    return worker


async def _is_seen(worker: Worker, name: str, deaths: Deaths) -> None:
    """Health names what stands, then metrics do, then the process ends for it."""
    async with asyncio.timeout(SEEN_SECONDS_MAX):
        while not (stalled := worker.live()["stalled"]):
            await asyncio.sleep(NAP_SECONDS)
        assert not worker.live()["live"]
        assert all(each["loop"].startswith(name) for each in stalled), stalled
        assert all(each["seconds"] >= WARN_SECONDS for each in stalled)
        lines = worker.metrics().decode().splitlines()
        standing = [each for each in lines if "_stalled{" in each and f'loop="{name}' in each]
        assert any(line.endswith(" 1.0") for line in standing), standing
        while not deaths.codes:
            await asyncio.sleep(NAP_SECONDS)
    assert deaths.codes[0] == EXIT_STALLED
    assert name in deaths.reasons[0]


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__.strip("_"))
async def test_a_loop_that_stands_is_named_and_ends_the_worker(
    broker: LocalCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deaths: Deaths,
    cause: Cause,
) -> None:
    """By /health/live and a metric first, which a supervisor's patience may be set by."""
    async with service(broker, tmp_path) as s:
        worker = _create(s)
        await worker.run()
        await s.until_owned("one")
        await s.send()
        await s.topics.producer.flush()
        await s.until_committed()
        assert worker.live()["live"], worker.live()
        with monkeypatch.context() as patch:
            await _is_seen(worker, await cause(s, worker, patch), deaths)


async def test_a_partition_that_never_opens_is_named_and_ends_the_worker(
    broker: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: Deaths
) -> None:
    """A recovery that hangs is none of the loops, and is seen all the same."""
    async with service(broker, tmp_path) as s:
        with monkeypatch.context() as patch:
            patch.setattr(opening, "recover", _for_ever)
            worker = _create(s)
            await worker.run()
            await _is_seen(worker, "partitions", deaths)
            assert not worker.ready()["ready"]


async def test_a_loop_that_comes_to_an_end_ends_the_worker(tmp_path: Path, deaths: Deaths) -> None:
    """No loop has a reason to."""
    parts = ServiceParts(
        language=tally.language(), decider=tally.decider(), create_api=lambda _: FastAPI()
    )
    worker = Worker(CommonSettings(data_dir=tmp_path), parts)

    async def ends() -> None:
        await asyncio.sleep(0)

    worker._begin("timers", ends())
    with pytest.raises(DiedError):
        await worker._tasks[0]
    assert deaths.codes == [EXIT_LOOP_FAILED]
    await worker.peers.close()
