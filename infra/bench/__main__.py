"""All benchmarks: how fast Tiffin is, beside the least that Kafka itself costs.

As a program: python -m infra.bench, or `make bench` (--help shows the options).
"""

import argparse
import shutil
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
    "region": "infra.bench.region",
    "recovery": "infra.bench.recovery_section",
    "scale": "infra.bench.scale",
}


def main() -> int:
    """Prints the figures and writes them down; 1 when something can't be measured."""
    arguments = _parser().parse_args()
    console = Console(highlight=False, markup=False)
    sections: list[Section] = []
    code = 0
    try:
        for name in arguments.only:
            console.print(f"{name} ...")
            sections.append(_measure(name, arguments, console))
            write(arguments.result, sections)
    except (BenchError, BrokerError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    if sections:
        console.print(table(sections))
        console.print(f"Written to {arguments.result}")
    return code


def _measure(name: str, arguments: argparse.Namespace, console: Console) -> Section:
    """One section, in a directory of its own; its programs' logs are kept where it fails."""
    scale = QUICK_SCALE if arguments.quick else 1.0
    with tempfile.TemporaryDirectory(prefix=f"tiffin-bench-{name}-") as text:
        directory = Path(text)
        context = Context(directory, arguments.runs, scale, console, arguments.full)
        try:
            with quiet_clients():
                section: Section = uvloop.run(import_module(SECTIONS[name]).measure(context))
        except Exception:
            kept = arguments.result.parent / "logs" / name
            for logs in directory.rglob("logs"):
                if logs.parent.name != "kafka":
                    shutil.copytree(
                        logs, kept / logs.parent.relative_to(directory), dirs_exist_ok=True
                    )
            console.print(f"The logs are kept in {kept}")
            raise
        return section


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
