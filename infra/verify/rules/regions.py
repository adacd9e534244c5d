"""What is wrong in the log of one region: who waits, who is offered what to whom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.verify.entry import Entry

Wrong = Iterator[tuple[Entry, str]]

# A delivery that so many drivers do not want is offered to nobody.
EXCLUDED_MAX = 256


@dataclass(slots=True)
class Region:
    """Who waits for whom; `waiting` and `opened` with the drivers who are not to be asked."""

    waiting: dict[str, frozenset[str]] = field(default_factory=dict)
    available: set[str] = field(default_factory=set)
    opened: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)

    @property
    def offers(self) -> dict[str, str]:
        """The driver that each delivery is offered to."""
        return {delivery: driver for delivery, (driver, _) in self.opened.items()}

    def take(self, entry: Entry) -> None:
        """Goes on to who waits after the event, before its offers are made."""
        match entry.type:
            case "RegionSnapshotted":
                self._begin(entry)
            case "DriverRequested":
                delivery, excluded = _waiting(entry["delivery"])
                self.opened.pop(delivery, None)
                self.waiting[delivery] = excluded
            case "DriverRegistered":
                self.available.add(entry["driver"]["driver_id"])
            case "DriverWithdrawn":
                self.available.discard(entry["driver_id"])
            case "RequestCancelled":
                self.waiting.pop(entry["delivery_id"], None)
                self.opened.pop(entry["delivery_id"], None)
            case "OfferConfirmed":
                self.opened.pop(entry["delivery_id"], None)
            case "OfferDeclined":
                self._decline(entry)

    def offer(self, delivery: str, driver: str) -> None:
        """A waiting delivery is offered to a driver who waits no more."""
        self.available.discard(driver)
        self.opened[delivery] = (driver, self.waiting.pop(delivery, frozenset()))

    def unmatched(self) -> tuple[str, str] | None:
        """A delivery and a driver that wait for each other, if any."""
        if not self.available:
            return None
        for delivery, excluded in self.waiting.items():
            free = self.available - excluded
            if free and len(excluded) < EXCLUDED_MAX:
                return delivery, min(free)
        return None

    def _decline(self, entry: Entry) -> None:
        delivery, driver = entry["delivery_id"], entry["driver_id"]
        _, excluded = self.opened.pop(delivery, (driver, frozenset()))
        if entry["is_excluded"]:
            excluded |= {driver}
        self.waiting = {delivery: excluded, **self.waiting}
        if entry["returning"] is not None:
            self.available.add(entry["returning"]["driver_id"])

    def _begin(self, entry: Entry) -> None:
        self.waiting = dict(map(_waiting, entry["waiting"]))
        self.available = {driver["driver_id"] for driver in entry["available"]}
        self.opened = {}
        for offer in entry["offers"]:
            delivery, excluded = _waiting(offer["delivery"])
            self.opened[delivery] = (offer["driver"]["driver_id"], excluded)


def wrong_for_region(history: Sequence[Entry]) -> Wrong:
    """Of each delivery and each driver at most one offer is open, and none is made in vain."""
    region = Region()
    for entry in history:
        yield from ((entry, text) for text in _problems(region, entry, entry is history[0]))
        region.take(entry)
        if entry.type == "RegionSnapshotted":
            continue
        for offer in entry.get("offers", ()):
            delivery, driver = pair_of(offer)
            yield from ((entry, text) for text in _offer_problems(region, delivery, driver))
            region.offer(delivery, driver)
        if (pair := region.unmatched()) is not None:
            yield entry, f"{pair[0]} and {pair[1]} wait for each other, and nothing is offered"


def pair_of(offer: Mapping[str, Any]) -> tuple[str, str]:
    """The delivery and the driver of an offer."""
    return offer["delivery"]["delivery_id"], offer["driver"]["driver_id"]


def _problems(region: Region, entry: Entry, is_first: bool) -> Iterator[str]:
    match entry.type:
        case "RegionSnapshotted" if not is_first:
            known = dict(map(pair_of, entry["offers"]))
            if known != region.offers:
                yield f"its snapshot has the offers {known}, not {region.offers}"
        case "OfferConfirmed" | "OfferDeclined":
            delivery, driver = entry["delivery_id"], entry["driver_id"]
            if region.offers.get(delivery) != driver:
                yield f"{entry.type} of {delivery} by {driver}, to whom it is not offered"
        case "RequestCancelled":
            delivery, driver = entry["delivery_id"], entry["driver_id"]
            if delivery not in region.waiting and delivery not in region.opened:
                yield f"the request of {delivery} is cancelled, which does not wait"
            elif region.offers.get(delivery) != driver:
                yield f"{delivery} is offered to {region.offers.get(delivery)}, not to {driver}"


def _offer_problems(region: Region, delivery: str, driver: str) -> Iterator[str]:
    offers = region.offers
    if delivery in offers:
        yield f"{delivery} is offered to {driver} and to {offers[delivery]}"
    elif delivery not in region.waiting:
        yield f"{delivery} is offered to {driver}, and does not wait"
    elif driver in region.waiting[delivery]:
        yield f"{delivery} is offered to {driver}, who does not want it"
    if driver in offers.values():
        yield f"{driver} is offered {delivery} while another offer is open"
    elif driver not in region.available:
        yield f"{driver} is offered {delivery}, and does not wait"


def _waiting(delivery: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    return delivery["delivery_id"], frozenset(delivery.get("excluded", ()))
