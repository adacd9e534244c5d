"""A plan of faults: replayable, with every kind, and never more than can be recovered from."""

import pytest

from infra.chaos.plan import (
    BROKER_REST_SECONDS,
    LENGTHS,
    ON_BROKERS,
    WORKER_REST_SECONDS,
    Fault,
    Kind,
    create_plan,
)

FULL_SECONDS = 1200.0
SEEDS = range(20)


def full_plan(seed: int) -> tuple[Fault, ...]:
    """As `make test-chaos` has it."""
    return create_plan(seed, FULL_SECONDS, workers=2, nodes=3)


def test_a_seed_is_a_plan() -> None:
    """The same again for the same seed, another for another."""
    assert full_plan(7) == full_plan(7)
    assert len({full_plan(seed) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_strikes_and_none_after_the_end(seed: int) -> None:
    """Each several times in a full run."""
    plan = full_plan(seed)
    for kind in Kind:
        assert sum(fault.kind is kind for fault in plan) >= 5, kind
    assert max(fault.at for fault in plan) < FULL_SECONDS
    assert list(plan) == sorted(plan, key=lambda fault: fault.at)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_struck_before_it_could_recover(seed: int) -> None:
    """One broker fault at a time; a program has a rest between its faults; lengths are in range."""
    free_at: dict[str, float] = {}
    for fault in full_plan(seed):
        place = "brokers" if fault.kind in ON_BROKERS else fault.target
        rest = BROKER_REST_SECONDS if fault.kind in ON_BROKERS else WORKER_REST_SECONDS
        assert fault.at >= free_at.get(place, 0.0)
        free_at[place] = fault.at + fault.seconds + rest
        shortest, longest = LENGTHS[fault.kind]
        assert shortest <= fault.seconds <= longest


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_strike_together(seed: int) -> None:
    """Many begin while another lasts."""
    plan = full_plan(seed)
    together = sum(
        any(before.at + before.seconds > fault.at for before in plan[:number])
        for number, fault in enumerate(plan)
    )
    assert together > len(plan) / 4
