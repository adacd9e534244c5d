"""The payment provider's voids: a charge that is never to be made, or is given back."""

from dataclasses import dataclass
from sqlite3 import Connection, Row
from uuid import uuid4

from services.sandbox.charges import Charges
from services.sandbox.database import transaction
from services.sandbox.instants import rfc3339_now
from services.sandbox.refunds import RefundContent, Refunds
from services.sandbox.web import key_reused

SCHEMA = """
CREATE TABLE voids (
    sequence INTEGER PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    charge_idempotency_key TEXT NOT NULL,
    reason TEXT NOT NULL,
    charge_id TEXT,
    refund_id TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX voids_of_charge ON voids (charge_idempotency_key);
"""


@dataclass(frozen=True, slots=True)
class VoidContent:
    """Which charge a caller wants undone; a key belongs to one content."""

    charge_idempotency_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Void:
    """A void; with a charge_id the charge had succeeded, with a refund_id its rest went back."""

    idempotency_key: str
    id: str
    content: VoidContent
    charge_id: str | None
    refund_id: str | None
    created_at: str

    def document(self) -> dict[str, object]:
        """The void as the provider's callers see it."""
        return {
            "id": self.id,
            "status": "refunded" if self.refund_id else "voided",
            "charge_idempotency_key": self.content.charge_idempotency_key,
            "charge_id": self.charge_id,
            "refund_id": self.refund_id,
            "reason": self.content.reason,
            "idempotency_key": self.idempotency_key,
            "created_at": self.created_at,
        }


class Voids:
    """All voids; its calls never wait."""

    def __init__(self, database: Connection, charges: Charges, refunds: Refunds) -> None:
        self._database = database
        self._charges = charges
        self._refunds = refunds

    def find(self, key: str) -> Void | None:
        """The void with this key, if any."""
        row = self._database.execute(
            "SELECT * FROM voids WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return _void(row) if row else None

    def find_same(self, key: str, content: VoidContent) -> Void | None:
        """The void with this key, if any.

        Raises:
            ProblemError: 422, the key was used with different content.
        """
        void = self.find(key)
        if void and void.content != content:
            raise key_reused(key)
        return void

    def forbids(self, charge_key: str) -> bool:
        """Whether no charge with this key may be made any more."""
        row = self._database.execute(
            "SELECT 1 FROM voids WHERE charge_idempotency_key = ?", (charge_key,)
        ).fetchone()
        return row is not None

    def add(self, key: str, content: VoidContent) -> Void:
        """Writes a new void, and gives back what is left of the charge where there is one."""
        charge = self._charges.find(content.charge_idempotency_key)
        charge_id = refund_id = None
        with transaction(self._database):
            if charge and not charge.decline_reason:
                charge_id = charge.id
                if left_cents := self._refunds.left_cents(charge):
                    back = RefundContent(charge.idempotency_key, left_cents, content.reason)
                    refund_id = self._refunds.add(key, back, None).id
            void = Void(key, f"vo_{uuid4().hex}", content, charge_id, refund_id, rfc3339_now())
            self._database.execute(
                "INSERT INTO voids (idempotency_key, id, charge_idempotency_key, reason,"
                " charge_id, refund_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    void.id,
                    content.charge_idempotency_key,
                    content.reason,
                    charge_id,
                    refund_id,
                    void.created_at,
                ),
            )
        return void

    def list_all(self) -> list[dict[str, object]]:
        """All voids, oldest first, each with its count of calls."""
        rows = self._database.execute(
            "SELECT * FROM voids JOIN calls USING (idempotency_key)"
            " WHERE operation = 'void' ORDER BY sequence"
        )
        return [{**_void(row).document(), "calls": row["count"]} for row in rows]


def _void(row: Row) -> Void:
    content = VoidContent(row["charge_idempotency_key"], row["reason"])
    return Void(
        row["idempotency_key"],
        row["id"],
        content,
        row["charge_id"],
        row["refund_id"],
        row["created_at"],
    )
