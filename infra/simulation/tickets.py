"""The restaurants' points of sale in memory: tickets and their cancellations, by the tickets' keys.

What a restaurant answers depends on its name: it refuses, answers later, never answers, changes its
mind, moves its time, or forgets the order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.simulation.ledger import Deed, Ledger

KINDS = (
    "kitchen",
    "kitchen",
    "kitchen",
    "refuses",
    "asks",
    "asks-refuses",
    "changes-mind",
    "silent",
    "later",
    "forgets",
)
RECEIVES = ("asks", "asks-refuses", "changes-mind", "silent")


@dataclass(slots=True)
class Ticket:
    """One ticket; status is accepted, received, refused or cancelled.

    prints: how often the kitchen has printed it.
    """

    key: str
    order_id: str
    restaurant_id: str
    status: str
    prints: int = 0

    @property
    def kind(self) -> str:
        """How the restaurant behaves."""
        return self.restaurant_id.rsplit("-", 1)[0]

    @property
    def is_cooked(self) -> bool:
        """True while the restaurant means to cook it."""
        return self.status in ("accepted", "received")


class PointsOfSale:
    """All restaurants' tickets.

    Args:
        printed: told of every ticket that a kitchen prints.
    """

    def __init__(self, printed: Callable[[Ticket], None]) -> None:
        self.requests = Ledger()
        self.cancellations = Ledger()
        self.tickets: dict[str, Ticket] = {}
        self._printed = printed

    def request(self, key: str, content: dict[str, Any]) -> Deed:
        """Prints a ticket, unless the restaurant refuses or it was cancelled before it came."""
        ticket = self.tickets.get(key)
        if ticket is None:
            order_id, restaurant_id = content["order_id"], content["restaurant_id"]
            ticket = self.tickets[key] = Ticket(key, order_id, restaurant_id, "accepted")
            if ticket.kind == "refuses":
                ticket.status = "refused"
            elif ticket.kind in RECEIVES:
                ticket.status = "received"
            if ticket.is_cooked:
                ticket.prints += 1
                self._printed(ticket)
        return Deed(key, content, 201, {})

    def cancel(self, key: str, content: dict[str, Any]) -> Deed:
        """Cancels a ticket, or sees to it that it is never printed."""
        ticket = self.tickets.get(key)
        if ticket is None:
            ticket = self.tickets[key] = Ticket(key, content["order_id"], "?-0", "cancelled")
        ticket.status = "cancelled"
        return Deed(key, content, 201, {"id": f"cancellation_{key[:8]}", "status": "cancelled"})

    def answer(self, key: str) -> tuple[int, dict[str, Any]]:
        """What is said of a ticket, as it is now."""
        ticket = self.tickets[key]
        document: dict[str, Any] = {"id": f"ticket_{key[:8]}", "status": ticket.status}
        if ticket.status == "accepted":
            document["preparation_seconds"] = None
        if ticket.is_cooked:
            return 201, document
        reason = "closed" if ticket.status == "refused" else "other"
        return 409, {**document, "reason": reason, "detail": ticket.status}
