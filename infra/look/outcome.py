"""What the commands that look inside have in common: where they look, and how they end."""

import argparse
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from infra.dead_letters.text import printable
from infra.look.errors import LookError
from infra.look.fronts import Fronts
from infra.look.log import OpenLog, open_log
from infra.stack import StackPlan
from services.common.settings import CommonSettings, SettingsError

EXIT_INTERRUPTED = 130


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the commands get what they tell; tests have others."""

    fronts: Callable[[Mapping[str, str]], Fronts] = Fronts
    log: OpenLog = open_log
    now: Callable[[], datetime] = _now


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """The reader of our output has seen enough; the runner of the command ends it."""
        raise BrokenPipeError


def screen() -> Console:
    """Where results are shown: with colours on a terminal, and never folded."""
    return _Screen(highlight=False, soft_wrap=True, markup=False, emoji=False)


def show(lines: Iterable[Text]) -> None:
    """Shows lines."""
    console = screen()
    for line in lines:
        console.print(line)


def add_url(parser: argparse.ArgumentParser, services: Sequence[str]) -> None:
    """Where the services are; the defaults are the addresses of `make run`."""
    plan = StackPlan()
    for name in services:
        variable = f"TIFFIN_{name.upper()}_URL"
        parser.add_argument(
            f"--{name}-url",
            metavar="URL",
            default=os.environ.get(variable, plan.url(name)),
            help=f"any front of the service {name}; else {variable}, else {plan.url(name)}",
        )


def urls(arguments: argparse.Namespace, services: Collection[str]) -> dict[str, str]:
    """The base URL of each service."""
    return {name: getattr(arguments, f"{name}_url").rstrip("/") for name in services}


def add_bootstrap(parser: argparse.ArgumentParser) -> None:
    """Where Kafka is."""
    parser.add_argument(
        "--bootstrap",
        help="host:port[,host:port]; else TIFFIN_BOOTSTRAP, else 127.0.0.1:9092. TLS and SASL are "
        "set by the same TIFFIN_* variables as for a worker",
    )


def settings(arguments: argparse.Namespace) -> CommonSettings:
    """How to reach Kafka.

    Raises:
        LookError: a variable of the environment is not usable.
    """
    try:
        told = CommonSettings.from_env(os.environ)
    except SettingsError as error:
        raise LookError(str(error)) from error
    return replace(told, bootstrap=arguments.bootstrap or told.bootstrap, worker="tiffin")


def ended(work: Callable[[], None], interrupted: int = EXIT_INTERRUPTED) -> int:
    """Does the work, and returns the exit code.

    0 when it was done, 1 where what was asked for does not exist, 2 where it can't be told.

    Args:
        interrupted: the exit code of Ctrl-C.
    """
    try:
        work()
        sys.stdout.flush()
    except LookError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has seen enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return interrupted
    return 0


def positive(text: str) -> int:
    """A number from 1 on, as an argument's type."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is wanted")
    return number
