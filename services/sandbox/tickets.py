"""The POS's tickets by idempotency key, and the callbacks that it owes, kept in SQLite."""

import time
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from uuid import uuid4

import msgspec

from services.sandbox.database import open_database
from services.sandbox.instants import rfc3339_now

SCHEMA = """
CREATE TABLE IF NOT EXISTS tickets (
    sequence INTEGER PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    restaurant_id TEXT NOT NULL,
    items BLOB NOT NULL,
    refusal_reason TEXT,
    created_at TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    callback_due REAL NOT NULL,
    callbacks_owed INTEGER NOT NULL,
    callbacks_acknowledged INTEGER NOT NULL DEFAULT 0,
    callback_attempts INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS calls (
    idempotency_key TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class TicketItem:
    """One line of a ticket."""

    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class TicketContent:
    """What the kitchen is asked to prepare; a key belongs to one content."""

    order_id: str
    restaurant_id: str
    items: tuple[TicketItem, ...]


@dataclass(frozen=True, slots=True)
class CallbackPlan:
    """Where, how often and when (seconds from now) the end of the preparation is told."""

    url: str
    copies: int
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that was printed, or refused when it has a reason."""

    idempotency_key: str
    id: str
    content: TicketContent
    refusal_reason: str | None
    created_at: str

    def document(self) -> dict[str, object]:
        """The ticket as the POS's callers see it."""
        document: dict[str, object] = {
            "id": self.id,
            "order_id": self.content.order_id,
            "restaurant_id": self.content.restaurant_id,
            "status": "refused" if self.refusal_reason else "accepted",
            "idempotency_key": self.idempotency_key,
            "created_at": self.created_at,
            "printed": 0 if self.refusal_reason else 1,
        }
        if self.refusal_reason:
            document["reason"] = self.refusal_reason
        return document


@dataclass(frozen=True, slots=True)
class OwedCallback:
    """A callback that is still to be acknowledged; due is in seconds since the epoch."""

    ticket_id: str
    url: str
    due: float


class Tickets:
    """All tickets; its calls never wait, so that one event loop needs no locks."""

    def __init__(self, directory: Path) -> None:
        self._database = open_database(directory / "pos.sqlite3", SCHEMA)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def count_call(self, key: str) -> int:
        """Counts one more call with this key, and returns how many there were."""
        row = self._database.execute(
            "INSERT INTO calls VALUES (?, 1)"
            " ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
            (key,),
        ).fetchone()
        return int(row["count"])

    def find(self, key: str) -> Ticket | None:
        """The ticket with this key, if any, whether printed or refused."""
        row = self._database.execute(
            "SELECT * FROM tickets WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return _ticket(row) if row else None

    def print(self, key: str, content: TicketContent, plan: CallbackPlan) -> Ticket:
        """Prints a new ticket, and owes its callbacks from now on."""
        return self._add(key, content, None, plan)

    def refuse(self, key: str, content: TicketContent, url: str, reason: str) -> Ticket:
        """Remembers that this ticket was refused."""
        return self._add(key, content, reason, CallbackPlan(url, copies=0, delay_seconds=0))

    def redirect(self, key: str, url: str) -> None:
        """Sends the callbacks of a ticket that are still owed to another address."""
        self._database.execute(
            "UPDATE tickets SET callback_url = ? WHERE idempotency_key = ?", (url, key)
        )

    def owed_callback(self, ticket_id: str) -> OwedCallback | None:
        """The next callback that this ticket owes, if any."""
        row = self._database.execute(
            "SELECT * FROM tickets WHERE id = ? AND callbacks_acknowledged < callbacks_owed",
            (ticket_id,),
        ).fetchone()
        return OwedCallback(row["id"], row["callback_url"], row["callback_due"]) if row else None

    def owing_ids(self) -> list[str]:
        """The ids of all tickets that owe a callback, oldest first."""
        rows = self._database.execute(
            "SELECT id FROM tickets WHERE callbacks_acknowledged < callbacks_owed ORDER BY sequence"
        )
        return [row["id"] for row in rows]

    def record_attempt(self, ticket_id: str, acknowledged: bool) -> None:
        """Counts one attempt to call back, and its acknowledgement."""
        self._database.execute(
            "UPDATE tickets SET callback_attempts = callback_attempts + 1,"
            " callbacks_acknowledged = callbacks_acknowledged + ? WHERE id = ?",
            (int(acknowledged), ticket_id),
        )

    def list_all(self) -> list[dict[str, object]]:
        """All tickets, oldest first, each with its counts of calls and callbacks."""
        rows = self._database.execute(
            "SELECT * FROM tickets JOIN calls USING (idempotency_key) ORDER BY sequence"
        )
        return [
            {
                **_ticket(row).document(),
                "calls": row["count"],
                "callbacks_owed": row["callbacks_owed"],
                "callbacks_acknowledged": row["callbacks_acknowledged"],
                "callback_attempts": row["callback_attempts"],
            }
            for row in rows
        ]

    def _add(
        self, key: str, content: TicketContent, refusal_reason: str | None, plan: CallbackPlan
    ) -> Ticket:
        ticket = Ticket(key, f"ticket_{uuid4().hex}", content, refusal_reason, rfc3339_now())
        self._database.execute(
            "INSERT INTO tickets (idempotency_key, id, order_id, restaurant_id, items,"
            " refusal_reason, created_at, callback_url, callback_due, callbacks_owed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                ticket.id,
                content.order_id,
                content.restaurant_id,
                msgspec.json.encode(content.items),
                refusal_reason,
                ticket.created_at,
                plan.url,
                # Wall-clock time, since the due time must outlive the process.
                time.time() + plan.delay_seconds,
                plan.copies,
            ),
        )
        return ticket


def _ticket(row: Row) -> Ticket:
    items = msgspec.json.decode(row["items"], type=tuple[TicketItem, ...])
    content = TicketContent(row["order_id"], row["restaurant_id"], items)
    return Ticket(
        row["idempotency_key"], row["id"], content, row["refusal_reason"], row["created_at"]
    )
