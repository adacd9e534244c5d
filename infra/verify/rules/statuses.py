"""Rule: an order only moves forward, and final is final."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.verdict import Findings, Verdict, of_order

COOKING = frozenset({"SCHEDULED", "IN_PREPARATION"})
ON_THE_WAY = frozenset({"WAITING_FOR_DRIVER", "IN_DELIVERY"})
PAID = frozenset({*COOKING, *ON_THE_WAY, "SCHEDULING_DELIVERY"})
FINAL = frozenset({"DELIVERED", "REJECTED", "CANCELLED"})
# The status that an event leads to, and the statuses that it may follow.
STEPS: Mapping[str, tuple[str, frozenset[str]]] = {
    "OrderCreated": ("CREATED", frozenset({"NEW"})),
    "OrderScheduled": ("SCHEDULED", frozenset({"CREATED"})),
    "OrderRejected": ("REJECTED", frozenset({"CREATED"})),
    "PreparationStarted": ("IN_PREPARATION", frozenset({"SCHEDULED"})),
    "PreparationFinished": ("SCHEDULING_DELIVERY", COOKING),
    "OrderPickedUp": ("IN_DELIVERY", frozenset({"WAITING_FOR_DRIVER"})),
    "OrderDelivered": ("DELIVERED", frozenset({"IN_DELIVERY"})),
    "OrderCancelled": ("CANCELLED", frozenset({"CREATED", *PAID})),
}
DRIVER_FOUND = frozenset({"SCHEDULING_DELIVERY", *ON_THE_WAY})
# Events that leave the status as it is, and the statuses that they may happen in.
WITHIN: Mapping[str, frozenset[str]] = {
    "OrderAdmitted": frozenset({"CREATED"}),
    "PaymentDelayed": frozenset({"CREATED"}),
    "PaymentVoided": frozenset({"CANCELLED"}),
    "PreparationDue": frozenset({"SCHEDULED"}),
    "TicketReceived": COOKING,
    "PreparationDelayed": frozenset({"SCHEDULED"}),
    "OrderRefused": COOKING,
    "RefusalUndone": COOKING,
    "PreparationUpdated": frozenset({"IN_PREPARATION"}),
    "DriverFound": DRIVER_FOUND,
    "DriverLost": ON_THE_WAY,
    "OrderEtaChanged": ON_THE_WAY,
    "TicketCancelled": frozenset({"CANCELLED"}),
    "RefundRequested": frozenset({*PAID, "DELIVERED"}),
    "PaymentRefunded": frozenset({*PAID, "DELIVERED", "CANCELLED"}),
    "RefundRefused": frozenset({*PAID, "DELIVERED", "CANCELLED"}),
    "RefundDelayed": frozenset({*PAID, "DELIVERED", "CANCELLED"}),
    "RefundRetried": frozenset({*PAID, "DELIVERED", "CANCELLED"}),
    "OrderFlagged": frozenset({"CREATED", *PAID, "DELIVERED", "CANCELLED"}),
}
ONCE = frozenset(
    {
        "OrderAdmitted",
        "PaymentDelayed",
        "PaymentVoided",
        "PreparationDue",
        "TicketReceived",
        "PreparationDelayed",
        "TicketCancelled",
    }
)
# Events that need another one before them.
NEEDS: Mapping[str, str] = {
    "PaymentDelayed": "OrderAdmitted",
    "OrderScheduled": "OrderAdmitted",
    "PaymentVoided": "OrderAdmitted",
    "TicketReceived": "PreparationDue",
    "PreparationDelayed": "PreparationDue",
    "OrderRefused": "PreparationDue",
    "PreparationStarted": "PreparationDue",
    "PreparationFinished": "PreparationDue",
    "TicketCancelled": "PreparationDue",
}
# What a restaurant can't do while it refuses.
NOT_WHILE_REFUSED = frozenset(
    {
        "OrderRefused",
        "TicketReceived",
        "PreparationStarted",
        "PreparationUpdated",
        "PreparationFinished",
    }
)
UNDONE_MAX = 3
# Who may end an order on the road.
ON_THE_ROAD = frozenset({"operator", "tiffin"})
# The statuses that each flag may be raised in.
FLAGS: Mapping[str, frozenset[str]] = {
    "payment_late": frozenset({"CREATED"}),
    "start_late": frozenset({"SCHEDULED"}),
    "preparation_overdue": frozenset({"IN_PREPARATION"}),
    "no_driver": frozenset({"SCHEDULING_DELIVERY"}),
    "pickup_late": frozenset({"WAITING_FOR_DRIVER"}),
    "dropoff_late": frozenset({"IN_DELIVERY"}),
    "refund_late": frozenset({*PAID, "DELIVERED", "CANCELLED"}),
    "ticket_cancellation_late": frozenset({"CANCELLED"}),
}


@dataclass(slots=True)
class Progress:
    """How far an order is, event by event."""

    status: str = "NEW"
    seen: set[str] = field(default_factory=set)
    driver: str | None = None
    is_refused: bool = False
    undone: int = 0
    flags: set[tuple[str, str]] = field(default_factory=set)

    def take(self, entry: Entry) -> None:
        """Goes on to what the order is after the event."""
        self.seen.add(entry.type)
        self.status = status_after(self.status, entry)
        match entry.type:
            case "DriverFound":
                self.driver = entry["driver_id"]
            case "DriverLost":
                self.driver = None
            case "OrderRefused":
                self.is_refused = True
            case "RefusalUndone":
                self.is_refused = False
                self.undone += 1
            case "OrderCancelled":
                self.is_refused = False
            case "OrderFlagged":
                self.flags.add((entry["flag"], entry["since"]))


def status_after(status: str, entry: Entry) -> str:
    """The status of an order after an event."""
    if entry.type == "DriverFound":
        return status if status == "IN_DELIVERY" else "WAITING_FOR_DRIVER"
    return STEPS[entry.type][0] if entry.type in STEPS else status


def status_of(history: Sequence[Entry]) -> str:
    """The status that the events of an order have led to."""
    status = "NEW"
    for entry in history:
        status = status_after(status, entry)
    return status


def check_statuses(evidence: Evidence) -> Verdict:
    """Each event of an order is one that its status allows; final is final."""
    found = Findings()
    for order_id, history in evidence.histories("order").items():
        found.checked += 1
        progress = Progress()
        for entry in history:
            found.violations += [
                of_order(order_id, text, entry) for text in _problems(progress, entry)
            ]
            progress.take(entry)
    return found.verdict("statuses", "an order's status never moves back, and final is final")


def _problems(progress: Progress, entry: Entry) -> Iterator[str]:
    type_, status = entry.type, progress.status
    allowed = STEPS[type_][1] if type_ in STEPS else WITHIN.get(type_, frozenset())
    if status not in allowed:
        yield f"{type_} while it is {status}"
    elif type_ in ONCE and type_ in progress.seen:
        yield f"a second {type_}"
    elif NEEDS.get(type_, type_) not in {*progress.seen, type_}:
        yield f"{type_} without {NEEDS[type_]}"
    if progress.is_refused and type_ in NOT_WHILE_REFUSED:
        yield f"{type_} while it is refused"
    match type_:
        case "RefusalUndone":
            if not progress.is_refused:
                yield "a refusal is undone that there is not"
            if progress.undone >= UNDONE_MAX:
                yield f"its refusal is undone for more than {UNDONE_MAX} times"
        case "DriverFound":
            if progress.driver is not None:
                yield f"{entry['driver_id']} is found while {progress.driver} brings it"
        case "DriverLost":
            if entry["driver_id"] != progress.driver:
                yield f"{entry['driver_id']} is lost, but {progress.driver or 'nobody'} brings it"
        case "OrderCancelled":
            if status == "IN_DELIVERY" and entry["by"] not in ON_THE_ROAD:
                yield f"it is cancelled on the road by {entry['by']}"
        case "OrderFlagged":
            yield from _flag_problems(progress, entry)


def _flag_problems(progress: Progress, entry: Entry) -> Iterator[str]:
    flag, since = entry["flag"], entry.instant("since")
    if progress.status not in FLAGS.get(flag, frozenset()):
        yield f"it is flagged {flag} while it is {progress.status}"
    if (flag, entry["since"]) in progress.flags:
        yield f"it is flagged {flag} of {entry['since']} twice"
    if since > entry.instant("occurred_at"):
        yield f"it is flagged {flag} before its time, {entry['since']}, has begun"
