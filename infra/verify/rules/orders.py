"""Rules: an order only moves forward, and every acknowledged order is taken and ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import order_id_of
from infra.verify.verdict import Finding, Findings, Verdict, of_order

# The status that an event leads to, and the statuses that it may follow.
STEPS: Mapping[str, tuple[str, frozenset[str]]] = {
    "OrderCreated": ("CREATED", frozenset({"NEW"})),
    "OrderScheduled": ("SCHEDULED", frozenset({"CREATED"})),
    "OrderRejected": ("REJECTED", frozenset({"CREATED"})),
    "PreparationStarted": ("IN_PREPARATION", frozenset({"SCHEDULED"})),
    "PreparationFinished": ("SCHEDULING_DELIVERY", frozenset({"SCHEDULED", "IN_PREPARATION"})),
    "DriverFound": ("WAITING_FOR_DRIVER", frozenset({"SCHEDULING_DELIVERY"})),
    "OrderPickedUp": ("IN_DELIVERY", frozenset({"WAITING_FOR_DRIVER"})),
    "OrderDelivered": ("DELIVERED", frozenset({"IN_DELIVERY"})),
    "OrderCancelled": (
        "CANCELLED",
        frozenset(
            {
                "SCHEDULED",
                "IN_PREPARATION",
                "SCHEDULING_DELIVERY",
                "WAITING_FOR_DRIVER",
                "IN_DELIVERY",
            }
        ),
    ),
}
# Events that leave the status as it is, and the statuses that they may happen in.
WITHIN: Mapping[str, frozenset[str]] = {
    "PaymentDelayed": frozenset({"CREATED"}),
    "PreparationDue": frozenset({"SCHEDULED"}),
    "PreparationDelayed": frozenset({"SCHEDULED"}),
    "OrderEtaChanged": frozenset({"WAITING_FOR_DRIVER", "IN_DELIVERY"}),
    "PaymentRefunded": frozenset({"CANCELLED"}),
}
ONCE = frozenset({"PreparationDue", "PaymentRefunded", "PaymentDelayed", "PreparationDelayed"})
FINAL = frozenset({"DELIVERED", "REJECTED", "CANCELLED"})


def check_statuses(evidence: Evidence) -> Verdict:
    """Each event of an order is one that its status allows; final is final."""
    found = Findings()
    for order_id, history in evidence.histories("order").items():
        found.checked += 1
        found.violations += [
            of_order(order_id, text, entry) for entry, text in _wrong_steps(history)
        ]
    return found.verdict("statuses", "an order's status never moves back, and final is final")


def _wrong_steps(history: Sequence[Entry]) -> Iterator[tuple[Entry, str]]:
    status, seen = "NEW", set[str]()
    for entry in history:
        after, allowed = STEPS.get(entry.type, (status, WITHIN.get(entry.type, frozenset())))
        if status not in allowed:
            yield entry, f"{entry.type} while it is {status}"
        elif entry.type in ONCE and entry.type in seen:
            yield entry, f"a second {entry.type}"
        seen.add(entry.type)
        status = after


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that has not ended, or whose refund has not."""

    order_id: str
    status: str
    age_seconds: float
    place: str


def open_orders(evidence: Evidence) -> list[OpenOrder]:
    """The oldest first; the age of an order for later counts from its scheduled time."""
    found = []
    for order_id, history in evidence.histories("order").items():
        status = status_of(history)
        types = {entry.type for entry in history}
        is_refunding = status == "CANCELLED" and "PaymentRefunded" not in types
        if status in FINAL and not is_refunding:
            continue
        age = (evidence.read_at - _begun_at(history)).total_seconds()
        shown = f"{status}, refund open" if is_refunding else status
        found.append(OpenOrder(order_id, shown, max(0.0, age), history[-1].place))
    return sorted(found, key=lambda each: -each.age_seconds)


def status_of(history: Sequence[Entry]) -> str:
    """The status that the last step of an order has led to."""
    statuses = [STEPS[entry.type][0] for entry in history if entry.type in STEPS]
    return statuses[-1] if statuses else "NEW"


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
        (found.violations if is_late else found.notes).append(finding)
    return found.verdict("orders", "every acknowledged order is taken, and ends")


def _begun_at(history: Sequence[Entry]) -> datetime:
    scheduled = [entry.instant("prepare_at") for entry in history if entry.type == "OrderScheduled"]
    return max([history[0].instant("occurred_at"), *scheduled])
