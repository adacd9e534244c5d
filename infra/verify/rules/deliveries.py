"""What is wrong in the log of one delivery: its driver and where its goods are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from infra.verify.entry import Entry

Wrong = Iterator[tuple[Entry, str]]

DRIVEN = frozenset({"DRIVER_ASSIGNED", "PICKED_UP", "RETURNING", "CANCELLING"})
OPEN = frozenset({"WAITING_FOR_DRIVER", *DRIVEN})
# The statuses that an event may follow, and the status that it leads to, if to another.
ALLOWED: Mapping[str, frozenset[str]] = {
    "DeliveryStarted": frozenset({"NEW"}),
    "DriverAssigned": frozenset({"WAITING_FOR_DRIVER"}),
    "DriverDismissed": frozenset({*OPEN, "DELIVERED", "RETURNED", "CANCELLED", "WRITTEN_OFF"}),
    "DriverUnassigned": frozenset({"DRIVER_ASSIGNED", "PICKED_UP"}),
    "DeliveryEtaChanged": frozenset({"DRIVER_ASSIGNED", "PICKED_UP"}),
    "DeliveryPickedUp": frozenset({"DRIVER_ASSIGNED"}),
    "DeliveryCompleted": frozenset({"PICKED_UP", "RETURNING", "WAITING_FOR_DRIVER"}),
    "DeliveryFailed": frozenset({"PICKED_UP"}),
    "DeliveryCancelling": frozenset({"DRIVER_ASSIGNED"}),
    "DeliveryRecalled": frozenset({"PICKED_UP", "CANCELLING"}),
    "DeliveryReturned": frozenset({"RETURNING"}),
    "DeliveryCancelled": frozenset({"WAITING_FOR_DRIVER", "CANCELLING"}),
    "DeliveryWrittenOff": frozenset({"RETURNING", "CANCELLING"}),
    "CodeWaived": DRIVEN,
    "DeliveryFlagged": OPEN,
}
AFTER: Mapping[str, str] = {
    "DeliveryStarted": "WAITING_FOR_DRIVER",
    "DriverAssigned": "DRIVER_ASSIGNED",
    "DriverUnassigned": "WAITING_FOR_DRIVER",
    "DeliveryPickedUp": "PICKED_UP",
    "DeliveryCompleted": "DELIVERED",
    "DeliveryFailed": "RETURNING",
    "DeliveryCancelling": "CANCELLING",
    "DeliveryRecalled": "RETURNING",
    "DeliveryReturned": "RETURNED",
    "DeliveryCancelled": "CANCELLED",
    "DeliveryWrittenOff": "WRITTEN_OFF",
}
# Events that name no driver, or one who does not drive it.
OF_NO_DRIVER = frozenset(
    {"DeliveryStarted", "DriverAssigned", "DriverDismissed", "DeliveryCancelled", "DeliveryFlagged"}
)
# The statuses that each flag may be raised in.
FLAGS: Mapping[str, frozenset[str]] = {
    "no_driver": frozenset({"WAITING_FOR_DRIVER"}),
    "pickup_late": frozenset({"DRIVER_ASSIGNED"}),
    "dropoff_late": frozenset({"PICKED_UP"}),
    "return_late": frozenset({"RETURNING"}),
    "cancellation_late": frozenset({"CANCELLING"}),
    "driver_silent": frozenset({"PICKED_UP", "RETURNING", "CANCELLING"}),
    "wrong_codes": frozenset({"PICKED_UP"}),
}


@dataclass(slots=True)
class Delivery:
    """How far a delivery is, event by event."""

    status: str = "NEW"
    driver: str | None = None
    taken_off: str | None = None
    excluded: frozenset[str] = frozenset()
    had_goods: bool = False
    is_recalled: bool = False
    flags: set[tuple[str, str]] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        """True until it has ended."""
        return self.status in OPEN

    def take(self, entry: Entry) -> None:
        """Goes on to what the delivery is after the event."""
        self.status = AFTER.get(entry.type, self.status)
        match entry.type:
            case "DriverAssigned":
                self.driver = entry["driver_id"]
            case "DriverUnassigned":
                self.driver, self.excluded = None, frozenset(entry["excluded"])
                self.taken_off = entry["driver_id"] if entry.get("has_goods") else None
                # Goods on board are where an operator has had them left.
                self.had_goods = False
            case "DeliveryPickedUp":
                self.had_goods = True
            case "DeliveryRecalled":
                self.had_goods = self.is_recalled = True
            case "DeliveryFlagged":
                self.flags.add((entry["flag"], entry["since"]))


def delivery_of(history: Sequence[Entry]) -> Delivery:
    """What a delivery is after all its events."""
    delivery = Delivery()
    for entry in history:
        delivery.take(entry)
    return delivery


def wrong_for_delivery(history: Sequence[Entry]) -> Wrong:
    """The events of a delivery that do not fit to its status or to its driver."""
    delivery = Delivery()
    for entry in history:
        yield from ((entry, text) for text in _problems(delivery, entry))
        delivery.take(entry)


def _problems(delivery: Delivery, entry: Entry) -> Iterator[str]:
    type_, status, driver = entry.type, delivery.status, delivery.driver
    if status not in ALLOWED.get(type_, frozenset()):
        yield f"{type_} while it is {status}"
    elif type_ == "DeliveryCompleted" and status == "RETURNING" and not delivery.is_recalled:
        yield "DeliveryCompleted after its driver had failed to hand the goods over"
    if type_ == "DeliveryCompleted" and status == "WAITING_FOR_DRIVER":
        driver = delivery.taken_off
    if type_ not in OF_NO_DRIVER and entry["driver_id"] != driver:
        yield f"{type_} by {entry['driver_id']}, but {driver} drives it"
    match type_:
        case "DriverAssigned":
            if driver is not None:
                yield f"{entry['driver_id']} is assigned, but {driver} drives it"
            if entry["driver_id"] in delivery.excluded:
                yield f"{entry['driver_id']} is assigned, who wants no more of it"
        case "DriverDismissed":
            if entry["driver_id"] == driver and delivery.is_open:
                yield f"{driver} is dismissed, who drives it"
        case "DriverUnassigned":
            if status == "PICKED_UP" and not entry["is_taken_off"]:
                yield f"{driver} is unassigned, who has the goods"
        case "DeliveryFlagged":
            yield from _flag_problems(delivery, entry)


def _flag_problems(delivery: Delivery, entry: Entry) -> Iterator[str]:
    flag = entry["flag"]
    if delivery.status not in FLAGS.get(flag, frozenset()):
        yield f"it is flagged {flag} while it is {delivery.status}"
    if (flag, entry["since"]) in delivery.flags:
        yield f"it is flagged {flag} of {entry['since']} twice"
    if entry.instant("since") > entry.instant("occurred_at"):
        yield f"it is flagged {flag} before its time, {entry['since']}, has begun"
