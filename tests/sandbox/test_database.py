"""The files in which outside parties remember what they did."""

from pathlib import Path

import pytest

from services.sandbox.database import open_database, transaction

SCHEMA = "CREATE TABLE things (name TEXT);"


def names(file: Path) -> list[str]:
    database = open_database(file, SCHEMA)
    found = [row["name"] for row in database.execute("SELECT name FROM things")]
    database.close()
    return found


def test_a_file_keeps_what_was_written(tmp_path: Path) -> None:
    """A file is opened again with all that is in it."""
    file = tmp_path / "deep" / "things.sqlite3"
    database = open_database(file, SCHEMA)
    database.execute("INSERT INTO things VALUES ('one')")
    database.close()
    assert names(file) == ["one"]


def test_a_transaction_is_kept_as_a_whole(tmp_path: Path) -> None:
    """What fails halfway leaves nothing."""
    file = tmp_path / "things.sqlite3"
    database = open_database(file, SCHEMA)
    with transaction(database):
        database.execute("INSERT INTO things VALUES ('one')")

    def fail_halfway() -> None:
        with transaction(database):
            database.execute("INSERT INTO things VALUES ('two')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    database.close()
    assert names(file) == ["one"]


def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    """A file that an older sandbox has left is named, and not touched."""
    file = tmp_path / "things.sqlite3"
    open_database(file, SCHEMA).close()
    with pytest.raises(ValueError, match=r"things\.sqlite3 is of another version"):
        open_database(file, "CREATE TABLE others (name TEXT);")
    assert names(file) == []
