"""`tiffin sql`: one SQL query over the live tables of all services, and over the event log.

The tables are read when the query is run, those that it names and no others; nothing is written.
"""

import argparse
import asyncio
import csv
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.look.fronts import Fronts
from infra.look.kinds import KINDS, Row
from infra.look.ongoing import ROWS_MAX
from infra.look.outcome import Sources, add_bootstrap, add_url, ended, settings, show, urls
from infra.look.records import columns_of, entry_of
from infra.look.tables import TABLES, LogTable
from infra.look.text import json_line, table
from infra.stack import SERVICES


@dataclass(frozen=True, slots=True)
class Sql:
    """The command."""

    sources: Sources

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds its arguments."""
        parser.add_argument(
            "query",
            metavar="QUERY",
            help="in DuckDB's SQL. DESCRIBE TABLE tells the columns. Tables: " + ", ".join(TABLES),
        )
        form = parser.add_mutually_exclusive_group()
        form.add_argument(
            "--format", choices=("table", "csv"), default="table", help="(%(default)s)"
        )
        form.add_argument("--json", action="store_true", help="one JSON object per line")
        add_bootstrap(parser)
        add_url(parser, SERVICES)

    def run(self, arguments: argparse.Namespace) -> int:
        """Runs the command and returns its exit code."""
        return ended(lambda: self._run(arguments))

    def _run(self, arguments: argparse.Namespace) -> None:
        # DuckDB takes longer to import than all other commands take to run.
        from infra.look.query import query

        with tempfile.TemporaryDirectory(prefix="tiffin-sql-") as directory:
            loader = Loader(self.sources, arguments, Path(directory))
            found = query(arguments.query, loader.directory, loader.load)
        if arguments.json:
            for row in found.rows:
                print(json_line(dict(zip(found.columns, row, strict=True))))
        elif arguments.format == "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(found.columns)
            writer.writerows([_cell(value, "") for value in row] for row in found.rows)
        else:
            show(table(found.columns, [[_cell(value, "-") for value in row] for row in found.rows]))


@dataclass(frozen=True, slots=True)
class Loader:
    """Gets the tables of a query into files."""

    sources: Sources
    arguments: argparse.Namespace
    directory: Path

    def load(self, names: Sequence[str]) -> dict[str, Path]:
        """Files of JSON, one row a line, by table.

        Raises:
            LookError: a service or the broker does not answer, or not as wanted.
        """
        files = {name: self.directory / f"{name}.ndjson" for name in names}
        fronts = [name for name in names if not isinstance(TABLES[name], LogTable)]
        if fronts:
            self._load_fronts({name: files[name] for name in fronts})
        logs = {name: files[name] for name in names if name not in fronts}
        if logs:
            asyncio.run(self._load_logs(logs))
        return files

    def _load_fronts(self, files: dict[str, Path]) -> None:
        with self.sources.fronts(urls(self.arguments, SERVICES)) as fronts:
            for name, path in files.items():
                with path.open("w", encoding="utf-8") as file:
                    for row in _rows(fronts, name):
                        file.write(json_line(row) + "\n")

    async def _load_logs(self, files: dict[str, Path]) -> None:
        with ExitStack() as stack:
            by_topic = {}
            for name, path in files.items():
                file = stack.enter_context(path.open("w", encoding="utf-8"))
                listed = TABLES[name]
                assert isinstance(listed, LogTable)
                by_topic.update(dict.fromkeys(listed.topics, file))
            opened = self.sources.log(settings(self.arguments), list(by_topic), True)
            async with opened as log:
                while not log.is_at_end:
                    for record in await log.more():
                        row = columns_of(entry_of(record))
                        by_topic[record.topic].write(json_line(row) + "\n")


def _rows(fronts: Fronts, name: str) -> Iterable[Row]:
    """The rows of a table that the fronts tell."""
    if name in KINDS:
        return fronts.listed(KINDS[name])
    rows, total, is_whole = fronts.ongoing({"limit": str(ROWS_MAX)})
    if total > len(rows) or not is_whole:
        print(f"ongoing: the soonest {len(rows)} of at least {total} are read", file=sys.stderr)
    return rows


def _cell(value: Any, nothing: str) -> str:
    """A value of a result in a table or in CSV."""
    if value is None:
        return nothing
    return value if isinstance(value, str) else json_line(value).strip('"')
