"""Every kind of fault is had, put right again, and counted only when there was something to hit."""

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from rich.console import Console

from infra.chaos.damage import SANDBOX_FAULTS, Damage
from infra.chaos.plan import ON_BROKERS, Fault, Kind, targets_of
from infra.chaos.report import Tale
from infra.chaos.supervisor import Supervisor
from infra.stack import SERVICES, Stack, StackPlan

WORKERS, NODES = 2, 3
# Nobody listens there.
PORTS = (8010, 8020, 8030, 8040)
RUNNING_AGAIN = {"kill": "start", "stop": "start", "pause": "resume", "start": "stop"}


class FakeProgram:
    """A process that notes what is done to it."""

    def __init__(self, name: str, is_running: bool, stop_code: int = 0) -> None:
        self.name = name
        self.is_running = is_running
        self.exit_code: int | None = None
        self.done: list[str] = []
        self._stop_code = stop_code

    def start(self) -> None:
        """Runs."""
        self.is_running = True
        self.done.append("start")

    def kill(self) -> None:
        """Runs no more."""
        self.is_running, self.exit_code = False, -9
        self.done.append("kill")

    def stop(self) -> None:
        """Runs no more."""
        self.is_running, self.exit_code = False, self._stop_code
        self.done.append("stop")

    def pause(self) -> None:
        """Stands."""
        self.done.append("pause")

    def resume(self) -> None:
        """Goes on."""
        self.done.append("resume")


class FakeCluster:
    """Brokers that note what is done to them."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []

    def kill(self, node: int) -> None:
        """One fewer."""
        self.done.append(("kill", node))

    def start_nodes(self, nodes: Iterable[int]) -> None:
        """As many as before."""
        self.done += [("start", node) for node in nodes]

    def pause(self, node: int) -> None:
        """Stands."""
        self.done.append(("pause", node))

    def resume(self, node: int) -> None:
        """Goes on."""
        self.done.append(("resume", node))

    def wait_ready(self) -> None:
        """Is ready."""


class FakeMischief:
    """Sends as many records as it is told."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def repeat(self) -> int:
        """How many Kafka took."""
        return self._count

    async def send_nonsense(self, partitions: int) -> int:
        """How many Kafka took."""
        return self._count


class Scene:
    """A stack of fakes, and the damage that is done to it."""

    def __init__(self, directory: Path, is_up: bool = True, stop_code: int = 0) -> None:
        ports = {
            name: tuple(range(n, n + WORKERS + 1)) for n, name in zip(PORTS, SERVICES, strict=True)
        }
        real = Stack(StackPlan(directory, nodes=NODES, workers=WORKERS + 1, service_ports=ports))
        spare = f"-{WORKERS + 1}"
        self.programs = {
            name: FakeProgram(name, is_up and not name.endswith(spare), stop_code)
            for name in real.programs
        }
        self.cluster = FakeCluster()
        self.switched: list[tuple[str, bytes]] = []
        self.tale = Tale(Console(quiet=True))
        stack: Any = SimpleNamespace(
            plan=real.plan,
            programs=self.programs,
            cluster=self.cluster,
            table_directory=real.table_directory,
        )
        for worker in range(WORKERS):
            for service in SERVICES:
                real.table_directory(service, worker).mkdir(parents=True, exist_ok=True)
        self.tables = directory / "tables"
        mischief: Any = FakeMischief(3 if is_up else 0)
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._switch))
        self.damage = Damage(stack, self.tale, client, mischief, Supervisor(stack, self.tale))
        self._is_up = is_up

    async def have(self, kind: Kind, target: str) -> None:
        """Sees one fault of no length through."""
        await self.damage.follow((Fault(0.0, kind, target, 0.0),))

    def _switch(self, request: httpx.Request) -> httpx.Response:
        if not self._is_up:
            raise httpx.ConnectError("refused")
        self.switched.append((str(request.url), request.content))
        return httpx.Response(200)


EVERY = [(kind, target) for kind in Kind for target in targets_of(kind, WORKERS, NODES)]
THAT_MAY_MISS = [kind for kind in Kind if kind not in (*ON_BROKERS, Kind.ADD_WORKER)]


@pytest.mark.parametrize(("kind", "target"), EVERY)
async def test_a_fault_is_had_and_put_right(kind: Kind, target: str, tmp_path: Path) -> None:
    """Nothing else is touched, and all runs afterwards that ran before."""
    scene = Scene(tmp_path)
    before = {name: program.is_running for name, program in scene.programs.items()}
    tables = len(list(scene.tables.iterdir()))
    await scene.have(kind, target)
    assert scene.tale.struck == {kind: 1}
    assert not scene.tale.surprises
    assert {name: one.is_running for name, one in scene.programs.items()} == before
    touched = {name for name, one in scene.programs.items() if one.done}
    for name in touched:
        done = scene.programs[name].done
        assert done[1:] == [RUNNING_AGAIN[done[0]]]
    is_elsewhere = kind in ON_BROKERS or kind in SANDBOX_FAULTS or target == "records"
    if kind is Kind.KILL_SERVICE:
        assert touched == {target, f"{target}-2"}
    elif kind is Kind.KILL_UNHEARD:
        assert touched == {target.split()[0]}
        assert [what for what, _ in scene.cluster.done] == ["pause", "resume"]
    else:
        assert touched == (set() if is_elsewhere else {target})
    assert bool(scene.cluster.done) is (kind in ON_BROKERS)
    assert len(scene.switched) == (2 if kind in SANDBOX_FAULTS else 0)
    assert len(list(scene.tables.iterdir())) == tables - (kind is Kind.DELETE_TABLE)


async def test_all_brokers_are_dead_before_the_first_is_back(tmp_path: Path) -> None:
    """And one alone leaves the others be."""
    scene = Scene(tmp_path)
    await scene.have(Kind.KILL_ALL_BROKERS, "brokers")
    assert [what for what, _ in scene.cluster.done] == ["kill"] * NODES + ["start"] * NODES
    scene.cluster.done.clear()
    await scene.have(Kind.KILL_BROKER, "broker-2")
    assert scene.cluster.done == [("kill", 2), ("start", 2)]


@pytest.mark.parametrize("kind", THAT_MAY_MISS)
async def test_what_is_not_there_is_not_hit(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the kind is missing when this was its only chance."""
    monkeypatch.setattr("infra.chaos.damage.FAULT_CALL_NAP_SECONDS", 0.0)
    scene = Scene(tmp_path, is_up=False)
    await scene.have(kind, targets_of(kind, WORKERS, NODES)[0])
    assert not scene.tale.struck
    assert kind in scene.tale.missing
    assert not scene.tale.surprises
    assert not any(program.is_running for program in scene.programs.values())


@pytest.mark.parametrize(("code", "counted"), [(0, 0), (-15, 0), (-9, 1), (74, 1)])
async def test_a_clean_stop_has_a_clean_end(code: int, counted: int, tmp_path: Path) -> None:
    """Else it is told: a worker that had to be killed, or that failed on its way out."""
    scene = Scene(tmp_path, stop_code=code)
    await scene.have(Kind.STOP_WORKER, "matcher")
    assert scene.tale.exits.total() == counted


async def test_a_fault_that_fails_fails_the_run(tmp_path: Path) -> None:
    """It would have proved nothing."""
    scene = Scene(tmp_path)
    await scene.have(Kind.KILL_WORKER, "nobody")
    assert len(scene.tale.surprises) == 1
    assert not scene.tale.struck
