"""A plan of faults: replayable, with every kind, and never more than can be recovered from."""

import pytest

from infra.chaos.plan import (
    BROKER_REST_SECONDS,
    LENGTHS,
    ON_BROKERS,
    ON_WORKERS,
    REST_SECONDS,
    Fault,
    Kind,
    create_plan,
    places_of,
    targets_of,
)

FULL_SECONDS = 1200.0
WORKERS, NODES = 2, 3
SEEDS = range(20)


def full_plan(seed: int) -> tuple[Fault, ...]:
    """As `make test-chaos` has it."""
    return create_plan(seed, FULL_SECONDS, WORKERS, NODES)


def test_a_seed_is_a_plan() -> None:
    """The same again for the same seed, another for another."""
    assert full_plan(7) == full_plan(7)
    assert len({full_plan(seed) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_strikes_and_none_after_the_end(seed: int) -> None:
    """Each several times in a full run, and once at least in five minutes."""
    plan = full_plan(seed)
    for kind in Kind:
        assert sum(fault.kind is kind for fault in plan) >= 5, kind
    assert max(fault.at for fault in plan) < FULL_SECONDS
    assert list(plan) == sorted(plan, key=lambda fault: fault.at)
    assert {fault.kind for fault in plan if fault.at < FULL_SECONDS / 4} == set(Kind)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_is_spared(seed: int) -> None:
    """Every worker of every service has each fault of workers, but for a few; so has each node."""
    plan = full_plan(seed)
    for kind in (*ON_WORKERS, *ON_BROKERS, Kind.KILL_SERVICE, Kind.ADD_WORKER):
        struck = [fault.target for fault in plan if fault.kind is kind]
        targets = targets_of(kind, WORKERS, NODES)
        assert set(struck) <= set(targets)
        assert len(set(struck)) == min(len(struck), len(targets)), kind


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_struck_before_it_could_recover(seed: int) -> None:
    """One broker fault at a time; a program has a rest between its faults; lengths are in range."""
    free_at: dict[str, float] = {}
    for fault in full_plan(seed):
        rest = BROKER_REST_SECONDS if fault.kind in ON_BROKERS else REST_SECONDS
        for place in places_of(fault.kind, fault.target, WORKERS):
            assert fault.at >= free_at.get(place, 0.0)
            free_at[place] = fault.at + fault.seconds + rest
        shortest, longest = LENGTHS[fault.kind]
        assert shortest <= fault.seconds <= longest


def test_a_service_falls_with_all_its_workers() -> None:
    """So that no other fault has one of them meanwhile."""
    assert places_of(Kind.KILL_SERVICE, "order", 3) == ("order", "order-2", "order-3")
    assert places_of(Kind.KILL_WORKER, "order", 3) == ("order",)
    assert places_of(Kind.KILL_BROKER, "broker-2", 3) == places_of(
        Kind.KILL_ALL_BROKERS, "brokers", 3
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_strike_together(seed: int) -> None:
    """Many begin while another lasts."""
    plan = full_plan(seed)
    together = sum(
        any(before.at + before.seconds > fault.at for before in plan[:number])
        for number, fault in enumerate(plan)
    )
    assert together > len(plan) / 4
