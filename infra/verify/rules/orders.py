"""Rule: every acknowledged order is taken, and ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import order_id_of
from infra.verify.rules.refunds import OPEN, REFUSED, promises_of
from infra.verify.rules.statuses import FINAL, status_of
from infra.verify.verdict import Finding, Findings, Verdict, of_order

REFUSED_REFUND = "refund refused"


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that has not ended, or whose money or ticket has not.

    status: with what is open still, and what the order was last flagged for.
    is_with_people: only a refused refund is open, which operators are to see to.
    """

    order_id: str
    status: str
    age_seconds: float
    place: str
    is_with_people: bool = False


def open_orders(evidence: Evidence) -> list[OpenOrder]:
    """The oldest first; the age of an order for later counts from its scheduled time."""
    found = []
    for order_id, history in evidence.histories("order").items():
        status = status_of(history)
        rest = list(_rest(order_id, history))
        if status in FINAL and not rest:
            continue
        age = (evidence.read_at - _begun_at(history)).total_seconds()
        flagged = [entry["flag"] for entry in history if entry.type == "OrderFlagged"]
        shown = ", ".join([status, *rest, *(f"flagged {flag}" for flag in flagged[-1:])])
        is_with_people = status in FINAL and rest == [REFUSED_REFUND]
        place = history[-1].place
        found.append(OpenOrder(order_id, shown, max(0.0, age), place, is_with_people))
    return sorted(found, key=lambda each: -each.age_seconds)


def _rest(order_id: str, history: Sequence[Entry]) -> Iterator[str]:
    """What is open of an order besides its status."""
    types = {entry.type for entry in history}
    promises = promises_of(order_id, history)
    if promises.cents(OPEN):
        yield "refund open"
    if promises.cents(REFUSED):
        yield REFUSED_REFUND
    if "OrderCancelled" not in types:
        return
    is_charged_perhaps = "OrderAdmitted" in types and not promises.is_paid
    if is_charged_perhaps and "PaymentVoided" not in types:
        yield "void open"
    if "PreparationDue" in types and "TicketCancelled" not in types:
        yield "ticket open"


def check_orders(evidence: Evidence) -> Verdict:
    """Every settled SubmitOrder has its OrderCreated, or was refused or put aside.

    An order that somebody else knows to be acknowledged is in the log at all.
    """
    found = Findings()
    submitted: set[str] = set()
    for entry in evidence.of("order.commands"):
        if entry.type != "SubmitOrder" or entry.problem is not None:
            continue
        found.checked += 1
        order_id = order_id_of(entry["partner"], entry["reference"])
        submitted.add(order_id)
        is_answered = (
            order_id in evidence.order_ids
            or entry.id in evidence.refused
            or entry.place in evidence.put_aside
        )
        if is_answered or not evidence.is_settled(entry):
            continue
        if not evidence.is_kept("order.events", entry.at):
            continue
        text = f"it was acknowledged at {entry.at} and is lost: no event, rejection or dead letter"
        found.violations.append(of_order(order_id, text, entry))
    for order_id in sorted(evidence.acknowledged):
        found.checked += 1
        is_known = order_id in submitted or order_id in evidence.order_ids
        if not is_known and not evidence.is_cut("order.events", order_id):
            text = "it was acknowledged, and the log has nothing of it"
            found.violations.append(of_order(order_id, text))
    seconds_max = evidence.patience.open_seconds_max
    for order in open_orders(evidence):
        finding = Finding(
            f"{order.status} for {order.age_seconds:.0f} s",
            f"order/{order.order_id}",
            order.order_id,
            order.place,
        )
        is_late = seconds_max is not None and order.age_seconds > seconds_max
        is_late = is_late and not order.is_with_people
        (found.violations if is_late else found.notes).append(finding)
    return found.verdict("orders", "every acknowledged order is taken, and ends")


def _begun_at(history: Sequence[Entry]) -> datetime:
    scheduled = [entry.instant("prepare_at") for entry in history if entry.type == "OrderScheduled"]
    return max([history[0].instant("occurred_at"), *scheduled])
