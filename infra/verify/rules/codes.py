"""Rule: goods with a code are handed over to who names it, after a bounded number of guesses."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import order_id_of
from infra.verify.verdict import Findings, Verdict, of_entry

Wrong = Iterator[tuple[Entry, str]]

# However a deployment is set, so many wrong codes and no more are taken at a door.
WRONG_CODES_CEILING = 10
_CODE = re.compile(r"[0-9]{4}")


def check_codes(evidence: Evidence) -> Verdict:
    """An order's code is the same in every log, and is named before the goods are handed over."""
    found = Findings()
    codes = {
        entry["order_id"]: entry.get("code") for entry in evidence.events("order", "OrderCreated")
    }
    waived = {entry["order_id"] for entry in evidence.all_events("delivery", "CodeWaived")}
    found.checked += sum(code is not None for code in codes.values())
    for wrong in (
        _not_as_asked(evidence),
        _not_as_created(evidence, codes, waived),
        *(_wrong_at_the_door(evidence, each) for each in evidence.histories("driver").values()),
    ):
        found.violations += [of_entry(entry, text) for entry, text in wrong]
    return found.verdict("codes", "goods with a code are handed over to who names it")


def _not_as_asked(evidence: Evidence) -> Wrong:
    """A code is four digits, where the partner asked for one, and none where it did not."""
    created = {entry["causation_id"]: entry for entry in evidence.events("order", "OrderCreated")}
    for command in evidence.of("order.commands"):
        event = created.get(command.id) if command.type == "SubmitOrder" else None
        if event is None or event["order_id"] != order_id_of(
            command["partner"], command["reference"]
        ):
            continue
        if bool(command.get("requires_code")) != (event.get("code") is not None):
            yield event, "it has no code though one was asked for, or the reverse"
    for event in created.values():
        if event.get("code") is not None and not _CODE.fullmatch(event["code"]):
            yield event, "its code is not of four digits"


def _not_as_created(evidence: Evidence, codes: Mapping[str, str | None], waived: set[str]) -> Wrong:
    """Events that carry another code than the order has; none is right once it was waived."""
    for owner, types in (
        ("order", ("PreparationFinished",)),
        ("delivery", ("DeliveryStarted", "DriverUnassigned")),
        ("matcher", ("DriverRequested",)),
        ("driver", ("DeliveryOffered", "DeliveryAccepted")),
    ):
        for entry in evidence.events(owner, *types):
            about: Mapping[str, Any] = entry.get("delivery") or entry.content
            order_id, code = about["order_id"], about.get("code")
            if order_id not in codes or code == codes[order_id]:
                continue
            if code is not None or order_id not in waived:
                yield entry, f"{entry.type} has another code than its order"


@dataclass(slots=True)
class _Door:
    """What a driver has to name for the delivery that it is on."""

    delivery: str | None = None
    code: str | None = None
    wrong_codes: int = 0
    is_locked: bool = False
    lifted: set[str] = field(default_factory=set)

    def begin(self, delivery: str | None, code: str | None, wrong_codes: int = 0) -> None:
        """Another delivery; the code of an offer may have been lifted."""
        self.delivery, self.wrong_codes, self.is_locked = delivery, wrong_codes, False
        self.code = None if delivery in self.lifted else code


def _wrong_at_the_door(evidence: Evidence, history: Sequence[Entry]) -> Wrong:
    door = _Door()
    for entry in history:
        match entry.type:
            case "DeliveryOffered":
                door.lifted.discard(entry["delivery_id"])
            case "DeliveryAccepted":
                door.begin(entry["delivery_id"], entry["code"])
            case "DriverSnapshotted":
                work = entry["delivery"] or {}
                door.begin(work.get("delivery_id"), work.get("code"), work.get("wrong_codes", 0))
            case "CodeLifted":
                door.lifted.add(entry["delivery_id"])
                if entry["delivery_id"] == door.delivery:
                    door.code, door.wrong_codes, door.is_locked = None, 0, False
            case "CodeRefused":
                yield from _wrong_refusal(door, entry)
                door.wrong_codes, door.is_locked = entry["wrong_codes"], entry["is_locked"]
            case "GoodsDroppedOff" if door.delivery == entry["delivery_id"]:
                yield from _wrong_dropoff(evidence, door, entry)


def _wrong_refusal(door: _Door, entry: Entry) -> Wrong:
    count = entry["wrong_codes"]
    if door.code is None:
        yield entry, "a code is refused where none is needed"
    if count != door.wrong_codes + 1:
        yield entry, f"wrong code {count} follows on {door.wrong_codes}"
    if door.is_locked or count > WRONG_CODES_CEILING:
        yield entry, f"wrong code {count} is taken, after no more are"


def _wrong_dropoff(evidence: Evidence, door: _Door, entry: Entry) -> Wrong:
    if door.code is None:
        return
    if door.is_locked:
        yield entry, f"the goods are handed over after {door.wrong_codes} wrong codes"
    command = evidence.commands.get(entry["causation_id"])
    if command is not None and command.get("code") != door.code:
        yield entry, "the goods are handed over to who has not named the code"
