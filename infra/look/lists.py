"""`tiffin orders`, `deliveries`, `drivers`, `regions` and `restaurants`: lists and single rows."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from rich.text import Text

from infra.look.calls import calls_of, history
from infra.look.fronts import Fronts
from infra.look.kinds import KINDS, Kind, Row
from infra.look.outcome import Sources, add_bootstrap, add_url, ended, positive, show, urls
from infra.look.text import json_line, page, table
from infra.look.watch import Watch

LIMIT = 50
WATCH_SECONDS = 1.0
HELP = {
    "partner": "only of this partner",
    "customer": "only of whom the partner knows by this id",
    "restaurant": "only of the restaurant with this id",
    "region": "only of this region",
    "flagged": "only those that an operator is to look at",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are wanted."""

    labels: Mapping[str, str]
    statuses: tuple[str, ...]
    limit: int | None

    @classmethod
    def of(cls, kind: Kind, arguments: argparse.Namespace) -> "Selection":
        """What the arguments say."""
        labels = {}
        for name in kind.labels:
            value = getattr(arguments, name)
            if value:
                labels[name] = "true" if value is True else value
        statuses = tuple(getattr(arguments, "status", None) or ())
        if getattr(arguments, "open", False):
            statuses = kind.open_statuses
        limit = None if getattr(arguments, "all", False) else arguments.limit
        return cls(labels, statuses, limit)


@dataclass(frozen=True, slots=True)
class Lists:
    """The command of one kind of rows."""

    kind: Kind
    sources: Sources

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds list and show, and watch for orders."""
        kind, may_watch = self.kind, self.kind is KINDS["orders"]
        common = argparse.ArgumentParser(add_help=False)
        add_url(common, [kind.service])
        common.add_argument("--json", action="store_true", help="one JSON object per line")
        words = "list|show|watch" if may_watch else "list|show"
        tasks = parser.add_subparsers(dest="task", required=True, metavar=words)

        order = "the newest first" if kind.newest_by else "by name"
        task = tasks.add_parser("list", parents=[common], help=f"{kind.name}, {order}")
        self._add_filters(task)
        task.add_argument("--all", action="store_true", help="however many there are")

        task = tasks.add_parser("show", parents=[common], help=f"all about one {kind.one}")
        name = "its id, or how it begins"
        if may_watch:
            name += "; or partner/reference"
        task.add_argument("name", metavar="ID", help=name)
        if may_watch:
            add_bootstrap(task)
            task.add_argument(
                "--no-calls",
                dest="calls",
                action="store_false",
                help="without the calls to the outside world, which are read from Kafka",
            )

        if may_watch:
            task = tasks.add_parser(
                "watch",
                parents=[common],
                help="orders as they change, until Ctrl-C; one order until it has ended",
            )
            task.add_argument("name", metavar="ID", nargs="?", help=f"only this one: {name}")
            self._add_filters(task)
            task.add_argument(
                "--seconds",
                type=float,
                default=WATCH_SECONDS,
                help="between two looks (%(default)s)",
            )
            task.add_argument("--count", type=positive, help="end after so many changes")

    def run(self, arguments: argparse.Namespace) -> int:
        """Runs the command and returns its exit code."""
        interrupted = 0 if arguments.task == "watch" else 130
        return ended(lambda: self._run(arguments), interrupted)

    def _run(self, arguments: argparse.Namespace) -> None:
        with self.sources.fronts(urls(arguments, [self.kind.service])) as fronts:
            if arguments.task == "list":
                self._list(fronts, arguments)
            elif arguments.task == "show":
                self._show(fronts, arguments)
            else:
                self._watch(fronts, arguments)

    def _list(self, fronts: Fronts, arguments: argparse.Namespace) -> None:
        kind, wanted = self.kind, Selection.of(self.kind, arguments)
        one_more = None if wanted.limit is None else wanted.limit + 1
        rows = fronts.listed(kind, wanted.labels, wanted.statuses, one_more)
        if arguments.json:
            for row in islice(rows, wanted.limit):
                print(json_line(row))
        else:
            shown = list(islice(rows, wanted.limit))
            now = self.sources.now()
            show(table(list(kind.cells), [_cells(kind, row, now) for row in shown]))
        if next(rows, None) is not None:
            print("there are more; --limit or --all shows them", file=sys.stderr)

    def _show(self, fronts: Fronts, arguments: argparse.Namespace) -> None:
        kind = self.kind
        row = fronts.the_one(kind, arguments.name)
        is_order = kind is KINDS["orders"]
        events = fronts.history(row[kind.key]) if is_order else []
        calls = calls_of(self.sources, arguments, row) if is_order and arguments.calls else []
        if arguments.json:
            past = {"events": events, "calls": calls}
            print(json_line({**row, **{name: each for name, each in past.items() if each}}))
            return
        show(page(row, besides=("links",)))
        if events:
            show([Text(), *history(events, calls)])

    def _watch(self, fronts: Fronts, arguments: argparse.Namespace) -> None:
        wanted = Selection.of(self.kind, arguments)
        key = arguments.name and fronts.the_one(self.kind, arguments.name)[self.kind.key]

        def look() -> list[Row]:
            if key is None:
                return list(fronts.listed(self.kind, wanted.labels, wanted.statuses, wanted.limit))
            row = fronts.one(self.kind, key)
            return [] if row is None else [row]

        watch = Watch(
            fronts,
            self.kind,
            look,
            seconds=arguments.seconds,
            count=arguments.count,
            until_ended=arguments.name is not None,
            now=self.sources.now,
        )
        watch.run(as_json=arguments.json)

    def _add_filters(self, task: argparse.ArgumentParser) -> None:
        kind = self.kind
        if kind.statuses:
            status = task.add_mutually_exclusive_group() if kind.final else task
            status.add_argument(
                "--status",
                action="append",
                choices=kind.statuses,
                type=str.upper,
                metavar="STATUS",
                help=f"only in this status; may be repeated: {', '.join(kind.statuses)}",
            )
            if kind.final:
                status.add_argument(
                    "--open", action="store_true", help="only those that have not ended"
                )
        for name in kind.labels:
            if name == "flagged":
                task.add_argument("--flagged", action="store_true", help=HELP[name])
            else:
                task.add_argument(f"--{name}", help=HELP[name])
        task.add_argument(
            "--limit", type=positive, default=LIMIT, help="at most so many (%(default)s)"
        )


def _cells(kind: Kind, row: Row, now: datetime) -> list[str]:
    return [cell(row, now) for cell in kind.cells.values()]
