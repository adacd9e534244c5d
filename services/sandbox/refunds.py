"""The payment provider's refunds by idempotency key, made or refused for good."""

from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Literal
from uuid import uuid4

from services.sandbox.charges import Charge, Charges
from services.sandbox.instants import rfc3339_now
from services.sandbox.problem import ProblemError
from services.sandbox.web import key_reused, not_found

RefundStatus = Literal["succeeded", "refused"]

SCHEMA = """
CREATE TABLE refunds (
    sequence INTEGER PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    charge_idempotency_key TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    reason TEXT NOT NULL,
    refusal_reason TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX refunds_of_charge ON refunds (charge_idempotency_key);
"""


@dataclass(frozen=True, slots=True)
class RefundContent:
    """What a caller asks to be refunded; a key belongs to one content."""

    charge_idempotency_key: str
    amount_cents: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back from a charge, or refused for good when it has a refusal's reason."""

    idempotency_key: str
    id: str
    content: RefundContent
    refusal_reason: str | None
    created_at: str

    def document(self) -> dict[str, object]:
        """The refund as the provider's callers see it; `reason` of a refused one says why."""
        return {
            "id": self.id,
            "status": "refused" if self.refusal_reason else "succeeded",
            "charge_idempotency_key": self.content.charge_idempotency_key,
            "amount_cents": self.content.amount_cents,
            "reason": self.refusal_reason or self.content.reason,
            "idempotency_key": self.idempotency_key,
            "created_at": self.created_at,
        }


class Refunds:
    """All refunds; its calls never wait."""

    def __init__(self, database: Connection, charges: Charges) -> None:
        self._database = database
        self._charges = charges

    def find(self, key: str) -> Refund | None:
        """The refund with this key, if any, made or refused."""
        row = self._database.execute(
            "SELECT * FROM refunds WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return _refund(row) if row else None

    def find_same(self, key: str, content: RefundContent) -> Refund | None:
        """The refund with this key, if any.

        Raises:
            ProblemError: 422, the key was used with different content.
        """
        refund = self.find(key)
        if refund and refund.content != content:
            raise key_reused(key)
        return refund

    def check(self, content: RefundContent) -> Charge:
        """The charge that can bear this refund.

        Raises:
            ProblemError: 404, no such charge; 422, the charge was declined or less is left of it.
        """
        key = content.charge_idempotency_key
        charge = self._charges.find(key)
        if charge is None:
            raise not_found("charge", key)
        if charge.decline_reason:
            detail = "A declined charge has no money to refund."
            raise ProblemError(422, "charge-declined", detail, reason="charge_declined")
        left_cents = self.left_cents(charge)
        if content.amount_cents > left_cents:
            detail = f"Only {left_cents} cents are left of the charge."
            raise ProblemError(422, "refund-exceeds-charge", detail, reason="refund_exceeds_charge")
        return charge

    def add(self, key: str, content: RefundContent, refusal_reason: str | None) -> Refund:
        """Writes a new refund that was checked, refused when it has a reason."""
        refund = Refund(key, f"re_{uuid4().hex}", content, refusal_reason, rfc3339_now())
        self._database.execute(
            "INSERT INTO refunds (idempotency_key, id, charge_idempotency_key, amount_cents,"
            " reason, refusal_reason, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                refund.id,
                content.charge_idempotency_key,
                content.amount_cents,
                content.reason,
                refusal_reason,
                refund.created_at,
            ),
        )
        return refund

    def was_refused(self, content: RefundContent) -> bool:
        """Whether this content was refused before, under whatever key."""
        row = self._database.execute(
            "SELECT 1 FROM refunds WHERE charge_idempotency_key = ? AND amount_cents = ?"
            " AND reason = ? AND refusal_reason IS NOT NULL",
            (content.charge_idempotency_key, content.amount_cents, content.reason),
        ).fetchone()
        return row is not None

    def left_cents(self, charge: Charge) -> int:
        """What was charged and not given back."""
        row = self._database.execute(
            "SELECT COALESCE(SUM(amount_cents), 0) AS cents FROM refunds"
            " WHERE charge_idempotency_key = ? AND refusal_reason IS NULL",
            (charge.idempotency_key,),
        ).fetchone()
        return charge.content.amount_cents - int(row["cents"])

    def list_all(self, status: RefundStatus) -> list[dict[str, object]]:
        """All refunds of this status, oldest first, each with its count of calls."""
        rows = self._database.execute(
            "SELECT refunds.*, (SELECT SUM(count) FROM calls"
            "  WHERE operation IN ('refund', 'void')"
            "  AND calls.idempotency_key = refunds.idempotency_key) AS count"
            " FROM refunds WHERE (refusal_reason IS NULL) = ? ORDER BY sequence",
            (status == "succeeded",),
        )
        return [{**_refund(row).document(), "calls": row["count"]} for row in rows]


def _refund(row: Row) -> Refund:
    content = RefundContent(row["charge_idempotency_key"], row["amount_cents"], row["reason"])
    return Refund(
        row["idempotency_key"], row["id"], content, row["refusal_reason"], row["created_at"]
    )
