"""One SQL query over the tables of TABLES, in DuckDB in memory; only what it names is loaded."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from infra.look.errors import LookError
from infra.look.tables import TABLES, Columns

# What one row may have as JSON; a dead letter is the longest.
ROW_BYTES_MAX = 32 << 20
KIND_OF_ERROR = re.compile(r"^(\w+ )+Error: ")
UNKNOWN_TABLE = re.compile(r"Table with name (.+?) does not exist")
# Names of columns that are words of SQL too, so that they are not taken for columns by themselves.
WORDS = re.compile(r"(?<![.\"\w])(at|offset)\b", re.IGNORECASE)

# Writes the rows of these tables as JSON, one a line, into files of their own, by table.
Load = Callable[[Sequence[str]], dict[str, Path]]


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a query, and the names of its columns."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def query(sql: str, directory: Path, load: Load) -> Result:
    """What the query finds.

    Args:
        directory: where the files of `load` are; the query can read no others, and write none.

    Raises:
        LookError: it is not one query, names what does not exist, or can't be run.
    """
    with duckdb.connect(":memory:") as database:
        try:
            _check(sql)
            database.execute("SET TimeZone='UTC'")
            database.execute("SET allowed_directories=[?]", [str(directory)])
            database.execute("SET enable_external_access=false")
            database.execute("SET lock_configuration=true")
            for name, table in TABLES.items():
                database.execute(f"CREATE TABLE {name} ({_defined(table.columns)})")
            # Tells what is wrong with the query before any table is read.
            database.execute(f"EXPLAIN {sql}")
            for name, file in load(_named(database, sql)).items():
                _insert(database, name, file)
            database.execute(sql)
            return _result(database.description or [], database.fetchall())
        except duckdb.Error as error:
            raise LookError(_sentence(error, sql)) from error


def _check(sql: str) -> None:
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1:
        raise LookError(f"one query is wanted, not {len(statements)}")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise LookError("only queries are run, such as SELECT: Tiffin's tables can't be written")


def _named(database: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """The tables that the query names, anywhere in it."""
    # Of a query that is given as a parameter, DuckDB must be told that it is text.
    row = database.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    assert row is not None, "a function of one row has one"
    found = set(_tables_in(json.loads(row[0])))
    return [name for name in TABLES if name in found]


def _tables_in(node: Any) -> Iterator[str]:
    """The names of tables in a part of a query's syntax tree."""
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield str(node["table_name"]).casefold()
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _tables_in(each)


def _result(described: Sequence[Sequence[Any]], rows: list[tuple[Any, ...]]) -> Result:
    """The result, with JSON as what it says, and each column with a name of its own."""
    names: list[str] = []
    for column in described:
        name = str(column[0])
        names.append(f"{name}_{len(names) + 1}" if name in names else name)
    is_json = [str(column[1]) == "JSON" for column in described]
    for index, row in enumerate(rows) if any(is_json) else ():
        told = zip(row, is_json, strict=True)
        rows[index] = tuple(
            json.loads(value) if wanted and value is not None else value for value, wanted in told
        )
    return Result(tuple(names), rows)


def _insert(database: duckdb.DuckDBPyConnection, name: str, file: Path) -> None:
    columns = TABLES[name].columns
    types = ", ".join(f"'{column}': '{kind}'" for column, kind in columns.items())
    names = ", ".join(f'"{column}"' for column in columns)
    database.execute(
        f"INSERT INTO {name} SELECT {names} FROM read_json(?, format='newline_delimited', "
        f"maximum_object_size={ROW_BYTES_MAX}, columns={{{types}}})",
        [str(file)],
    )


def _defined(columns: Columns) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def _sentence(error: duckdb.Error, sql: str) -> str:
    """What DuckDB says, without the lines that repeat the query."""
    told = str(error).split("\n\nLINE ", 1)[0]
    lines = [line.strip().rstrip(".!") for line in told.splitlines() if line.strip()]
    unknown = UNKNOWN_TABLE.search(told)
    if unknown is not None:
        return f"there is no table {unknown[1]}; there are {', '.join(TABLES)}"
    sentence = "the query can't be run: " + KIND_OF_ERROR.sub("", "; ".join(lines))
    word = WORDS.search(sql)
    if isinstance(error, duckdb.ParserException) and word is not None:
        name = word[0].lower()
        sentence += f"; a column named {name} needs its table before it, as in order_events.{name}"
    return sentence
