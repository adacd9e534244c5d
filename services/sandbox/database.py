"""Opens the SQLite files in which an outside party remembers what it did."""

import sqlite3
from pathlib import Path


def open_database(file: Path, schema: str) -> sqlite3.Connection:
    """Opens or makes a database that belongs to this process alone.

    Every statement commits by itself, so that whatever was answered survives kill -9.

    Raises:
        OSError: the directory cannot be made.
        sqlite3.OperationalError: another process has the file open, or it cannot be opened.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, isolation_level=None, timeout=1.0)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL outlives the process; only a power cut could lose the last writes.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(schema)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
