"""Rule: one live driver per delivery and one live delivery per driver, in every log."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import derived
from infra.verify.rules.deliveries import DRIVEN, delivery_of, wrong_for_delivery
from infra.verify.rules.regions import pair_of, wrong_for_region
from infra.verify.rules.twins import Twin, wrong_for_driver
from infra.verify.verdict import Findings, Verdict, of_entry

Wrong = Iterator[tuple[Entry, str]]


def check_drivers(evidence: Evidence) -> Verdict:
    """The logs of drivers, deliveries and regions, each by itself and with each other."""
    found = Findings()
    for owner, wrong_steps in {
        "driver": wrong_for_driver,
        "delivery": wrong_for_delivery,
        "matcher": wrong_for_region,
    }.items():
        for history in evidence.histories(owner).values():
            found.checked += 1
            found.violations += [of_entry(entry, text) for entry, text in wrong_steps(history)]
    for wrong in (
        _taken_twice(evidence),
        _never_offered(evidence),
        _not_as_taken(evidence, "delivery", "DriverAssigned"),
        _not_as_taken(evidence, "delivery", "DriverDismissed"),
        _not_as_taken(evidence, "matcher", "OfferConfirmed"),
        _not_as_taken(evidence, "order", "DriverFound"),
        _not_of_its_order(evidence),
        _apart(evidence),
    ):
        found.violations += [of_entry(entry, text) for entry, text in wrong]
    return found.verdict("drivers", "one live driver per delivery, one live delivery per driver")


def twin_of(history: Sequence[Entry]) -> Twin:
    """What a driver is on after all its events."""
    twin = Twin()
    for entry in history:
        twin.take(entry)
    return twin


def _taken_twice(evidence: Evidence) -> Wrong:
    """A delivery that a driver takes, though none before has lost it."""
    lost = Counter(
        entry["delivery_id"] for entry in evidence.all_events("delivery", "DriverUnassigned")
    )
    taken: dict[str, list[Entry]] = {}
    accepted = sorted(evidence.all_events("driver", "DeliveryAccepted"), key=lambda entry: entry.at)
    for entry in accepted:
        delivery = entry["delivery_id"]
        before = taken.setdefault(delivery, [])
        is_known = evidence.is_settled(entry) and not evidence.is_cut("delivery.events", delivery)
        if len(before) > lost[delivery] and is_known:
            last = before[-1]
            yield entry, f"takes {delivery}, which {last['driver_id']} took at {last.place}"
        before.append(entry)


def _never_offered(evidence: Evidence) -> Wrong:
    """A twin that tells of an offer which its region has not made."""
    offered = {
        pair_of(offer)
        for type_ in ("DriverRequested", "DriverRegistered", "OfferDeclined", "RegionSnapshotted")
        for entry in evidence.all_events("matcher", type_)
        for offer in entry["offers"]
    }
    for entry in evidence.events("driver", "DeliveryOffered"):
        pair = (entry["delivery_id"], entry["driver_id"])
        if pair in offered or not evidence.is_settled(entry) or evidence.is_cut("matcher.events"):
            continue
        yield entry, f"is offered {entry['delivery_id']}, which no region has offered it"


def _not_as_taken(evidence: Evidence, owner: str, type_: str) -> Wrong:
    """Events that name a driver who has not taken the delivery."""
    takers: dict[str, set[str]] = {}
    for entry in evidence.all_events("driver", "DeliveryAccepted"):
        takers.setdefault(entry["delivery_id"], set()).add(entry["driver_id"])
    for entry in evidence.events(owner, type_):
        drivers = takers.get(entry["delivery_id"], set())
        if entry["driver_id"] in drivers or not evidence.is_settled(entry):
            continue
        if not evidence.is_cut("driver.events"):
            taker = " and ".join(sorted(drivers)) or "nobody"
            yield entry, f"{type_} names {entry['driver_id']}, but {taker} took the delivery"


def _not_of_its_order(evidence: Evidence) -> Wrong:
    for entry in evidence.events("delivery", "DeliveryStarted"):
        if entry["delivery_id"] != derived(entry["order_id"], "delivery"):
            yield entry, f"it is not the delivery of its order {entry['order_id']}"


def _apart(evidence: Evidence) -> Wrong:
    """Drivers and deliveries that do not agree, long after the last event of both."""
    deliveries, drivers = evidence.histories("delivery"), evidence.histories("driver")
    for history in drivers.values():
        live, last = twin_of(history).live, history[-1]
        known = deliveries.get(live or "")
        if live is None or known is None or not _are_settled(evidence, last, known[-1]):
            continue
        delivery = delivery_of(known)
        if delivery.status not in DRIVEN or delivery.driver != last["driver_id"]:
            held_by = f"{delivery.driver or 'nobody'} drives it"
            yield last, f"is still on {live}, which is {delivery.status}, and {held_by}"
    for history in deliveries.values():
        yield from _without_driver(evidence, history, drivers)


def _without_driver(
    evidence: Evidence, history: Sequence[Entry], drivers: Mapping[str, Sequence[Entry]]
) -> Wrong:
    delivery, last = delivery_of(history), history[-1]
    known = drivers.get(delivery.driver or "")
    if delivery.status not in DRIVEN or known is None or evidence.is_cut("driver.events"):
        return
    live = twin_of(known).live
    if live != last["delivery_id"] and _are_settled(evidence, last, known[-1]):
        yield last, f"{delivery.driver} is to drive it, and is on {live}"


def _are_settled(evidence: Evidence, *entries: Entry) -> bool:
    return all(evidence.is_settled(entry) for entry in entries)
