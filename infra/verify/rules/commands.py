"""Rules: one accepted command is one event, and no command stays without an answer."""

from collections.abc import Iterator, Mapping

from infra.verify.entry import INPUTS, OWNERS, Entry
from infra.verify.evidence import Evidence
from infra.verify.rules.reaction_tables import CALLED_OFF
from infra.verify.verdict import Finding, Findings, Verdict, of_entry

# What a command comes to, by its type: with such an event there already, it is a repeat.
# Commands whose repeat depends on more than past events, such as a location, are not listed.
ANSWERS: Mapping[str, tuple[str, ...]] = {
    "ConfirmAdmission": ("OrderAdmitted",),
    "RefuseAdmission": ("OrderRejected",),
    "ConfirmPayment": ("OrderScheduled",),
    "DeclinePayment": ("OrderRejected",),
    "ConfirmVoid": ("PaymentVoided",),
    "StartPreparation": ("PreparationDue", "OrderCancelled"),
    "ConfirmTicket": ("TicketReceived", "PreparationStarted", "PreparationFinished"),
    "ConfirmPreparation": ("TicketReceived", "PreparationStarted", "PreparationFinished"),
    "RefusePreparation": ("OrderRefused", "OrderCancelled"),
    "AcceptOrder": ("PreparationStarted", "PreparationFinished"),
    "RefuseOrder": ("OrderRefused", "OrderCancelled"),
    "UndoRefusal": ("RefusalUndone",),
    "FinishPreparation": ("PreparationFinished",),
    "CancelOrder": ("OrderCancelled",),
    "ConfirmTicketCancellation": ("TicketCancelled",),
    "RequestRefund": ("RefundRequested",),
    "ConfirmRefund": ("PaymentRefunded",),
    "RefuseRefund": ("RefundRefused",),
    "RecordDriver": ("DriverFound",),
    "RecordDriverLoss": ("DriverLost",),
    "RecordPickup": ("OrderPickedUp",),
    "RecordDropoff": ("OrderDelivered",),
    "RecordFailure": ("OrderCancelled",),
    "AdmitOrder": ("AdmissionGranted", "AdmissionRefused"),
    "StartDelivery": ("DeliveryStarted",),
    "AssignDriver": ("DriverAssigned", "DriverDismissed"),
    "ConfirmPickup": ("DeliveryPickedUp", "DeliveryRecalled", "DeliveryWrittenOff"),
    "ConfirmDropoff": ("DeliveryCompleted",),
    "FailDelivery": ("DeliveryFailed", "DeliveryRecalled"),
    "ConfirmReturn": ("DeliveryReturned",),
    "CancelDelivery": CALLED_OFF,
    "WriteOffDelivery": ("DeliveryWrittenOff",),
    "WaiveCode": ("CodeWaived",),
    "RequestDriver": ("DriverRequested",),
    "ConfirmOffer": ("OfferConfirmed",),
    "DeclineOffer": ("OfferDeclined", "DriverRegistered", "RequestCancelled", "OfferConfirmed"),
    "OfferDelivery": ("DeliveryOffered", "DeliveryDeclined"),
    "AcceptOffer": ("DeliveryAccepted",),
    "RejectOffer": ("DeliveryDeclined", "DeliveryGivenUp"),
    "GiveUpDelivery": ("DeliveryGivenUp", "DeliveryDeclined"),
    "ReportPickup": ("GoodsPickedUp",),
    "ReportDropoff": ("GoodsDroppedOff", "GoodsReturned", "CodeRefused"),
    "ReportFailure": ("DropoffFailed", "ReturnOrdered"),
    "ReportReturn": ("GoodsReturned", "GoodsDroppedOff"),
}
# The fields that tell what a message is about, besides its aggregate.
ABOUT: Mapping[str, tuple[str, ...]] = {
    "order": ("refund",),
    "restaurant": ("order_id",),
    "matcher": ("delivery_id", "driver_id"),
    "driver": ("delivery_id",),
    "delivery": (),
}
# A request is about a delivery, whichever driver there is.
OF_ANY_DRIVER = frozenset({"RequestDriver", "DriverRequested"})


