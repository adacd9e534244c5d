"""The payment provider's ledger: charges and refunds by idempotency key, kept in SQLite."""

from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from typing import Literal
from uuid import uuid4

from services.sandbox.database import open_database
from services.sandbox.instants import rfc3339_now
from services.sandbox.problem import ProblemError
from services.sandbox.web import key_reused, not_found

Operation = Literal["charge", "refund"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
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
CREATE TABLE IF NOT EXISTS refunds (
    sequence INTEGER PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    charge_idempotency_key TEXT NOT NULL REFERENCES charges (idempotency_key),
    amount_cents INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS refunds_of_charge ON refunds (charge_idempotency_key);
CREATE TABLE IF NOT EXISTS calls (
    operation TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (operation, idempotency_key)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class ChargeContent:
    """What a caller asks to be charged; a key belongs to one content."""

    amount_cents: int
    currency: str
    payment_token: str
    description: str


@dataclass(frozen=True, slots=True)
class RefundContent:
    """What a caller asks to be refunded; a key belongs to one content."""

    charge_idempotency_key: str
    amount_cents: int
    reason: str


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


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back from a charge."""

    idempotency_key: str
    id: str
    content: RefundContent
    created_at: str

    def document(self) -> dict[str, object]:
        """The refund as the provider's callers see it."""
        return {
            "id": self.id,
            "status": "succeeded",
            "charge_idempotency_key": self.content.charge_idempotency_key,
            "amount_cents": self.content.amount_cents,
            "reason": self.content.reason,
            "idempotency_key": self.idempotency_key,
            "created_at": self.created_at,
        }


class Ledger:
    """All charges and refunds; its calls never wait, so that one event loop needs no locks."""

    def __init__(self, directory: Path) -> None:
        self._database = open_database(directory / "payments.sqlite3", SCHEMA)

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

    def find_charge(self, key: str) -> Charge | None:
        """The charge with this key, if any."""
        row = self._database.execute(
            "SELECT * FROM charges WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return _charge(row) if row else None

    def find_same_charge(self, key: str, content: ChargeContent) -> Charge | None:
        """The charge with this key, if any.

        Raises:
            ProblemError: 422, the key was used with different content.
        """
        charge = self.find_charge(key)
        if charge and charge.content != content:
            raise key_reused(key)
        return charge

    def add_charge(self, key: str, content: ChargeContent, decline_reason: str | None) -> Charge:
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

    def list_charges(self) -> list[dict[str, object]]:
        """The whole ledger of charges, oldest first, each with its count of calls."""
        rows = self._database.execute(
            "SELECT * FROM charges JOIN calls USING (idempotency_key)"
            " WHERE operation = 'charge' ORDER BY sequence"
        )
        return [{**_charge(row).document(), "calls": row["count"]} for row in rows]

    def find_refund(self, key: str) -> Refund | None:
        """The refund with this key, if any."""
        row = self._database.execute(
            "SELECT * FROM refunds WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return _refund(row) if row else None

    def find_same_refund(self, key: str, content: RefundContent) -> Refund | None:
        """The refund with this key, if any.

        Raises:
            ProblemError: 422, the key was used with different content.
        """
        refund = self.find_refund(key)
        if refund and refund.content != content:
            raise key_reused(key)
        return refund

    def add_refund(self, key: str, content: RefundContent) -> Refund:
        """Writes a new refund.

        Raises:
            ProblemError: 404, no such charge; 422, the charge was declined or less is left of it.
        """
        charge_key = content.charge_idempotency_key
        charge = self.find_charge(charge_key)
        if charge is None:
            raise not_found("charge", charge_key)
        if charge.decline_reason:
            raise ProblemError(422, "charge-declined", "A declined charge has no money to refund.")
        left_cents = charge.content.amount_cents - self._refunded_cents(charge_key)
        if content.amount_cents > left_cents:
            detail = f"Only {left_cents} cents are left of the charge."
            raise ProblemError(422, "refund-exceeds-charge", detail)
        refund = Refund(key, f"re_{uuid4().hex}", content, rfc3339_now())
        self._database.execute(
            "INSERT INTO refunds (idempotency_key, id, charge_idempotency_key, amount_cents,"
            " reason, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (key, refund.id, charge_key, content.amount_cents, content.reason, refund.created_at),
        )
        return refund

    def list_refunds(self) -> list[dict[str, object]]:
        """The whole ledger of refunds, oldest first, each with its count of calls."""
        rows = self._database.execute(
            "SELECT * FROM refunds JOIN calls USING (idempotency_key)"
            " WHERE operation = 'refund' ORDER BY sequence"
        )
        return [{**_refund(row).document(), "calls": row["count"]} for row in rows]

    def _refunded_cents(self, charge_key: str) -> int:
        row = self._database.execute(
            "SELECT COALESCE(SUM(amount_cents), 0) AS cents FROM refunds"
            " WHERE charge_idempotency_key = ?",
            (charge_key,),
        ).fetchone()
        return int(row["cents"])


def _charge(row: Row) -> Charge:
    content = ChargeContent(
        row["amount_cents"], row["currency"], row["payment_token"], row["description"]
    )
    return Charge(
        row["idempotency_key"], row["id"], content, row["decline_reason"], row["created_at"]
    )


def _refund(row: Row) -> Refund:
    content = RefundContent(row["charge_idempotency_key"], row["amount_cents"], row["reason"])
    return Refund(row["idempotency_key"], row["id"], content, row["created_at"])
