"""The payment provider's charges by idempotency key."""

from dataclasses import dataclass
from sqlite3 import Connection, Row
from uuid import uuid4

from services.sandbox.instants import rfc3339_now
from services.sandbox.web import key_reused

SCHEMA = """
CREATE TABLE charges (
    sequence INTEGER PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    payment_token TEXT NOT NULL,
    description TEXT NOT NULL,
    decline_reason TEXT,
    created_at TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class ChargeContent:
    """What a caller asks to be charged; a key belongs to one content."""

    amount_cents: int
    currency: str
    payment_token: str
    description: str


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge that succeeded, or was declined when it has a reason."""

    idempotency_key: str
    id: str
    content: ChargeContent
    decline_reason: str | None
    created_at: str

    def document(self) -> dict[str, object]:
        """The charge as the provider's callers see it."""
        document: dict[str, object] = {
            "id": self.id,
            "status": "declined" if self.decline_reason else "succeeded",
            "amount_cents": self.content.amount_cents,
            "currency": self.content.currency,
            "payment_token": self.content.payment_token,
            "idempotency_key": self.idempotency_key,
            "created_at": self.created_at,
        }
        if self.decline_reason:
            document["decline_reason"] = self.decline_reason
        return document


class Charges:
    """All charges; its calls never wait."""

    def __init__(self, database: Connection) -> None:
        self._database = database

    def find(self, key: str) -> Charge | None:
        """The charge with this key, if any."""
        row = self._database.execute(
            "SELECT * FROM charges WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return _charge(row) if row else None

    def find_same(self, key: str, content: ChargeContent) -> Charge | None:
        """The charge with this key, if any.

        Raises:
            ProblemError: 422, the key was used with different content.
        """
        charge = self.find(key)
        if charge and charge.content != content:
            raise key_reused(key)
        return charge

    def add(self, key: str, content: ChargeContent, decline_reason: str | None) -> Charge:
        """Writes a new charge, declined when it has a reason."""
        charge = Charge(key, f"ch_{uuid4().hex}", content, decline_reason, rfc3339_now())
        self._database.execute(
            "INSERT INTO charges (idempotency_key, id, amount_cents, currency, payment_token,"
            " description, decline_reason, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                charge.id,
                content.amount_cents,
                content.currency,
                content.payment_token,
                content.description,
                decline_reason,
                charge.created_at,
            ),
        )
        return charge

    def list_all(self) -> list[dict[str, object]]:
        """All charges, oldest first, each with its count of calls."""
        rows = self._database.execute(
            "SELECT * FROM charges JOIN calls USING (idempotency_key)"
            " WHERE operation = 'charge' ORDER BY sequence"
        )
        return [{**_charge(row).document(), "calls": row["count"]} for row in rows]


def _charge(row: Row) -> Charge:
    content = ChargeContent(
        row["amount_cents"], row["currency"], row["payment_token"], row["description"]
    )
    return Charge(
        row["idempotency_key"], row["id"], content, row["decline_reason"], row["created_at"]
    )
