"""Rule: goods that were picked up are delivered, returned or written off, or are on their way."""

from collections.abc import Iterator, Sequence

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.rules.deliveries import delivery_of
from infra.verify.rules.statuses import status_of
from infra.verify.verdict import Findings, Verdict, of_entry

Wrong = Iterator[tuple[Entry, str]]

# What becomes of goods in the end, and the events of a driver who had them that end it.
ENDS = frozenset({"DELIVERED", "RETURNED", "WRITTEN_OFF"})
HANDED_ON = frozenset({"GoodsDroppedOff", "GoodsReturned"})
LET_GO = frozenset({"DriverUnassigned", "DeliveryWrittenOff"})


def check_returns(evidence: Evidence) -> Verdict:
    """Of each delivery that was picked up: where the goods are, as all three logs say."""
    found = Findings()
    orders = evidence.histories("order")
    for history in evidence.histories("delivery").values():
        delivery, last = delivery_of(history), history[-1]
        if not delivery.had_goods:
            continue
        found.checked += 1
        if not delivery.is_open and delivery.status not in ENDS:
            text = f"its goods were picked up, and it has ended as {delivery.status}"
            found.violations.append(of_entry(last, text))
        elif delivery.is_open:
            age = (evidence.read_at - last.at).total_seconds()
            text = f"its goods are out: {delivery.status} for {age:.0f} s"
            found.notes.append(of_entry(last, text))
        order = orders.get(last["order_id"], ())
        found.violations += [
            of_entry(entry, text) for entry, text in _wrong_for_order(evidence, history, order)
        ]
    for entry, text in _dropped(evidence):
        found.violations.append(of_entry(entry, text))
    return found.verdict("returns", "goods picked up end delivered, returned or written off")


def _wrong_for_order(evidence: Evidence, history: Sequence[Entry], order: Sequence[Entry]) -> Wrong:
    """Goods that go back while the order goes on, and an order that arrived while they did not."""
    if not order or not evidence.is_settled(history[-1]):
        return
    status = status_of(order)
    for entry in history:
        if entry.type in ("DeliveryRecalled", "DeliveryFailed") and status != "CANCELLED":
            yield entry, f"its goods go back, but its order is {status}"
    if delivery_of(history).status != "DELIVERED" and status == "DELIVERED":
        yield history[-1], "its order is delivered, but its goods are not"


def _dropped(evidence: Evidence) -> Wrong:
    """Drivers who had goods and have to do with them no more, though nobody let them go."""
    let_go = {
        (entry["delivery_id"], entry["driver_id"])
        for type_ in LET_GO
        for entry in evidence.all_events("delivery", type_)
    }
    for history in evidence.histories("driver").values():
        holding: str | None = None
        for entry in history:
            match entry.type:
                case "GoodsPickedUp":
                    holding = entry["delivery_id"]
                case "DriverSnapshotted":
                    work = entry["delivery"] or {}
                    holding = work.get("delivery_id") if work.get("picked_up") else None
                case type_ if type_ in HANDED_ON:
                    holding = None
                case "DriverReleased" | "DeliveryGivenUp" | "DeliveryAccepted" if holding:
                    is_let_go = (holding, entry["driver_id"]) in let_go
                    if not is_let_go and not evidence.is_cut("delivery.events", holding):
                        yield entry, f"{entry.type}, and the goods of {holding} are nowhere"
                    holding = None
