"""Rule: one live driver per delivery and one live delivery per driver, in every log."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import derived
from infra.verify.verdict import Findings, Verdict, of_entry

Wrong = Iterator[tuple[Entry, str]]


def check_drivers(evidence: Evidence) -> Verdict:
    """The logs of drivers, deliveries and regions, each by itself and with each other."""
    found = Findings()
    for owner, wrong_steps in {
        "driver": _wrong_for_driver,
        "delivery": _wrong_for_delivery,
        "matcher": _wrong_for_region,
    }.items():
        for history in evidence.histories(owner).values():
            found.checked += 1
            found.violations += [of_entry(entry, text) for entry, text in wrong_steps(history)]
    for wrong in (
        _taken_twice(evidence),
        _not_as_taken(evidence, "delivery", "DriverAssigned"),
        _not_as_taken(evidence, "matcher", "OfferConfirmed"),
        _not_as_taken(evidence, "order", "DriverFound"),
        _not_of_its_order(evidence),
    ):
        found.violations += [of_entry(entry, text) for entry, text in wrong]
    return found.verdict("drivers", "one live driver per delivery, one live delivery per driver")


def _wrong_for_driver(history: Sequence[Entry]) -> Wrong:
    live: str | None = None
    picked_up = False
    for entry in history:
        delivery = entry.get("delivery_id")
        match entry.type:
            case "DeliveryAccepted":
                if live is not None:
                    yield entry, f"takes {delivery} while on {live}"
                live, picked_up = delivery, False
            case "GoodsPickedUp":
                if delivery != live or picked_up:
                    yield entry, f"picks up {delivery} while on {_shown(live, picked_up)}"
                picked_up = True
            case "GoodsDroppedOff":
                if delivery != live or not picked_up:
                    yield entry, f"drops off {delivery} while on {_shown(live, picked_up)}"
                live = None
            case "DriverBecameAvailable" | "DriverBecameUnavailable":
                if live is not None:
                    yield entry, f"{entry.type} while on {live}"
            case "DriverLocated":
                if delivery != live:
                    yield entry, f"is located on {delivery} while on {live}"
            case "DriverSnapshotted":
                work = entry["delivery"] or {}
                known = (work.get("delivery_id"), bool(work.get("picked_up")))
                if entry is not history[0] and known != (live, live is not None and picked_up):
                    yield entry, f"its snapshot has {_shown(*known)}, not {_shown(live, picked_up)}"
                live, picked_up = known


def _shown(delivery: str | None, picked_up: bool) -> str:
    return f"{delivery}{' (picked up)' if delivery and picked_up else ''}"


def _wrong_for_delivery(history: Sequence[Entry]) -> Wrong:
    status, driver = "NEW", None
    allowed = {
        "DeliveryStarted": ("NEW",),
        "DriverAssigned": ("WAITING_FOR_DRIVER",),
        "DeliveryEtaChanged": ("DRIVER_ASSIGNED", "PICKED_UP"),
        "DeliveryPickedUp": ("DRIVER_ASSIGNED",),
        "DeliveryCompleted": ("PICKED_UP",),
    }
    after = {
        "DeliveryStarted": "WAITING_FOR_DRIVER",
        "DriverAssigned": "DRIVER_ASSIGNED",
        "DeliveryPickedUp": "PICKED_UP",
        "DeliveryCompleted": "DELIVERED",
    }
    for entry in history:
        if status not in allowed.get(entry.type, ()):
            yield entry, f"{entry.type} while it is {status}"
        if entry.type == "DriverAssigned":
            if driver is not None:
                yield entry, f"{entry['driver_id']} is assigned, but {driver} drives it"
            driver = entry["driver_id"]
        elif entry.type != "DeliveryStarted" and entry["driver_id"] != driver:
            yield entry, f"{entry.type} by {entry['driver_id']}, but {driver} drives it"
        status = after.get(entry.type, status)


def _wrong_for_region(history: Sequence[Entry]) -> Wrong:
    """Of each delivery and each driver at most one offer is open, and none of a matched one."""
    opened: dict[str, str] = {}
    matched: set[str] = set()
    for entry in history:
        if entry.type == "RegionSnapshotted":
            known = dict(map(_pair, entry["offers"]))
            if entry is not history[0] and known != opened:
                yield entry, f"its snapshot has the offers {known}, not {opened}"
            opened = known
            continue
        if entry.type in ("OfferConfirmed", "OfferDeclined"):
            delivery, driver = entry["delivery_id"], entry["driver_id"]
            if opened.pop(delivery, None) != driver:
                yield entry, f"{entry.type} of {delivery} by {driver}, to whom it is not offered"
            if entry.type == "OfferConfirmed":
                matched.add(delivery)
        for delivery, driver in map(_pair, entry.get("offers", ())):
            if delivery in opened:
                yield entry, f"{delivery} is offered to {driver} and to {opened[delivery]}"
            elif delivery in matched:
                yield entry, f"{delivery} is offered to {driver} after it was matched"
            if driver in opened.values():
                yield entry, f"{driver} is offered {delivery} while another offer is open"
            opened[delivery] = driver


def _pair(offer: Mapping[str, Any]) -> tuple[str, str]:
    return offer["delivery"]["delivery_id"], offer["driver"]["driver_id"]


def _taken_twice(evidence: Evidence) -> Wrong:
    taken: dict[str, Entry] = {}
    accepted = sorted(evidence.all_events("driver", "DeliveryAccepted"), key=lambda entry: entry.at)
    for entry in accepted:
        first = taken.setdefault(entry["delivery_id"], entry)
        if first is not entry:
            text = f"takes {entry['delivery_id']}, which {first['driver_id']} took at {first.place}"
            yield entry, text


def _not_as_taken(evidence: Evidence, owner: str, type_: str) -> Wrong:
    """Events that name a driver who has not taken the delivery."""
    takers: dict[str, set[str]] = {}
    for entry in evidence.all_events("driver", "DeliveryAccepted"):
        takers.setdefault(entry["delivery_id"], set()).add(entry["driver_id"])
    for entry in evidence.events(owner, type_):
        drivers = takers.get(entry["delivery_id"], set())
        if entry["driver_id"] in drivers or not evidence.is_settled(entry):
            continue
        if drivers or not evidence.is_cut("driver.events"):
            taker = " and ".join(sorted(drivers)) or "nobody"
            yield entry, f"{type_} names {entry['driver_id']}, but {taker} took the delivery"


def _not_of_its_order(evidence: Evidence) -> Wrong:
    for entry in evidence.events("delivery", "DeliveryStarted"):
        if entry["delivery_id"] != derived(entry["order_id"], "delivery"):
            yield entry, f"it is not the delivery of its order {entry['order_id']}"
