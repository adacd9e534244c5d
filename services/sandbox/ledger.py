"""The payment provider's ledger: charges, refunds and voids, kept in one SQLite file."""

from pathlib import Path
from typing import Literal

from services.sandbox import charges, refunds, voids
from services.sandbox.charges import Charges
from services.sandbox.database import open_database
from services.sandbox.refunds import Refunds
from services.sandbox.voids import Voids

Operation = Literal["charge", "refund", "void"]

SCHEMA = f"""
{charges.SCHEMA}
{refunds.SCHEMA}
{voids.SCHEMA}
CREATE TABLE calls (
    operation TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (operation, idempotency_key)
) WITHOUT ROWID;
"""


class Ledger:
    """All that the provider did; its calls never wait, so that one event loop needs no locks."""

    def __init__(self, directory: Path) -> None:
        self._database = open_database(directory / "payments.sqlite3", SCHEMA)
        self.charges = Charges(self._database)
        self.refunds = Refunds(self._database, self.charges)
        self.voids = Voids(self._database, self.charges, self.refunds)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def count_call(self, operation: Operation, key: str) -> int:
        """Counts one more call with this key, and returns how many there were."""
        row = self._database.execute(
            "INSERT INTO calls VALUES (?, ?, 1)"
            " ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
            (operation, key),
        ).fetchone()
        return int(row["count"])
