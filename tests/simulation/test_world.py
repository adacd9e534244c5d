"""Whatever a seed does to the services, the contract of the log holds; and it does it again."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.simulation.__main__ import main
from infra.simulation.world import run_seed
from tests.simulation import bugs

SEEDS = 240
# Small, so that the tests share the processors evenly.
SEEDS_PER_TEST = 20


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
def test_all_invariants_hold(first: int) -> None:
    """Crashes, pauses, lost disks, late messages, a broker that goes: nothing breaks."""
    violations = [
        f"seed {outcome.seed}: {outcome.violation}"
        for outcome in map(run_seed, range(first, first + SEEDS_PER_TEST))
        if outcome.violation is not None
    ]
    assert violations == []


def test_a_seed_replays_exactly() -> None:
    """Two runs tell the same story, word by word."""
    once, again = run_seed(11, traced=True), run_seed(11, traced=True)
    assert len(once.trace) > 200
    assert once.trace == again.trace


def test_a_trace_changes_nothing() -> None:
    """What is only watched goes as it goes unwatched."""
    watched, unwatched = run_seed(12, traced=True), run_seed(12)
    assert (watched.steps, watched.seconds) == (unwatched.steps, unwatched.seconds)


def test_a_seed_replays_exactly_in_another_process() -> None:
    """Neither addresses nor the hashes of strings decide anything."""
    stories = {
        subprocess.run(
            [sys.executable, "-m", "infra.simulation", "--seed", "13", "--trace"],
            check=True,
            capture_output=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(stories) == 1


def test_seeds_differ() -> None:
    """Another seed is another story."""
    assert run_seed(1, traced=True).trace != run_seed(2, traced=True).trace


def test_a_seed_ends_processes_and_yet_finishes_orders() -> None:
    """The faults are not for show."""
    outcomes = [run_seed(seed) for seed in range(20)]
    assert sum(outcome.deaths for outcome in outcomes) > 20
    assert sum(outcome.losers for outcome in outcomes) > 0
    assert all(outcome.orders >= 3 for outcome in outcomes)


def test_the_command_line_tells_the_speed(capsys: pytest.CaptureFixture[str]) -> None:
    """And ends with 0 when all holds."""
    assert main(["--from", "3", "--seeds", "2"]) == 0
    assert "2 seeds, 0 with a violation" in capsys.readouterr().out


def test_the_command_line_tells_how_to_replay(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ends with 1 when an invariant is violated."""
    bugs.fire_early(monkeypatch)
    assert main(["--seeds", "20"]) == 1
    told = capsys.readouterr().out
    assert "VIOLATED timer_is_never_early" in told
    assert re.search(r"python -m infra\.simulation --seed \d+ --trace", told)
