"""python -m infra.chaos: orders at a steady rate, faults at random, and the proof at the end."""

import argparse
import contextlib
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rich.console import Console

from infra.chaos.run import ChaosSettings, run_chaos
from infra.errors import BrokerError
from infra.programs import ProgramError

SEED_LIMIT = 1_000_000
REPORT = "report.txt"


def main() -> int:
    """0 when every run was clean."""
    arguments = _parser().parse_args()
    first = arguments.seed if arguments.seed is not None else random.randrange(SEED_LIMIT)
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, _interrupt)
    unclean = []
    for seed in range(first, first + arguments.runs):
        if arguments.plan:
            for fault in _settings(arguments, Path(), seed).plan:
                console.print(f"{fault.at:7.1f} s  {fault}", markup=False)
            continue
        directory = Path(tempfile.mkdtemp(prefix=f"tiffin-chaos-{seed}-"))
        with _told_to(directory / REPORT):
            is_clean = _run(_settings(arguments, directory, seed), console)
            if is_clean:
                console.print(f"seed {seed}: clean")
            else:
                console.print(f"seed {seed}: NOT CLEAN; logs, topics, report: {directory}")
                unclean.append(seed)
        if is_clean and not arguments.keep:
            shutil.rmtree(directory, ignore_errors=True)
    return 1 if unclean else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.chaos", description=__doc__)
    defaults = ChaosSettings(Path(), 0)
    parser.add_argument("--seed", type=int, help="of the first run; rolled when left out")
    parser.add_argument("--runs", type=int, default=1, help="how many, with seeds that follow")
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="%(default)s")
    parser.add_argument(
        "--nodes", type=int, default=defaults.nodes, choices=(1, 3), help="brokers (%(default)s)"
    )
    parser.add_argument(
        "--workers", type=int, default=defaults.workers, help="of each service (%(default)s)"
    )
    parser.add_argument(
        "--rate", type=float, default=defaults.rate, help="orders a second (%(default)s)"
    )
    parser.add_argument(
        "--settle-seconds",
        type=float,
        default=defaults.settle_seconds_max,
        help="from the last fault until every order has ended (%(default)s)",
    )
    parser.add_argument(
        "--any-kinds", action="store_true", help="a short run, in which not every fault strikes"
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and topics of clean runs")
    parser.add_argument("--plan", action="store_true", help="only show the faults of the seeds")
    return parser


def _settings(arguments: argparse.Namespace, directory: Path, seed: int) -> ChaosSettings:
    return ChaosSettings(
        directory=directory,
        seed=seed,
        seconds=arguments.seconds,
        nodes=arguments.nodes,
        workers=arguments.workers,
        rate=arguments.rate,
        settle_seconds_max=arguments.settle_seconds,
        needs_every_kind=not arguments.any_kinds,
    )


def _run(settings: ChaosSettings, console: Console) -> bool:
    try:
        return run_chaos(settings, console)
    except (BrokerError, ProgramError) as error:
        console.print(f"error: {error}", markup=False)
        return False


class _Both:
    """Writes to two files."""

    def __init__(self, one: TextIO, other: TextIO) -> None:
        self._files = (one, other)

    def write(self, text: str) -> int:
        """Writes to both."""
        for file in self._files:
            file.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes both."""
        for file in self._files:
            file.flush()


@contextlib.contextmanager
def _told_to(report: Path) -> Iterator[None]:
    """Has what is printed meanwhile go into the report as well."""
    with report.open("w") as file, contextlib.redirect_stdout(_Both(sys.stdout, file)):
        yield


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
