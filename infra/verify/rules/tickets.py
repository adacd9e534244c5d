"""Rule: one ticket per paid order, and none that is cooked once the order is cancelled."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import derived
from infra.verify.rules.statuses import status_of
from infra.verify.verdict import Findings, Verdict, of_order

Ticket = Mapping[str, Any]

# What a kitchen cooks, or may still.
COOKED = frozenset({"accepted", "received"})
CANCELLED = "cancelled"
LATE = "ticket_cancellation_late"


def check_tickets(evidence: Evidence) -> Verdict:
    """At most one printed ticket of an order, and none of an order that was never paid.

    A ticket is cancelled with its order and never without it.
    """
    found = Findings()
    by_order: dict[str, list[Ticket]] = defaultdict(list)
    for ticket in evidence.ledgers.tickets:
        by_order[ticket["order_id"]].append(ticket)
    orders = evidence.histories("order")
    for order_id, tickets in by_order.items():
        found.checked += len(tickets)
        history = orders.get(order_id, ())
        texts = _ticket_problems(order_id, tickets)
        if history or not evidence.is_cut("order.events", order_id):
            texts += _reason_problems(history, tickets)
        texts += _cancellation_problems(evidence, history, tickets)
        shown = history[-1] if history else None
        found.violations += [of_order(order_id, text, shown) for text in texts]
    for order_id, history in orders.items():
        for entry, text in _unknown_tickets(evidence, history, by_order.get(order_id, ())):
            found.violations.append(of_order(order_id, text, entry))
    return found.verdict("tickets", "an order has at most one printed ticket, once it is paid")


def _ticket_problems(order_id: str, tickets: Sequence[Ticket]) -> list[str]:
    key = derived(order_id, "ticket")
    problems = [
        f"a ticket has the key {ticket['idempotency_key']}, not the order's own"
        for ticket in tickets
        if ticket["idempotency_key"] != key
    ]
    printed = sum(ticket["printed"] for ticket in tickets)
    if printed > 1:
        problems.append(f"{printed} tickets are printed")
    return problems


def _reason_problems(history: Sequence[Entry], tickets: Sequence[Ticket]) -> list[str]:
    problems = []
    if not {"OrderScheduled", "PreparationDue"} <= {entry.type for entry in history}:
        problems.append("it has a ticket, but was never paid and due")
    for entry in history:
        if entry.type == "OrderCreated":
            wanted = entry["restaurant"]["restaurant_id"]
            if any(ticket["restaurant_id"] != wanted for ticket in tickets):
                problems.append(f"a ticket is of another restaurant than {wanted}")
    return problems


def _cancellation_problems(
    evidence: Evidence, history: Sequence[Entry], tickets: Sequence[Ticket]
) -> list[str]:
    """A cancelled order whose ticket is cooked, and a cancelled ticket whose order goes on."""
    if not history:
        return []
    if status_of(history) != "CANCELLED":
        is_cancelled = any(ticket["status"] == CANCELLED for ticket in tickets)
        return ["its ticket is cancelled, but the order is not"] if is_cancelled else []
    if not any(ticket["status"] in COOKED for ticket in tickets):
        return []
    told = [entry for entry in history if entry.type == "TicketCancelled"]
    if told:
        is_told = evidence.is_told(told[0])
        return ["its ticket is cooked, though its cancellation is told"] if is_told else []
    [end] = [entry for entry in history if entry.type == "OrderCancelled"][:1]
    is_flagged = any(entry.get("flag") == LATE for entry in history)
    is_young = not evidence.is_older(end.at, evidence.patience.outcome_seconds)
    if is_flagged or is_young:
        return []
    return [f"it was cancelled at {end['occurred_at']}, and its ticket is cooked still"]


def _unknown_tickets(
    evidence: Evidence, history: Sequence[Entry], tickets: Sequence[Ticket]
) -> Iterator[tuple[Entry, str]]:
    """Events that name a ticket which was never printed."""
    known = {ticket["id"] for ticket in tickets if ticket["printed"]}
    for entry in history:
        if entry.type not in ("TicketReceived", "PreparationStarted"):
            continue
        ticket_id = entry["ticket_id"]
        if ticket_id is not None and ticket_id not in known and evidence.is_told(entry):
            yield entry, f"it names ticket {ticket_id}, which the point of sale has not"
