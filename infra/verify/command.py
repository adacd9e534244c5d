"""`tiffin verify`: its arguments, and its exit code."""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from infra.stack import SERVICES, StackPlan
from infra.verify.errors import CannotVerifyError
from infra.verify.evidence import Patience
from infra.verify.proof import prove
from infra.verify.report import as_json, print_proof

LEDGERS = ("payments", "pos")
SHOWN = 20
EXIT_CLEAN = 0
EXIT_VIOLATED = 1
EXIT_UNPROVEN = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the sub-command; the defaults are the addresses of `make run`."""
    plan, patience = StackPlan(), Patience()
    parser.add_argument("--bootstrap", default=f"127.0.0.1:{plan.kafka_port}", help="host:port")
    for name in (*SERVICES, *LEDGERS):
        what = "the ledger of the sandbox's" if name in LEDGERS else "any front of the service"
        parser.add_argument(f"--{name}-url", default=plan.url(name), help=f"{what} {name}")
    parser.add_argument("--json", action="store_true", help="write one JSON object")
    parser.add_argument(
        "--settle-seconds",
        type=float,
        default=patience.settle_seconds,
        help="how long services may take to act on a record (%(default)s)",
    )
    parser.add_argument(
        "--outcome-seconds",
        type=float,
        default=patience.outcome_seconds,
        help="how long a charge, refund or ticket may be untold in the log (%(default)s)",
    )
    parser.add_argument(
        "--open-seconds-max",
        type=float,
        help="an order that is open for longer is a violation (as long as it takes)",
    )
    parser.add_argument(
        "--acknowledged",
        type=Path,
        help="a file of order ids, one a line, that must be in the log",
    )
    parser.add_argument(
        "--shown", type=int, default=SHOWN, help="findings shown of each rule (%(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 when all is proven, 1 when a rule is broken, 2 when it could not be verified."""
    urls = {name: getattr(arguments, f"{name}_url").rstrip("/") for name in (*SERVICES, *LEDGERS)}
    patience = Patience(
        arguments.settle_seconds, arguments.outcome_seconds, arguments.open_seconds_max
    )
    try:
        acknowledged = _read_ids(arguments.acknowledged)
        proof = asyncio.run(prove(arguments.bootstrap, urls, patience, acknowledged))
    except CannotVerifyError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_UNPROVEN
    if arguments.json:
        print(as_json(proof))
    else:
        print_proof(Console(highlight=False), proof, arguments.shown)
    return EXIT_CLEAN if proof.is_clean else EXIT_VIOLATED


def _read_ids(file: Path | None) -> frozenset[str]:
    if file is None:
        return frozenset()
    try:
        return frozenset(file.read_text().split())
    except (OSError, UnicodeDecodeError) as error:
        raise CannotVerifyError(f"{file} can't be read: {error}.") from error
