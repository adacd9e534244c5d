"""Rules: one ticket per paid order, and no preparation before its time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import derived
from infra.verify.verdict import Findings, Verdict, of_order

Ticket = Mapping[str, Any]

# The broker cuts its instants to whole milliseconds.
CUT_OFF = timedelta(milliseconds=1)
# How far the point of sale's clock may be behind the broker's.
CLOCKS_APART_MAX = timedelta(seconds=1)


def check_tickets(evidence: Evidence) -> Verdict:
    """At most one printed ticket of an order, and none of an order that was never paid."""
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
        shown = history[-1] if history else None
        found.violations += [of_order(order_id, text, shown) for text in texts]
    for entry in evidence.events("order", "PreparationStarted"):
        order_id = entry["order_id"]
        accepted = [
            ticket["id"] for ticket in by_order.get(order_id, ()) if ticket["status"] == "accepted"
        ]
        if evidence.is_told(entry) and entry["ticket_id"] not in accepted:
            text = f"it names ticket {entry['ticket_id']}, which the point of sale has not"
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


def check_schedule(evidence: Evidence) -> Verdict:
    """Neither PreparationDue nor a ticket before prepare_at, nor prepare_at before the delay."""
    found = Findings()
    printed_at: dict[str, datetime] = {}
    for ticket in evidence.ledgers.tickets:
        printed_at.setdefault(ticket["order_id"], datetime.fromisoformat(ticket["created_at"]))
    for order_id, history in evidence.histories("order").items():
        first = {entry.type: entry for entry in reversed(history)}
        scheduled, due = first.get("OrderScheduled"), first.get("PreparationDue")
        if scheduled is None:
            continue
        found.checked += 1
        prepare_at = scheduled.instant("prepare_at")
        created = first.get("OrderCreated")
        if created is not None and created.get("ready_at") is None:
            delay = timedelta(seconds=created["delay_seconds"])
            if prepare_at < scheduled.instant("occurred_at") + delay:
                text = f"it is due at {prepare_at}, sooner than its delay of {delay}"
                found.violations.append(of_order(order_id, text, scheduled))
        if due is not None and prepare_at - due.instant("occurred_at") > CUT_OFF:
            text = f"its preparation starts at {due['occurred_at']}, before {prepare_at}"
            found.violations.append(of_order(order_id, text, due))
        if order_id in printed_at and prepare_at - printed_at[order_id] > CLOCKS_APART_MAX:
            text = f"its ticket is of {printed_at[order_id]}, before {prepare_at}"
            found.violations.append(of_order(order_id, text, scheduled))
    return found.verdict("schedule", "no preparation starts before its time")
