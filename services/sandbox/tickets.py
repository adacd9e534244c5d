"""The POS's tickets and their cancellations by idempotency key, kept in SQLite."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from sqlite3 import Row
from typing import Literal
from uuid import uuid4

import msgspec

from services.sandbox import cancellations, steps
from services.sandbox.cancellations import Cancellation, Cancellations
from services.sandbox.database import open_database, transaction
from services.sandbox.instants import rfc3339_now
from services.sandbox.steps import OwedStep, Step, StepOutcome, Steps

Operation = Literal["ticket", "cancellation"]

CANCELLED_REASON = "other"
CANCELLED_DETAIL = "cancelled"

SCHEMA = f"""
CREATE TABLE tickets (
    sequence INTEGER PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    restaurant_id TEXT NOT NULL,
    items BLOB NOT NULL,
    status TEXT NOT NULL,
    printed INTEGER NOT NULL,
    reason TEXT,
    detail TEXT,
    created_at TEXT NOT NULL,
    callback_url TEXT NOT NULL
);
{steps.SCHEMA}
{cancellations.SCHEMA}
CREATE TABLE calls (
    operation TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (operation, idempotency_key)
) WITHOUT ROWID;
"""


class TicketStatus(StrEnum):
    """What became of a ticket; a received one waits for the restaurant's answer."""

    ACCEPTED = "accepted"
    RECEIVED = "received"
    REFUSED = "refused"
    CANCELLED = "cancelled"


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
class Ticket:
    """A ticket; a refused or cancelled one has a reason, and may be printed all the same."""

    idempotency_key: str
    id: str
    content: TicketContent
    status: TicketStatus
    is_printed: bool
    reason: str | None
    detail: str | None
    created_at: str

    @property
    def is_cooked(self) -> bool:
        """Whether the restaurant prepares it, or may still."""
        return self.status in (TicketStatus.ACCEPTED, TicketStatus.RECEIVED)

    def document(self) -> dict[str, object]:
        """The ticket as the POS's callers see it."""
        document: dict[str, object] = {
            "id": self.id,
            "order_id": self.content.order_id,
            "restaurant_id": self.content.restaurant_id,
            "status": self.status,
            "idempotency_key": self.idempotency_key,
            "created_at": self.created_at,
            "printed": int(self.is_printed),
        }
        if self.reason:
            document["reason"] = self.reason
        if self.detail:
            document["detail"] = self.detail
        return document


class Tickets:
    """All tickets; its calls never wait, so that one event loop needs no locks."""

    def __init__(self, directory: Path) -> None:
        self._database = open_database(directory / "pos.sqlite3", SCHEMA)
        self._steps = Steps(self._database)
        self.cancellations = Cancellations(self._database)

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

    def find(self, key: str) -> Ticket | None:
        """The ticket with this key, if any, whatever became of it."""
        row = self._database.execute(
            "SELECT * FROM tickets WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return _ticket(row) if row else None

    def print(
        self,
        key: str,
        content: TicketContent,
        callback_url: str,
        status: TicketStatus,
        owed: Sequence[Step],
    ) -> Ticket:
        """Prints a new ticket, and owes its steps from now on."""
        ticket = Ticket(key, _new_id(), content, status, True, None, None, rfc3339_now())
        with transaction(self._database):
            self._add(ticket, callback_url)
            self._steps.add(ticket.id, owed)
        return ticket

    def refuse(
        self, key: str, content: TicketContent, callback_url: str, reason: str, detail: str | None
    ) -> Ticket:
        """Remembers that this ticket was refused and not printed."""
        status = TicketStatus.REFUSED
        ticket = Ticket(key, _new_id(), content, status, False, reason, detail, rfc3339_now())
        self._add(ticket, callback_url)
        return ticket

    def cancel(self, key: str, order_id: str, reason: str) -> Cancellation:
        """Ends the ticket with this key, and forbids it where there is none yet."""
        with transaction(self._database):
            cancellation = self.cancellations.add(key, order_id, reason)
            ticket = self.find(key)
            if ticket and ticket.status is not TicketStatus.REFUSED:
                self._set_status(
                    ticket.id, TicketStatus.CANCELLED, CANCELLED_REASON, CANCELLED_DETAIL
                )
            if ticket:
                self._steps.drop(ticket.id)
        return cancellation

    def redirect(self, key: str, url: str) -> None:
        """Sends the steps of a ticket that are still owed to another address."""
        self._database.execute(
            "UPDATE tickets SET callback_url = ? WHERE idempotency_key = ?", (url, key)
        )

    def owed_step(self, ticket_id: str) -> OwedStep | None:
        """The next step that this ticket owes, if any."""
        return self._steps.owed(ticket_id)

    def owing_ids(self) -> list[str]:
        """The ids of all tickets that owe a step, oldest first."""
        return self._steps.owing_ids()

    def begin(self, step: OwedStep) -> None:
        """The restaurant decides what it is about to tell; again is the same."""
        if step.ticket_status is None:
            return
        reason, detail = step.body.get("reason"), step.body.get("detail")
        self._set_status(step.ticket_id, TicketStatus(step.ticket_status), reason, detail)

    def record_attempt(self, step: OwedStep, outcome: StepOutcome | None) -> None:
        """Counts one attempt to tell a step, and how the step ended if it did."""
        self._steps.record_attempt(step, outcome)

    def drop_steps(self, ticket_id: str) -> None:
        """The ticket owes nothing any more."""
        self._steps.drop(ticket_id)

    def list_all(self) -> list[dict[str, object]]:
        """All tickets, oldest first, each with its counts of calls and its callbacks."""
        rows = self._database.execute(
            "SELECT * FROM tickets JOIN calls USING (idempotency_key)"
            " WHERE operation = 'ticket' ORDER BY sequence"
        )
        told = self._steps.told()
        return [
            {
                **_ticket(row).document(),
                "calls": row["count"],
                "callbacks": told.get(row["id"], []),
            }
            for row in rows
        ]

    def _set_status(
        self, ticket_id: str, status: TicketStatus, reason: object, detail: object
    ) -> None:
        self._database.execute(
            "UPDATE tickets SET status = ?, reason = ?, detail = ? WHERE id = ?",
            (status, reason, detail, ticket_id),
        )

    def _add(self, ticket: Ticket, callback_url: str) -> None:
        self._database.execute(
            "INSERT INTO tickets (idempotency_key, id, order_id, restaurant_id, items, status,"
            " printed, reason, detail, created_at, callback_url)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                ticket.idempotency_key,
                ticket.id,
                ticket.content.order_id,
                ticket.content.restaurant_id,
                msgspec.json.encode(ticket.content.items),
                ticket.status,
                ticket.is_printed,
                ticket.reason,
                ticket.detail,
                ticket.created_at,
                callback_url,
            ),
        )


def _new_id() -> str:
    return f"ticket_{uuid4().hex}"


def _ticket(row: Row) -> Ticket:
    items = msgspec.json.decode(row["items"], type=tuple[TicketItem, ...])
    return Ticket(
        row["idempotency_key"],
        row["id"],
        TicketContent(row["order_id"], row["restaurant_id"], items),
        TicketStatus(row["status"]),
        bool(row["printed"]),
        row["reason"],
        row["detail"],
        row["created_at"],
    )
