"""Rule: what the outside world, or the clock, has done is told in the log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import derived
from infra.verify.rules.refunds import promises_of
from infra.verify.verdict import Findings, Verdict, of_entry, of_order

# The restaurant's report may come before the ticket's answer.
STARTED = ("PreparationStarted", "PreparationFinished")
# An order that has ended otherwise tells no more of what the outside world did for it.
ENDED = ("OrderCancelled", "OrderRejected")
TICKET_OUTCOMES = {
    "refused": ("OrderRefused", *ENDED, *STARTED),
    "cancelled": ("TicketCancelled",),
    "received": ("TicketReceived", "OrderRefused", *STARTED, *ENDED),
    "accepted": ("OrderRefused", *STARTED, *ENDED),
}
# Events that say that the order waits for an answer, and flags.
WAITING = ("PaymentDelayed", "PreparationDelayed", "RefundDelayed", "OrderFlagged")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done for an order, when, and the events of which one tells it.

    names: what the event has in its fields besides.
    """

    order_id: str
    what: str
    done_at: str
    wanted: tuple[str, ...]
    names: tuple[tuple[str, str], ...] = ()

    def is_told_by(self, entry: Entry) -> bool:
        """True when the event tells it."""
        return entry.type in self.wanted and all(
            entry.get(name) in (None, value) for name, value in self.names
        )


def check_outcomes(evidence: Evidence) -> Verdict:
    """Every charge, refund, ticket and due time older than `outcome_seconds` has its event.

    An order that says that it waits for an answer is only noted: its provider may be down.
    """
    found = Findings()
    histories = evidence.histories("order")
    for outcome in (*_payments(evidence), *_tickets(evidence), *_due_times(evidence)):
        history = histories.get(outcome.order_id)
        instant = datetime.fromisoformat(outcome.done_at)
        if history is None or not evidence.is_older(instant, evidence.patience.outcome_seconds):
            continue
        found.checked += 1
        if any(outcome.is_told_by(entry) for entry in _lasting(history)):
            continue
        text = f"{outcome.what} of {outcome.done_at} has no {' or '.join(outcome.wanted)}"
        finding = of_order(outcome.order_id, text, history[-1])
        (found.notes if history[-1].type in WAITING else found.violations).append(finding)
    for entry, text in (*_offers_left(evidence), *_statuses_left(evidence)):
        found.violations.append(of_entry(entry, text))
    return found.verdict("outcomes", "what the outside world and the clock did is told")


def _lasting(history: Sequence[Entry]) -> list[Entry]:
    """The events of an order without refusals that were undone: those have told nothing."""
    lasting: list[Entry] = []
    for entry in history:
        if entry.type == "RefusalUndone":
            lasting = [each for each in lasting if each.type != "OrderRefused"]
        lasting.append(entry)
    return lasting


def _payments(evidence: Evidence) -> Iterator[Outcome]:
    orders = evidence.order_of_charge
    for charge in evidence.ledgers.charges:
        is_paid = charge["status"] == "succeeded"
        wanted = ("OrderScheduled" if is_paid else "OrderRejected", "PaymentVoided")
        order_id = orders.get(charge["idempotency_key"], "")
        yield Outcome(order_id, f"a {charge['status']} charge", charge["created_at"], wanted)
    histories = evidence.histories("order")
    names: dict[str, dict[str, str]] = {}
    for refund in evidence.ledgers.refunds:
        order_id = orders.get(refund["charge_idempotency_key"], "")
        if order_id not in names:
            names[order_id] = promises_of(order_id, histories.get(order_id, ())).names_by_key()
        name = names[order_id].get(refund["idempotency_key"])
        told = ("PaymentVoided",)
        if name is not None:
            is_refused = refund.get("status") == "refused"
            told = ("RefundRefused" if is_refused else "PaymentRefunded",)
        fields = () if name is None else (("refund", name),)
        yield Outcome(order_id, "a refund", refund["created_at"], told, fields)
    by_void = {derived(order_id, "void"): order_id for order_id in evidence.order_ids}
    for void in evidence.ledgers.voids:
        order_id = by_void.get(void["idempotency_key"], "")
        yield Outcome(order_id, "a void", void["created_at"], ("PaymentVoided",))


def _tickets(evidence: Evidence) -> Iterator[Outcome]:
    for ticket in evidence.ledgers.tickets:
        wanted = TICKET_OUTCOMES.get(ticket["status"], STARTED)
        what = f"a ticket, {ticket['status']},"
        yield Outcome(ticket["order_id"], what, ticket["created_at"], wanted)


def _due_times(evidence: Evidence) -> Iterator[Outcome]:
    """What the clock has done: the preparation, its acceptance and its refusal have their time."""
    for order_id, history in evidence.histories("order").items():
        due: Entry | None = None
        refusal: Entry | None = None
        for entry in history:
            match entry.type:
                case "OrderScheduled":
                    told_by = ("PreparationDue", "OrderCancelled")
                    yield Outcome(order_id, "the due time", entry["prepare_at"], told_by)
                case "PreparationDue":
                    due = entry
                case "OrderRefused":
                    refusal = entry
                case "RefusalUndone":
                    refusal = None
        if refusal is not None:
            at = refusal["final_at"]
            yield Outcome(order_id, "the end of a refusal", at, ("OrderCancelled",))
        elif due is not None:
            wanted = (*STARTED, "OrderCancelled")
            yield Outcome(order_id, "the time to accept it", due["accept_by"], wanted)


def _offers_left(evidence: Evidence) -> Iterator[tuple[Entry, str]]:
    """Offers that nobody has answered, nor the clock."""
    for history in evidence.histories("driver").values():
        offer: Entry | None = None
        for entry in history:
            if entry.type == "DeliveryOffered":
                offer = entry
            elif offer is not None and entry.get("delivery_id") == offer["delivery_id"]:
                offer = offer if entry.type == "CodeLifted" else None
            elif entry.type == "DriverSnapshotted" and entry["offer"] is None:
                offer = None
        if offer is not None and _is_over(evidence, offer["expires_at"]):
            yield offer, f"its offer of {offer['delivery_id']} ended at {offer['expires_at']}"


def _statuses_left(evidence: Evidence) -> Iterator[tuple[Entry, str]]:
    """Restaurants whose status has lasted for longer than they had said."""
    for history in evidence.histories("restaurant").values():
        said = [entry for entry in history if {"until", "status"} <= entry.content.keys()]
        if said and said[-1]["until"] is not None and _is_over(evidence, said[-1]["until"]):
            yield said[-1], f"it is {said[-1]['status']}, which ended at {said[-1]['until']}"


def _is_over(evidence: Evidence, instant: str) -> bool:
    over_since = datetime.fromisoformat(instant)
    return evidence.is_older(over_since, evidence.patience.outcome_seconds)
