"""The steps that tickets owe to the order front, one after another, kept in SQLite."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from sqlite3 import Connection
from typing import Literal

import msgspec

SCHEMA = """
CREATE TABLE steps (
    sequence INTEGER PRIMARY KEY,
    ticket_id TEXT NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    ticket_status TEXT,
    due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT
);
CREATE INDEX steps_of_ticket ON steps (ticket_id, sequence);
"""


class StepName(StrEnum):
    """What a restaurant tells; the last part of the callback's address."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    UNDO_REFUSAL = "undo-refusal"
    READY_TIME = "ready-time"
    PREPARATION_FINISHED = "preparation-finished"


class StepOutcome(StrEnum):
    """How a step ended: told, refused by Tiffin, or not told any more."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be told, and from when on, in seconds from now.

    ticket_status: what the ticket is from this step on, if that changes.
    """

    name: StepName
    delay_seconds: float
    body: dict[str, object]
    ticket_status: str | None = None


@dataclass(frozen=True, slots=True)
class OwedStep:
    """A step that is still to be told; due is in seconds since the epoch."""

    sequence: int
    ticket_id: str
    name: StepName
    callback_url: str
    body: dict[str, object]
    ticket_status: str | None
    due: float

    @property
    def method(self) -> Literal["POST", "PUT"]:
        """A new ready time replaces the old one; all else is told by POST."""
        return "PUT" if self.name is StepName.READY_TIME else "POST"

    @property
    def url(self) -> str:
        """Where the step is told."""
        return f"{self.callback_url.rstrip('/')}/{self.name}"


class Steps:
    """The steps of all tickets; its calls never wait."""

    def __init__(self, database: Connection) -> None:
        self._database = database

    def add(self, ticket_id: str, steps: Sequence[Step]) -> None:
        """Owes these steps, in their order, from now on."""
        # Wall-clock time, since the due time must outlive the process.
        now = time.time()
        self._database.executemany(
            "INSERT INTO steps (ticket_id, name, body, ticket_status, due) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    ticket_id,
                    step.name.value,
                    msgspec.json.encode(step.body),
                    step.ticket_status,
                    now + step.delay_seconds,
                )
                for step in steps
            ],
        )

    def owed(self, ticket_id: str) -> OwedStep | None:
        """The next step that this ticket owes, if any."""
        row = self._database.execute(
            "SELECT steps.*, callback_url FROM steps JOIN tickets ON tickets.id = ticket_id"
            " WHERE ticket_id = ? AND outcome IS NULL ORDER BY steps.sequence LIMIT 1",
            (ticket_id,),
        ).fetchone()
        if row is None:
            return None
        return OwedStep(
            row["sequence"],
            row["ticket_id"],
            StepName(row["name"]),
            row["callback_url"],
            msgspec.json.decode(row["body"], type=dict[str, object]),
            row["ticket_status"],
            row["due"],
        )

    def owing_ids(self) -> list[str]:
        """The ids of all tickets that owe a step, oldest first."""
        rows = self._database.execute(
            "SELECT ticket_id FROM steps WHERE outcome IS NULL"
            " GROUP BY ticket_id ORDER BY MIN(sequence)"
        )
        return [row["ticket_id"] for row in rows]

    def record_attempt(self, step: OwedStep, outcome: StepOutcome | None) -> None:
        """Counts one attempt to tell a step, and how the step ended if it did."""
        self._database.execute(
            "UPDATE steps SET attempts = attempts + 1, outcome = COALESCE(outcome, ?)"
            " WHERE sequence = ?",
            (outcome, step.sequence),
        )

    def drop(self, ticket_id: str) -> None:
        """Ends all steps that the ticket still owes, untold."""
        self._database.execute(
            "UPDATE steps SET outcome = ? WHERE ticket_id = ? AND outcome IS NULL",
            (StepOutcome.DROPPED, ticket_id),
        )

    def told(self) -> dict[str, list[dict[str, object]]]:
        """The steps of all tickets in their order, each with its attempts and its outcome."""
        rows = self._database.execute(
            "SELECT ticket_id, name, attempts, outcome FROM steps ORDER BY sequence"
        )
        told: dict[str, list[dict[str, object]]] = defaultdict(list)
        for ticket_id, name, attempts, outcome in rows:
            told[ticket_id].append({"name": name, "attempts": attempts, "outcome": outcome})
        return told
