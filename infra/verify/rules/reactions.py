"""Rule: what one service says reaches the services that act on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.verdict import Findings, Verdict, of_entry


@dataclass(frozen=True, slots=True)
class Reaction:
    """An event of one owner has an event of another, about the same.

    by: the fields that both have, or the offers of the source.
    """

    owner: str
    types: tuple[str, ...]
    target: str
    target_types: tuple[str, ...]
    by: tuple[str, ...]


REACTIONS = (
    Reaction("order", ("PreparationFinished",), "delivery", ("DeliveryStarted",), ("delivery_id",)),
    Reaction("delivery", ("DeliveryStarted",), "matcher", ("DriverRequested",), ("delivery_id",)),
    Reaction(
        "matcher",
        ("DriverRequested", "DriverRegistered", "OfferDeclined"),
        "driver",
        ("DeliveryAccepted", "DeliveryDeclined"),
        ("delivery_id", "driver_id"),
    ),
    Reaction(
        "driver",
        ("DeliveryAccepted",),
        "matcher",
        ("OfferConfirmed",),
        ("delivery_id", "driver_id"),
    ),
    Reaction(
        "driver",
        ("DeliveryDeclined",),
        "matcher",
        ("OfferDeclined",),
        ("delivery_id", "driver_id"),
    ),
    Reaction(
        "driver",
        ("DeliveryAccepted",),
        "delivery",
        ("DriverAssigned",),
        ("delivery_id", "driver_id"),
    ),
    Reaction(
        "delivery", ("DriverAssigned",), "order", ("DriverFound",), ("delivery_id", "driver_id")
    ),
    Reaction("driver", ("GoodsPickedUp",), "delivery", ("DeliveryPickedUp",), ("delivery_id",)),
    Reaction("delivery", ("DeliveryPickedUp",), "order", ("OrderPickedUp",), ("order_id",)),
    Reaction("driver", ("GoodsDroppedOff",), "delivery", ("DeliveryCompleted",), ("delivery_id",)),
    Reaction("delivery", ("DeliveryCompleted",), "order", ("OrderDelivered",), ("order_id",)),
)

# Where the reaction may be a repeat with no event of its own: by event, the owner that is told,
# and the command that must be in its topic.
TOLD: Mapping[tuple[str, str], tuple[str, str]] = {
    ("driver", "DriverBecameAvailable"): ("matcher", "RegisterDriver"),
    ("driver", "DriverBecameUnavailable"): ("matcher", "WithdrawDriver"),
    ("driver", "DriverLocated"): ("delivery", "TrackDriver"),
    ("delivery", "DeliveryEtaChanged"): ("order", "RecordEta"),
}


def check_reactions(evidence: Evidence) -> Verdict:
    """Every settled event has the event that it leads to elsewhere, or a refusal of it."""
    found = Findings()
    for reaction in REACTIONS:
        arrived = {
            about
            for entry in evidence.all_events(reaction.target, *reaction.target_types)
            for about in _about(entry, reaction.by)
        }
        for entry in evidence.events(reaction.owner, *reaction.types):
            if not _is_due(evidence, entry, f"{reaction.target}.events"):
                continue
            wanted = _about(entry, reaction.by)
            for about in wanted if reaction.owner != "matcher" else _offered(entry):
                found.checked += 1
                if about not in arrived:
                    _judge_missing(evidence, found, reaction, entry, about)
    for (owner, type_), (target, command) in TOLD.items():
        for entry in evidence.events(owner, type_):
            if not _is_due(evidence, entry, f"{target}.commands"):
                continue
            if type_ == "DriverLocated" and entry.get("delivery_id") is None:
                continue
            found.checked += 1
            told = evidence.reactions.get(entry.id, ())
            if (
                command not in {each.type for each in told}
                and entry.place not in evidence.put_aside
            ):
                found.violations.append(
                    of_entry(entry, f"{type_} has no {command} in {target}.commands")
                )
    return found.verdict("reactions", "what one service says reaches those who act on it")


def _judge_missing(
    evidence: Evidence, found: Findings, reaction: Reaction, entry: Entry, about: tuple[str, ...]
) -> None:
    wanted = " or ".join(reaction.target_types)
    text = f"{entry.type} of {', '.join(about)} has no {wanted} in {reaction.target}.events"
    commands = [
        each
        for each in evidence.reactions.get(entry.id, ())
        if each.topic == f"{reaction.target}.commands"
    ]
    refusals = [evidence.refused[each.id] for each in commands if each.id in evidence.refused]
    if refusals:
        reason = refusals[0].get("detail")
        found.notes.append(of_entry(entry, f"{text}: refused, {reason}"))
    elif entry.place not in evidence.put_aside:
        found.violations.append(of_entry(entry, text))


def _is_due(evidence: Evidence, entry: Entry, topic: str) -> bool:
    return evidence.is_settled(entry) and evidence.is_kept(topic, entry.at)


def _about(entry: Entry, by: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """What the event is about, by the named fields."""
    inner = entry.get("delivery")
    fields = {**inner, **entry.content} if isinstance(inner, Mapping) else entry.content
    yield tuple(str(fields.get(name)) for name in by)


def _offered(entry: Entry) -> Iterator[tuple[str, ...]]:
    for offer in entry["offers"]:
        yield offer["delivery"]["delivery_id"], offer["driver"]["driver_id"]
