"""All benchmarks: how fast Tiffin is, beside the least that Kafka itself costs.

As a program: python -m infra.bench, or `make bench` (--help shows the options).
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import uvloop
from rich.console import Console

from infra.admin import quiet_clients
from infra.bench.context import BenchError, Context
from infra.bench.results import Section, table, write
from infra.errors import BrokerError
from infra.programs import ProgramError

RESULT = Path(".tiffin/bench/bench.json")
RUNS_DEFAULT = 3
QUICK_SCALE = 0.02
# By name: the module that measures it.
SECTIONS = {
    "complete": "infra.bench.complete",
    "submit": "infra.bench.submit",
    "locations": "infra.bench.locations",
    "query": "infra.bench.query",
    "timers": "infra.bench.timers",
    "recovery": "infra.bench.recovery_section",
    "scale": "infra.bench.scale",
}


def main() -> int:
    """Prints the figures and writes them down; 1 when something can't be measured."""
    arguments = _parser().parse_args()
    console = Console(highlight=False, markup=False)
    scale = QUICK_SCALE if arguments.quick else 1.0
    sections: list[Section] = []
    try:
        for name in arguments.only:
            console.print(f"{name} ...")
            with tempfile.TemporaryDirectory(prefix=f"tiffin-bench-{name}-") as directory:
                context = Context(Path(directory), arguments.runs, scale, console, arguments.full)
                with quiet_clients():
                    sections.append(uvloop.run(import_module(SECTIONS[name]).measure(context)))
            write(arguments.result, sections)
    except (BenchError, BrokerError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    console.print(table(sections))
    console.print(f"Written to {arguments.result}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.bench", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--only",
        type=_names,
        default=tuple(SECTIONS),
        metavar="NAME,...",
        help=f"of {', '.join(SECTIONS)}; all by default",
    )
    parser.add_argument("--runs", type=_positive, default=RUNS_DEFAULT, help="of each figure")
    parser.add_argument("--quick", action="store_true", help="little of all, to see that it works")
    parser.add_argument("--full", action="store_true", help="also what takes very long")
    parser.add_argument("--result", type=Path, default=RESULT, help="the JSON file to write")
    return parser


def _names(text: str) -> Sequence[str]:
    names = tuple(text.split(","))
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(SECTIONS)}")
    return names


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
