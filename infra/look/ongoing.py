"""`tiffin ongoing`: what is going on now: timers that are pending, calls that have not ended."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from infra.look.errors import LookError, UnknownKeyError
from infra.look.fronts import Fronts
from infra.look.kinds import KINDS, Cell, Row
from infra.look.outcome import Sources, add_url, ended, positive, show, urls
from infra.look.text import NOTHING, age, compact, json_line, page, table
from infra.stack import SERVICES
from services.common import ids

LIMIT = 50
# What one service tells at a time.
ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Ongoing:
    """The command."""

    sources: Sources

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds list and describe."""
        common = argparse.ArgumentParser(add_help=False)
        add_url(common, SERVICES)
        common.add_argument("--json", action="store_true", help="one JSON object per line")
        tasks = parser.add_subparsers(dest="task", required=True, metavar="list|describe")
        task = tasks.add_parser("list", parents=[common], help="of all services, the soonest first")
        task.add_argument("--kind", choices=("call", "timer"), help="only calls, or timers")
        task.add_argument(
            "--limit", type=positive, default=LIMIT, help="at most so many (%(default)s)"
        )
        task = tasks.add_parser(
            "describe",
            parents=[common],
            help="one order with its delivery and driver, or one aggregate: what it waits for, why",
        )
        task.add_argument("name", metavar="ID", help="an order as in `orders show`; or any key")

    def run(self, arguments: argparse.Namespace) -> int:
        """Runs the command and returns its exit code."""
        return ended(lambda: self._run(arguments))

    def _run(self, arguments: argparse.Namespace) -> None:
        with self.sources.fronts(urls(arguments, SERVICES)) as fronts:
            if arguments.task == "list":
                self._list(fronts, arguments)
            else:
                self._describe(fronts, arguments)

    def _list(self, fronts: Fronts, arguments: argparse.Namespace) -> None:
        asked = {"limit": str(min(arguments.limit, ROWS_MAX))}
        if arguments.kind:
            asked["kind"] = arguments.kind
        rows, total, is_whole = fronts.ongoing(asked)
        rows = rows[: arguments.limit]
        if arguments.json:
            for row in rows:
                print(json_line(row))
        else:
            now = self.sources.now()
            show(table(list(CELLS), [[cell(row, now) for cell in CELLS.values()] for row in rows]))
        if total > len(rows):
            print(f"there are {total}; --limit shows more", file=sys.stderr)
        if not is_whole:
            print("some that come later are not counted", file=sys.stderr)

    def _describe(self, fronts: Fronts, arguments: argparse.Namespace) -> None:
        order = _order(fronts, arguments.name)
        keys = [arguments.name] if order is None else list(_keys(order))
        rows = [row for key in keys for row in fronts.ongoing({"key": key, "limit": "100"})[0]]
        if order is None and not rows:
            raise UnknownKeyError(f"nothing is going on for {arguments.name!r}")
        if arguments.json:
            for row in rows:
                print(json_line(row))
            return
        now = self.sources.now()
        if order is not None:
            facts = ("order_id", "status", "status_since", "payment", "driver_id", "flags")
            show([*page({name: order.get(name) for name in facts}), Text()])
        if not rows:
            show([Text("nothing is pending")])
        for row in rows:
            show(_told(row, now))


def _order(fronts: Fronts, name: str) -> Row | None:
    """The order of that name; None where it is the key of something else."""
    try:
        return fronts.the_one(KINDS["orders"], name)
    except LookError as error:
        if error.exit_code != 1 or "/" in name:
            raise
        return None


def _keys(order: Row) -> Iterator[str]:
    """The aggregates that have to do with an order."""
    yield order["order_id"]
    if order.get("delivery_id"):
        yield ids.delivery_id(order["order_id"])
    if order.get("driver_id"):
        yield order["driver_id"]


def _when(row: Row, now: datetime) -> str:
    """When it is due or made again, or since when it runs or is late."""
    at = datetime.fromisoformat(row["at"])
    if at <= now:
        return f"{age(row['at'], now)} ago"
    return f"in {age(now.isoformat(), at)}"


def _what(row: Row, now: datetime) -> str:
    return f"{row['what']} {row['flag']}" if row.get("flag") else str(row["what"])


CELLS: Mapping[str, Cell] = {
    "service": lambda row, now: row["service"],
    "key": lambda row, now: row["key"],
    "status": lambda row, now: compact(row["status"]),
    "what": _what,
    "state": lambda row, now: row["state"],
    "when": _when,
    "attempt": lambda row, now: str(row.get("attempt") or NOTHING),
    "target": lambda row, now: compact(row.get("target")),
    "last error": lambda row, now: compact(row.get("error")),
}


def _told(row: Row, now: datetime) -> list[Text]:
    """An item in depth."""
    head = Text(f"{row['kind']:5}  ")
    head.append(f"{_what(row, now):28}", "cyan")
    head.append(f"  {row['state']} {_when(row, now)}  ({row['at'][:19]}Z)")
    lines = [head, Text(f"       {row['why']}", "dim")]
    lines.append(Text(f"       {row['aggregate']} {row['key']}  {compact(row['status'])}", "dim"))
    if row["kind"] == "call":
        told = f"to {compact(row['target'])}, attempt {row['attempt']}"
        lines.append(Text(f"       {told}"))
    if row.get("error"):
        lines.append(Text(f"       last error: {compact(row['error'])}", "yellow"))
    return lines
