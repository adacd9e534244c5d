"""The command line of the simulation: many seeds for their violations, or one seed for its story.

The exit code is 1 when an invariant was violated.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from infra.simulation.world import Outcome, run_seed


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m infra.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds (200)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed (0)")
    parser.add_argument("--seed", type=int, help="only this seed")
    parser.add_argument("--trace", action="store_true", help="print all that happens in it")
    chosen = parser.parse_args(arguments)
    if chosen.seed is not None:
        return _run_one(chosen.seed, chosen.trace)
    return _run_many(range(chosen.first, chosen.first + chosen.seeds))


def _run_one(seed: int, is_traced: bool) -> int:
    outcome = run_seed(seed, is_traced)
    for line in outcome.trace:
        print(line)
    print(_told(outcome))
    return int(outcome.violation is not None)


def _run_many(seeds: Sequence[int]) -> int:
    began_at = time.monotonic()
    failed = orders = events = losers = deaths = 0
    for seed in seeds:
        outcome = run_seed(seed)
        orders += outcome.orders
        events += outcome.events
        losers += outcome.losers
        deaths += outcome.deaths
        if outcome.violation is not None:
            failed += 1
            print(_told(outcome))
            print(f"    replay: python -m infra.simulation --seed {seed} --trace", flush=True)
    took = time.monotonic() - began_at
    print(
        f"{len(seeds)} seeds, {failed} with a violation, in {took:.1f} s "
        f"({len(seeds) / took:.1f} seeds/s): {orders} orders, {events} events, "
        f"{losers} that lost, {deaths} ends of a process"
    )
    return int(failed > 0)


def _told(outcome: Outcome) -> str:
    verdict = "all holds" if outcome.violation is None else f"VIOLATED {outcome.violation}"
    return (
        f"seed {outcome.seed}: {verdict} ({outcome.orders} orders, {outcome.events} events, "
        f"{outcome.deaths} ends of a process, {outcome.seconds:.0f} s of the world's)"
    )


if __name__ == "__main__":
    sys.exit(main())
