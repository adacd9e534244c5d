"""The POS's ticket cancellations by the ticket's idempotency key."""

from dataclasses import dataclass
from sqlite3 import Connection, Row

from services.sandbox.instants import rfc3339_now

SCHEMA = """
CREATE TABLE cancellations (
    sequence INTEGER PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A ticket that is not to be cooked, whether it was there yet or not."""

    idempotency_key: str
    order_id: str
    reason: str
    created_at: str

    def document(self) -> dict[str, object]:
        """The cancellation as the POS's callers see it."""
        return {
            "status": "cancelled",
            "order_id": self.order_id,
            "reason": self.reason,
            "idempotency_key": self.idempotency_key,
            "created_at": self.created_at,
        }


class Cancellations:
    """All cancellations; its calls never wait."""

    def __init__(self, database: Connection) -> None:
        self._database = database

    def find(self, key: str) -> Cancellation | None:
        """The cancellation of the ticket with this key, if any."""
        row = self._database.execute(
            "SELECT * FROM cancellations WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return _cancellation(row) if row else None

    def add(self, key: str, order_id: str, reason: str) -> Cancellation:
        """Writes a new cancellation."""
        cancellation = Cancellation(key, order_id, reason, rfc3339_now())
        self._database.execute(
            "INSERT INTO cancellations (idempotency_key, order_id, reason, created_at)"
            " VALUES (?, ?, ?, ?)",
            (key, order_id, reason, cancellation.created_at),
        )
        return cancellation

    def list_all(self) -> list[dict[str, object]]:
        """All cancellations, oldest first, each with its count of calls."""
        rows = self._database.execute(
            "SELECT * FROM cancellations JOIN calls USING (idempotency_key)"
            " WHERE operation = 'cancellation' ORDER BY sequence"
        )
        return [{**_cancellation(row).document(), "calls": row["count"]} for row in rows]


def _cancellation(row: Row) -> Cancellation:
    return Cancellation(row["idempotency_key"], row["order_id"], row["reason"], row["created_at"])