def check_commands(evidence: Evidence) -> Verdict:
    """Every event has a command of its own in the log, and every command at most one event."""
    found = Findings()
    for owner, topics in INPUTS.items():
        commands = {entry.id for topic in topics for entry in evidence.of(topic)}
        copies = {entry.place for entry in evidence.chains[owner].duplicates}
        first: dict[str, Entry] = {}
        for entry in evidence.of(f"{owner}.events"):
            if entry.problem is not None or entry.place in copies:
                continue
            found.checked += 1
            command = entry["causation_id"]
            other = first.setdefault(command, entry)
            if other is not entry:
                text = f"{entry.type} is a second event of command {command}; the first is"
                found.violations.append(of_entry(entry, f"{text} {other.type} at {other.place}"))
            # An event happens at the instant that the broker gave its command.
            is_kept = all(evidence.is_kept(topic, entry.instant("occurred_at")) for topic in topics)
            if is_kept and command not in commands:
                text = f"{entry.type} follows from command {command}, which is not in the log"
                found.violations.append(of_entry(entry, text))
            if command in evidence.refused:
                refusal = evidence.refused[command].place
                text = f"{entry.type} follows from a command that was also refused, at {refusal}"
                found.notes.append(of_entry(entry, text))
    return found.verdict("commands", "one accepted command is one event")


def check_answers(evidence: Evidence) -> Verdict:
    """Every settled command has its event, its rejection or its dead letter, or is a repeat."""
    found = Findings()
    for owner, topics in INPUTS.items():
        accepted = {entry.get("causation_id") for entry in evidence.of(f"{owner}.events")}
        done = _done(evidence, owner)
        for entry in (entry for topic in topics for entry in evidence.of(topic)):
            if not evidence.is_settled(entry) or not _is_judged(evidence, owner, entry):
                continue
            if not evidence.is_kept(f"{owner}.rejections", entry.at):
                continue
            found.checked += 1
            if entry.place in evidence.put_aside or entry.id in evidence.refused:
                continue
            if entry.problem is not None:
                text = f"it can't be taken, and has no dead letter: {entry.problem}"
                found.violations.append(of_entry(entry, text))
            elif entry.id not in accepted and not _is_repeat(owner, entry, done):
                text = f"{entry.type} has no event, rejection or dead letter"
                found.violations.append(of_entry(entry, text))
    found.notes += [
        Finding(f"a dead letter: {letter.get('reason')}", place, None, letter.place)
        for place, letter in evidence.put_aside.items()
    ]
    return found.verdict("answers", "every command has its event, rejection or dead letter")


def _is_judged(evidence: Evidence, owner: str, entry: Entry) -> bool:
    """True where past events tell whether the command is a repeat, and the log has them all."""
    if entry.problem is not None:
        return True
    if entry.type not in ANSWERS:
        return False
    chain, key = evidence.chains[owner], entry[OWNERS[owner]]
    if key in chain.standing:
        return key not in chain.partial
    return not evidence.is_cut(f"{owner}.events", key)


def _done(evidence: Evidence, owner: str) -> frozenset[tuple[str, ...]]:
    return frozenset(
        (entry.type, *_about(owner, entry))
        for history in evidence.histories(owner).values()
        for entry in history
    )


def _is_repeat(owner: str, entry: Entry, done: frozenset[tuple[str, ...]]) -> bool:
    return any((answer, *_about(owner, entry)) in done for answer in ANSWERS[entry.type])


def _about(owner: str, entry: Entry) -> Iterator[str]:
    """What a message is about: the aggregate, and what there are many of in it."""
    yield str(entry[OWNERS[owner]])
    inner = {**(entry.get("delivery") or {}), **(entry.get("driver") or {})}
    for name in ABOUT[owner]:
        if name != "driver_id" or entry.type not in OF_ANY_DRIVER:
            yield str(entry.get(name) or inner.get(name))
