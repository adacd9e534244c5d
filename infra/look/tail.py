"""`tiffin tail`: the records of topics, decoded, one readable line for each."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from infra.look.log import Log
from infra.look.outcome import Sources, add_bootstrap, ended, positive, screen, settings
from infra.look.records import columns_of, entry_of, is_of_order, line_of, topics_named
from infra.look.text import json_line
from infra.verify.entry import Entry
from services.common import ids

# So many records are put in the order of time at once; of more, each such part for itself.
SORTED_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Tail:
    """The command."""

    sources: Sources

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds its arguments."""
        parser.add_argument(
            "topics",
            metavar="TOPIC",
            nargs="+",
            help="such as order.events, or '*.events' for all that have such a name",
        )
        add_bootstrap(parser)
        parser.add_argument(
            "--order",
            metavar="ID",
            help="only what has to do with this order: its id, how it begins, or partner/reference",
        )
        parser.add_argument(
            "--from-beginning",
            action="store_true",
            help="also what is there, in the order of time; else only what is new",
        )
        parser.add_argument("--no-follow", action="store_true", help="end where the topics end now")
        parser.add_argument("--count", type=positive, help="end after so many records")
        parser.add_argument("--json", action="store_true", help="one JSON object per line")

    def run(self, arguments: argparse.Namespace) -> int:
        """Runs the command and returns its exit code; Ctrl-C is how it ends."""
        return ended(lambda: asyncio.run(self._tail(arguments)), interrupted=0)

    async def _tail(self, arguments: argparse.Namespace) -> None:
        topics = topics_named(arguments.topics)
        order = arguments.order
        if order is not None and "/" in order:
            order = ids.order_id(*order.split("/", 1))
        console = screen()
        left = arguments.count
        async with self.sources.log(settings(arguments), topics, arguments.from_beginning) as log:
            async for entry in entries(log, order, follow=not arguments.no_follow):
                if arguments.json:
                    print(json_line(as_json(entry)), flush=True)
                else:
                    console.print(line_of(entry))
                if left is not None:
                    left -= 1
                    if left == 0:
                        return


async def entries(log: Log, order: str | None, follow: bool) -> AsyncIterator[Entry]:
    """The records that are wanted: what the log holds in the order of time, then what comes.

    Args:
        order: only records that have to do with the order whose id begins so.
    """
    held: list[Entry] = []
    while not log.is_at_end:
        held += await _wanted(log, order)
        if len(held) >= SORTED_MAX:
            for entry in _sorted(held):
                yield entry
            held = []
    for entry in _sorted(held):
        yield entry
    while follow:
        for entry in _sorted(await _wanted(log, order)):
            yield entry


def as_json(entry: Entry) -> dict[str, object]:
    """The record for programs; `problem` says why its service can't read it."""
    columns = columns_of(entry)
    return columns if entry.problem is None else {**columns, "problem": entry.problem}


async def _wanted(log: Log, order: str | None) -> list[Entry]:
    read = (entry_of(record) for record in await log.more())
    return [entry for entry in read if order is None or is_of_order(entry, order)]


def _sorted(read: list[Entry]) -> list[Entry]:
    return sorted(read, key=lambda entry: (entry.at, entry.topic, entry.partition, entry.offset))
