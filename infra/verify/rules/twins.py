"""What is wrong in the log of one driver: offers, the delivery it works on, its goods."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from infra.verify.entry import Entry

Wrong = Iterator[tuple[Entry, str]]

# So many deliveries that a driver did not want are remembered, the latest.
REJECTED_MAX = 32
# What a delivery of a driver ends with, what needs the goods, and what its phone says meanwhile.
ENDS = frozenset({"GoodsDroppedOff", "GoodsReturned", "DeliveryGivenUp", "DriverReleased"})
WITH_GOODS = frozenset(
    {"CodeRefused", "GoodsDroppedOff", "DropoffFailed", "ReturnOrdered", "GoodsReturned"}
)
HEARD = frozenset({"DriverLocated", "DriverHeard", "GoodsPickedUp", "CodeRefused", "DropoffFailed"})


@dataclass(slots=True)
class Twin:
    """What a driver is on, event by event; `rejected` are the deliveries that it did not want."""

    live: str | None = None
    picked_up: bool = False
    returning: bool = False
    offer: str | None = None
    expires_at: datetime | None = None
    is_available: bool | None = None
    is_suspected: bool | None = None
    rejected: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The delivery that it is on, for a person."""
        if self.live is None:
            return "None"
        state = " (returning)" if self.returning else " (picked up)" if self.picked_up else ""
        return f"{self.live}{state}"

    def take(self, entry: Entry) -> None:
        """Goes on to what the driver is on after the event."""
        delivery = entry.get("delivery_id")
        if entry.type in HEARD:
            self.is_suspected = False
        match entry.type:
            case "DriverBecameAvailable" | "DriverBecameUnavailable":
                self.is_available = entry.type == "DriverBecameAvailable"
            case "DeliveryOffered":
                self.offer, self.expires_at = delivery, entry.instant("expires_at")
                self.is_available = False
            case "DeliveryAccepted":
                self.offer, self.live = None, delivery
                self.picked_up = self.returning = False
            case "DeliveryDeclined" | "OfferWithdrawn":
                self._close_offer(entry)
            case "GoodsPickedUp":
                self.picked_up = True
            case "ReturnOrdered" | "DropoffFailed":
                self.returning = True
            case "SilenceSuspected":
                self.is_suspected = True
            case "DriverFellSilent":
                self.is_suspected = False
                if not entry["has_goods"]:
                    self._rest()
            case "DriverSnapshotted":
                self._begin(entry)
            case type_ if type_ in ENDS:
                self._rest()
                if type_ == "DeliveryGivenUp":
                    self._remember(delivery)

    def _close_offer(self, entry: Entry) -> None:
        delivery = entry["delivery_id"]
        if entry.get("is_excluded"):
            self._remember(delivery)
        if self.offer == delivery:
            self.offer = None
            self.is_available = entry.get("stays_available", True)

    def _rest(self) -> None:
        self.live = None
        self.picked_up = self.returning = self.is_available = self.is_suspected = False

    def _remember(self, delivery: str) -> None:
        others = [each for each in self.rejected if each != delivery]
        self.rejected = [*others, delivery][-REJECTED_MAX:]

    def _begin(self, entry: Entry) -> None:
        work, offer = entry["delivery"] or {}, entry["offer"] or {}
        self.live = work.get("delivery_id")
        self.picked_up = bool(work.get("picked_up"))
        self.returning = bool(work.get("returning"))
        self.offer = offer.get("delivery_id")
        self.expires_at = datetime.fromisoformat(offer["expires_at"]) if offer else None
        self.is_available = entry["status"] == "AVAILABLE"
        self.is_suspected = entry["suspected_at"] is not None
        self.rejected = list(entry["rejected"])


def wrong_for_driver(history: Sequence[Entry]) -> Wrong:
    """The events of a driver that do not fit to what it was on."""
    twin = Twin()
    for entry in history:
        is_first = entry is history[0]
        yield from ((entry, text) for text in _problems(twin, entry, is_first))
        twin.take(entry)


