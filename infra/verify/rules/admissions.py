"""Rule: an order is taken in as its restaurant says, and a restaurant says what it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.verdict import Findings, Verdict, of_entry

Wrong = Iterator[tuple[Entry, str]]

CLOSED = frozenset({"PAUSED", "OFFLINE"})
TOLD = ("preparation_seconds", "accept_seconds_max", "zone")


@dataclass(slots=True)
class Restaurant:
    """What a restaurant has said of itself; None for until it says otherwise."""

    status: str = "OPEN"
    until: datetime | None = None
    busy_seconds: int = 0
    snoozed: dict[str, datetime | None] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Goes on to what it has said after the event."""
        match entry.type:
            case "RestaurantStatusChanged":
                self._become(entry)
            case "ItemSnoozed":
                self.snoozed[entry["item"]] = _until(entry)
            case "ItemRestored":
                self.snoozed.pop(entry["item"], None)
            case "RestaurantSnapshotted":
                self._become(entry)
                self.snoozed = {each["item"]: _until(each) for each in entry["snoozed"]}

    def _become(self, entry: Entry) -> None:
        self.status, self.until = entry["status"], _until(entry)
        self.busy_seconds = entry["busy_seconds"]


def check_admissions(evidence: Evidence) -> Verdict:
    """Each admission of an order, with what the restaurant and the order know."""
    found = Findings()
    orders = evidence.histories("order")
    for history in evidence.histories("restaurant").values():
        found.checked += 1
        restaurant = Restaurant()
        for entry in history:
            order = orders.get(entry["order_id"]) if entry.type == "AdmissionGranted" else None
            if order:
                found.violations += [
                    of_entry(entry, text) for text in _granted_wrongly(restaurant, entry, order[0])
                ]
            restaurant.take(entry)
    for entry, text in (*_not_as_said(evidence), *_said_twice(evidence)):
        found.violations.append(of_entry(entry, text))
    return found.verdict("admissions", "an order is taken in as its restaurant says")


def _granted_wrongly(restaurant: Restaurant, entry: Entry, created: Entry) -> Iterator[str]:
    """An order that is admitted though the restaurant takes none when it is to be cooked."""
    if created.type != "OrderCreated":
        return
    start = entry.instant("occurred_at")
    if created.get("ready_at") is None:
        start += timedelta(seconds=created["delay_seconds"])
    else:
        # Being busy makes it cook longer, and is not counted for the time that it begins.
        seconds = entry["preparation_seconds"] - restaurant.busy_seconds
        cooking = timedelta(seconds=max(0, seconds))
        start = max(start, created.instant("ready_at") - cooking)
    if restaurant.status in CLOSED and _lasts(restaurant.until, start):
        yield f"an order for {start} is admitted while it is {restaurant.status}"
    for item in created["items"]:
        if item["name"] in restaurant.snoozed and _lasts(restaurant.snoozed[item["name"]], start):
            yield f"an order of {item['name']} is admitted, which it is out of"
    if created["restaurant"]["restaurant_id"] != entry["restaurant_id"]:
        yield f"it admits an order of {created['restaurant']['restaurant_id']}"


def _not_as_said(evidence: Evidence) -> Wrong:
    """Orders that were admitted, or not, otherwise than their restaurant has said."""
    granted = {
        entry["order_id"]: entry for entry in evidence.all_events("restaurant", "AdmissionGranted")
    }
    if evidence.is_cut("restaurant.events"):
        return
    for entry in evidence.events("order", "OrderAdmitted"):
        grant = granted.get(entry["order_id"])
        if grant is None:
            if evidence.is_settled(entry):
                yield entry, "it is admitted, but its restaurant has not admitted it"
        elif any(entry[name] != grant[name] for name in TOLD):
            yield entry, f"it is admitted otherwise than its restaurant has said at {grant.place}"


def _said_twice(evidence: Evidence) -> Wrong:
    """Orders that a restaurant has answered twice."""
    for history in evidence.histories("restaurant").values():
        first: dict[str, Entry] = {}
        for entry in _answers(history):
            other = first.setdefault(entry["order_id"], entry)
            if other is not entry:
                yield entry, f"{entry.type} after {other.type} at {other.place}"


def _answers(history: Sequence[Entry]) -> Iterator[Entry]:
    return (each for each in history if each.type in ("AdmissionGranted", "AdmissionRefused"))


def _until(fields: Entry | Mapping[str, str | None]) -> datetime | None:
    until = fields["until"]
    return None if until is None else datetime.fromisoformat(until)


def _lasts(until: datetime | None, start: datetime) -> bool:
    return until is None or until > start
