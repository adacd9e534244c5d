"""Opens the SQLite files in which an outside party remembers what it did."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def open_database(file: Path, schema: str) -> sqlite3.Connection:
    """Opens or makes a database that belongs to this process alone.

    Every statement commits by itself, so that whatever was answered survives kill -9.

    Raises:
        OSError: the directory cannot be made.
        sqlite3.OperationalError: another process has the file open, or it cannot be opened.
        ValueError: the file was made with another schema.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, isolation_level=None, timeout=1.0)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL outlives the process; only a power cut could lose the last writes.
        connection.execute("PRAGMA synchronous = NORMAL")
        _make_tables(connection, file, schema)
    except (sqlite3.Error, ValueError):
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """What is written within is kept as a whole or not at all; nothing within may wait."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _make_tables(connection: sqlite3.Connection, file: Path, schema: str) -> None:
    version = zlib.crc32(schema.encode()) & 0x7FFFFFFF
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found == version:
        return
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if tables:
        raise ValueError(f"{file} is of another version of the sandbox; delete it to start anew")
    connection.executescript(f"BEGIN; {schema} PRAGMA user_version = {version}; COMMIT;")
