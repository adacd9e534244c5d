"""Rule: what the outside world, or the clock, has done for an order is told in the log."""

from collections.abc import Iterator
from datetime import datetime

from infra.verify.evidence import Evidence
from infra.verify.verdict import Findings, Verdict, of_order

FINISHED = ("PreparationFinished",)  # the restaurant's report may come before the ticket's answer

Outcome = tuple[str, str, str, tuple[str, ...]]


def check_outcomes(evidence: Evidence) -> Verdict:
    """Every charge, refund, ticket and due time older than `outcome_seconds` has its event.

    An order that says that it waits for an answer is only noted: its provider may be down.
    """
    found = Findings()
    histories = evidence.histories("order")
    for order_id, what, done_at, wanted in (*_outcomes(evidence), *_due_times(evidence)):
        history = histories.get(order_id)
        instant = datetime.fromisoformat(done_at)
        if history is None or not evidence.is_older(instant, evidence.patience.outcome_seconds):
            continue
        found.checked += 1
        types = {entry.type for entry in history}
        if types & set(wanted):
            continue
        text = f"{what} of {done_at} has no {' or '.join(wanted)}"
        finding = of_order(order_id, text, history[-1])
        is_waiting = history[-1].type in ("PaymentDelayed", "PreparationDelayed")
        (found.notes if is_waiting else found.violations).append(finding)
    return found.verdict("outcomes", "what the outside world and the clock did is told")


def _outcomes(evidence: Evidence) -> Iterator[Outcome]:
    """Order id, what was done, when, and the events of which one tells it."""
    orders = evidence.order_of_charge
    for charge in evidence.ledgers.charges:
        is_paid = charge["status"] == "succeeded"
        wanted = "OrderScheduled" if is_paid else "OrderRejected"
        order_id = orders.get(charge["idempotency_key"], "")
        yield order_id, f"a {charge['status']} charge", charge["created_at"], (wanted,)
    for refund in evidence.ledgers.refunds:
        order_id = orders.get(refund["charge_idempotency_key"], "")
        yield order_id, "a refund", refund["created_at"], ("PaymentRefunded",)
    for ticket in evidence.ledgers.tickets:
        is_refused = ticket["status"] == "refused"
        told_by = ("OrderCancelled",) if is_refused else ("PreparationStarted", *FINISHED)
        what = f"a ticket, {ticket['status']},"
        yield ticket["order_id"], what, ticket["created_at"], told_by


def _due_times(evidence: Evidence) -> Iterator[Outcome]:
    for entry in evidence.events("order", "OrderScheduled"):
        yield entry["order_id"], "the due time", entry["prepare_at"], ("PreparationDue",)