def _problems(twin: Twin, entry: Entry, is_first: bool) -> Iterator[str]:
    type_, delivery = entry.type, entry.get("delivery_id")
    match type_:
        case "DriverBecameAvailable" | "DriverBecameUnavailable":
            if twin.live is not None:
                yield f"{type_} while on {twin.live}"
            if twin.offer is not None:
                yield f"{type_} while it is offered {twin.offer}"
        case "DeliveryOffered" | "DeliveryAccepted" | "OfferWithdrawn":
            yield from _offer_problems(twin, entry)
        case "DriverLocated":
            if delivery != twin.live:
                yield f"is located on {delivery} while on {twin.live}"
        case "DriverSnapshotted":
            yield from [] if is_first else _snapshot_problems(twin, entry)
        case "SilenceSuspected":
            if twin.live is None:
                yield "is suspected of silence without a delivery"
        case "DriverFellSilent":
            if delivery != twin.live or entry["has_goods"] != twin.picked_up:
                yield f"falls silent on {delivery} while on {twin.shown}"
            if not twin.is_suspected:
                yield "falls silent without being suspected of it"
        case _:
            yield from _work_problems(twin, entry)


def _offer_problems(twin: Twin, entry: Entry) -> Iterator[str]:
    type_, delivery = entry.type, entry["delivery_id"]
    if twin.live is not None and type_ != "OfferWithdrawn":
        takes = "takes" if type_ == "DeliveryAccepted" else "is offered"
        yield f"{takes} {delivery} while on {twin.live}"
    if type_ == "DeliveryOffered":
        if twin.offer is not None:
            yield f"is offered {delivery} while it is offered {twin.offer}"
        elif twin.live is None and twin.is_available is False:
            yield f"is offered {delivery} while it takes no work"
        if delivery in twin.rejected:
            yield f"is offered {delivery}, which it did not want"
        return
    if twin.offer != delivery:
        yield f"{type_} of {delivery}, while it is offered {twin.offer}"
    elif type_ == "DeliveryAccepted" and entry.instant("occurred_at") >= _ends_at(twin, entry):
        yield f"takes {delivery} after its offer ended at {twin.expires_at}"


def _ends_at(twin: Twin, entry: Entry) -> datetime:
    return twin.expires_at or datetime.max.replace(tzinfo=entry.at.tzinfo)


def _work_problems(twin: Twin, entry: Entry) -> Iterator[str]:
    """Pickup comes before drop-off, and goods that are to go back are not dropped off."""
    type_, delivery = entry.type, entry.get("delivery_id")
    verbs = {
        "GoodsPickedUp": "picks up",
        "GoodsDroppedOff": "drops off",
        "DropoffFailed": "fails to drop off",
        "GoodsReturned": "returns",
        "DeliveryGivenUp": "gives up",
        "ReturnOrdered": "is to return",
        "DriverReleased": "is released from",
        "CodeRefused": "is refused a code of",
    }
    if type_ not in verbs:
        return
    is_wrong = delivery != twin.live
    is_wrong |= type_ in ("GoodsPickedUp", "DeliveryGivenUp") and twin.picked_up
    is_wrong |= type_ in WITH_GOODS and not twin.picked_up
    is_wrong |= type_ in WITH_GOODS and twin.returning is not (type_ == "GoodsReturned")
    if is_wrong:
        yield f"{verbs[type_]} {delivery} while on {twin.shown}"


def _snapshot_problems(twin: Twin, entry: Entry) -> Iterator[str]:
    other = Twin()
    other.take(entry)
    if (other.live, other.picked_up, other.returning) != (
        twin.live,
        twin.picked_up,
        twin.returning,
    ):
        yield f"its snapshot has {other.shown}, not {twin.shown}"
    if other.offer != twin.offer:
        yield f"its snapshot has the offer {other.offer}, not {twin.offer}"
