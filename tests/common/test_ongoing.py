"""What is going on, as any worker of a service tells it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.common import clock
from services.common.agenda import Agenda
from services.common.decider import Wakeup
from services.common.effects import Effects, UnansweredError
from services.common.ongoing import add_ongoing
from services.common.pulse import Pulses
from services.common.settings import CommonSettings
from services.common.telemetry import Counters
from tests.common import tally
from tests.common.fronts import PARTITIONS, Worker, add_rows, check_problem, client, workers
from tests.common.tally import Add, Ring
from tests.common.test_effects import LIMITS, World

KEYS = [f"k{number}" for number in range(12)]


class Silent:
    """An outside world that never answers the first, and fails for the others."""

    def target(self, call: Ring) -> str:
        """There is one."""
        return "bell"

    def user(self, call: Ring) -> str:
        """One each."""
        return call.tally_id

    async def perform(self, key: str, call: Ring, attempt: int) -> Any:
        """Takes for ever, or breaks."""
        if key == "k1":
            await asyncio.sleep(60)
        raise UnansweredError("the line is dead")

    def flag(self, key: str, call: Ring, attempts: int, error: str) -> Any:
        """Is never told."""

    async def close(self) -> None:
        """Nothing is open."""


def begin(worker: Worker) -> None:
    """Gives the worker an agenda of its rows: red ones call, and all blue ones are due at noon."""
    settings = CommonSettings(effect_backoff_seconds=9.0, effect_backoff_seconds_max=9.0)
    unused: Any = None
    agenda = Agenda(settings, tally.decider(), unused, PARTITIONS, Silent(), Pulses(), Counters())
    for partition in worker.open_partitions:
        table = worker.table[partition]
        agenda.open(partition, table)
        agenda.set(partition, list(table.waiting()))
    add_ongoing(worker.api, {"tally": Told(worker, agenda)})


class Told:
    """A worker with its agenda."""

    def __init__(self, worker: Worker, agenda: Agenda) -> None:
        self.agenda, self.front, self.peers = agenda, worker.front, worker.peers


async def test_calls_and_timers_of_all_workers_come_soonest_first(tmp_path: Path) -> None:
    """Whichever is asked: calls that run, then what is due; with the order's status and why."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as two:
        for worker in two:
            add_rows(worker, KEYS)
            begin(worker)
        await asyncio.sleep(0.05)
        answers = []
        for worker in two:
            async with client(worker) as http:
                answers.append((await http.get("/ongoing?limit=100")).json())
                few = (await http.get("/ongoing?limit=2&kind=call")).json()
                one = (await http.get("/ongoing?key=k1")).json()
                assert [each["key"] for each in one["items"]] == ["k1"]
                assert (len(few["items"]), few["total"]) == (2, 6)
    first, second = ([each["key"] for each in answer["items"]] for answer in answers)
    assert sorted(first) == sorted(second) == sorted(KEYS)
    ats = [each["at"] for each in answers[0]["items"]]
    assert ats == sorted(ats)
    told = {each["key"]: each for each in answers[0]["items"]}
    assert (answers[0]["total"], answers[0]["is_whole"]) == (12, True)
    running, pausing = told["k1"], told["k3"]
    assert (running["state"], running["attempt"], running["error"]) == ("running", 1, None)
    assert (pausing["state"], pausing["error"]) == ("pausing", "the line is dead")
    assert pausing["at"] > running["at"]
    assert (pausing["what"], pausing["target"]) == ("Ring", "bell")
    assert pausing["why"] == "A call to the outside world."
    assert {told["k0"]["kind"], told["k0"]["what"]} == {"timer", "Add"}


async def test_bad_questions_are_refused(tmp_path: Path) -> None:
    """Where they are wrong; and 503 while a table is not folded."""
    async with workers(tmp_path, {0, 1, 2, 3}) as (worker,), client(worker) as http:
        begin(worker)
        check_problem(await http.get("/ongoing?limit=0"), 422, "query/limit")
        check_problem(await http.get("/ongoing?limit=1001"), 422, "query/limit")
        check_problem(await http.get("/ongoing?kind=x"), 422, "query/kind")
        check_problem(await http.get("/ongoing?aggregate=x"), 422, "one of tally")
        worker.is_ready = False
        check_problem(await http.get("/ongoing"), 503, "not folded")


async def test_a_call_that_ended_is_not_told_any_more() -> None:
    """Nor its error; one that waits for its turn says so."""

    async def answer(key: str, attempt: int) -> Any:
        if attempt == 1:
            raise UnansweredError("at first")
        await asyncio.sleep(60)

    world = World(answer)
    made = Effects(world, world.report, LIMITS, Counters())
    made.set(0, "a-1", [Ring("a-1")])
    made.set(0, "a-2", [Ring("a-2")])
    assert {view.state for view in made.views()} <= {"running", "waiting"}
    await world.until(lambda: ("a-1", 2) in world.calls)
    (view,) = (each for each in made.views() if each.key == "a-1")
    assert (view.state, view.attempt, view.error) == ("running", 2, "at first")
    made.close(0)
    await asyncio.sleep(0)
    assert list(made.views()) == []
    assert made._errors == {}


def test_a_late_timer_is_told_until_it_is_wanted_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one of the wakeups of its aggregate."""
    from services.common.timers import Timers

    async def fire(key: str, wakeup: Wakeup) -> None:
        """Is not called."""

    made = Timers(fire, clock.now)
    late = Wakeup(clock.now() - timedelta(seconds=5), Add("a", 1))
    made.set(0, "a", [late])
    assert list(made.views()) == [("a", late)]
    made.set(0, "a", [])
    assert list(made.views()) == []
