"""The command line of an operator: tiffin <command>, or python -m infra.tiffin <command>."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

from infra.dead_letters import command as dead_letters
from infra.look.kinds import KINDS
from infra.look.lists import Lists
from infra.look.ongoing import Ongoing
from infra.look.outcome import Sources
from infra.look.sql import Sql
from infra.look.tail import Tail
from infra.verify import command as verify


class Command(Protocol):
    """One command: its arguments, and what it does."""

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None: ...
    def run(self, arguments: argparse.Namespace, /) -> int: ...


Commands = Mapping[str, tuple[Command, str]]

HELP = {
    "orders": "list, show or watch orders",
    "deliveries": "list or show deliveries",
    "drivers": "list or show drivers",
    "regions": "list or show regions: who waits for whom",
    "restaurants": "list or show restaurants: hours, status, snoozed items",
}


def commands(sources: Sources) -> Commands:
    """All commands by name, each with what it does."""
    return {
        **{name: (Lists(kind, sources), HELP[name]) for name, kind in KINDS.items()},
        "ongoing": (Ongoing(sources), "what is pending: timers and calls, with attempts and why"),
        "tail": (Tail(sources), "show records of topics, decoded, as they come"),
        "sql": (Sql(sources), "query the tables of all services and the event log"),
        "dead-letters": (dead_letters, "show records that were put aside, replay or discard them"),
        "verify": (verify, "prove the contract of the log over topics, ledgers and fronts"),
    }


def main(words: Sequence[str] | None = None, sources: Sources | None = None) -> int:
    """Runs the command that the words name, and returns its exit code."""
    parser = argparse.ArgumentParser(prog="tiffin", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (command, text) in commands(sources or Sources()).items():
        described = (
            sys.modules[command.__module__].__doc__ if hasattr(command, "__module__") else ""
        )
        one = subparsers.add_parser(name, help=text, description=described or command.__doc__)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    arguments = parser.parse_args(words)
    code: int = arguments.run(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
