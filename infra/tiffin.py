"""The command line of an operator: python -m infra.tiffin <command> (--help shows them)."""

import argparse
import sys
from collections.abc import Sequence

from infra.dead_letters import command as dead_letters
from infra.verify import command as verify

COMMANDS = {
    "dead-letters": (dead_letters, "show records that were put aside, replay or discard them"),
    "verify": (verify, "prove the contract of the log over topics, ledgers and fronts"),
}


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command that the words name, and returns its exit code."""
    parser = argparse.ArgumentParser(prog="tiffin", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (command, text) in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=command.__doc__)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    arguments = parser.parse_args(words)
    code: int = arguments.run(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
