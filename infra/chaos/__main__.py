"""python -m infra.chaos: orders at a steady rate, faults at random, and the proof at the end."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from infra.chaos.run import ChaosSettings, run_chaos

SEED_LIMIT = 1_000_000


def main() -> int:
    """0 when every run was clean."""
    parser = argparse.ArgumentParser(prog="python -m infra.chaos", description=__doc__)
    defaults = ChaosSettings(Path(), 0)
    parser.add_argument("--seed", type=int, help="of the first run; rolled when left out")
    parser.add_argument("--runs", type=int, default=1, help="how many, with seeds that follow")
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="%(default)s")
    parser.add_argument("--nodes", type=int, default=defaults.nodes, help="brokers: 1 or 3")
    parser.add_argument("--workers", type=int, default=defaults.workers, help="of each service")
    parser.add_argument("--rate", type=float, default=defaults.rate, help="orders a second")
    parser.add_argument(
        "--any-kinds", action="store_true", help="a short run, in which not every fault strikes"
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and topics of clean runs")
    arguments = parser.parse_args()
    first = arguments.seed if arguments.seed is not None else random.randrange(SEED_LIMIT)
    console = Console(highlight=False, soft_wrap=True)
    for seed in range(first, first + arguments.runs):
        directory = Path(tempfile.mkdtemp(prefix=f"tiffin-chaos-{seed}-"))
        settings = ChaosSettings(
            directory=directory,
            seed=seed,
            seconds=arguments.seconds,
            nodes=arguments.nodes,
            workers=arguments.workers,
            rate=arguments.rate,
            needs_every_kind=not arguments.any_kinds,
        )
        if not run_chaos(settings, console):
            console.print(f"seed {seed}: NOT CLEAN; logs and topics are in {directory}")
            return 1
        console.print(f"seed {seed}: clean")
        if not arguments.keep:
            shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
