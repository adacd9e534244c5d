"""Rule: nothing happens to an order before its time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.verdict import Findings, Verdict, of_order

# The broker cuts its instants to whole milliseconds.
CUT_OFF = timedelta(milliseconds=1)
# How far the point of sale's clock may be behind the broker's.
CLOCKS_APART_MAX = timedelta(seconds=1)

Wrong = Iterator[tuple[Entry, str]]


def check_schedule(evidence: Evidence) -> Verdict:
    """Neither PreparationDue nor a ticket before prepare_at, nor prepare_at before the delay.

    The restaurant has the time to answer that it was granted, and that to take a refusal back.
    """
    found = Findings()
    printed_at: dict[str, datetime] = {}
    for ticket in evidence.ledgers.tickets:
        printed_at.setdefault(ticket["order_id"], datetime.fromisoformat(ticket["created_at"]))
    for order_id, history in evidence.histories("order").items():
        first = {entry.type: entry for entry in reversed(history)}
        scheduled = first.get("OrderScheduled")
        if scheduled is None:
            continue
        found.checked += 1
        prepare_at = scheduled.instant("prepare_at")
        wrong = [
            *_wrong_plan(first, scheduled),
            *_wrong_start(first, prepare_at),
            *_wrong_refusals(evidence, history),
        ]
        if order_id in printed_at and prepare_at - printed_at[order_id] > CLOCKS_APART_MAX:
            wrong.append((scheduled, f"its ticket is of {printed_at[order_id]}, before prepare_at"))
        found.violations += [of_order(order_id, text, entry) for entry, text in wrong]
    return found.verdict("schedule", "nothing happens to an order before its time")


def _wrong_plan(first: Mapping[str, Entry], scheduled: Entry) -> Wrong:
    """A preparation that is planned sooner than was asked for."""
    created, admitted = first.get("OrderCreated"), first.get("OrderAdmitted")
    if created is None:
        return
    prepare_at = scheduled.instant("prepare_at")
    if created.get("ready_at") is None:
        delay = timedelta(seconds=created["delay_seconds"])
        if prepare_at < scheduled.instant("occurred_at") + delay:
            yield scheduled, f"it is due at {prepare_at}, sooner than its delay of {delay}"
    elif admitted is not None:
        cooking = timedelta(seconds=admitted["preparation_seconds"])
        wanted = created.instant("ready_at") - cooking
        if abs(prepare_at - wanted) > CUT_OFF and prepare_at < wanted:
            yield scheduled, f"it is due at {prepare_at}, sooner than {wanted} for its ready_at"
        elif prepare_at > max(wanted, scheduled.instant("occurred_at")) + CUT_OFF:
            yield scheduled, f"it is due at {prepare_at}, later than {wanted} for its ready_at"


def _wrong_start(first: Mapping[str, Entry], prepare_at: datetime) -> Wrong:
    due, admitted = first.get("PreparationDue"), first.get("OrderAdmitted")
    if due is None:
        return
    occurred_at = due.instant("occurred_at")
    if prepare_at - occurred_at > CUT_OFF:
        yield due, f"its preparation starts at {due['occurred_at']}, before {prepare_at}"
    if admitted is not None:
        granted = occurred_at + timedelta(seconds=admitted["accept_seconds_max"])
        if abs(due.instant("accept_by") - granted) > CUT_OFF:
            yield due, f"its restaurant has to answer by {due['accept_by']}, not by {granted}"


def _wrong_refusals(evidence: Evidence, history: Sequence[Entry]) -> Wrong:
    """An end before the restaurant's time was over, and a refusal undone after it was."""
    accept_by: datetime | None = None
    final_at: datetime | None = None
    is_answered = False
    for entry in history:
        occurred_at = entry.instant("occurred_at")
        match entry.type:
            case "PreparationDue":
                accept_by = entry.instant("accept_by")
            case "PreparationStarted" | "PreparationFinished":
                is_answered = True
            case "OrderRefused":
                final_at = entry.instant("final_at")
            case "RefusalUndone":
                if final_at is not None and occurred_at >= final_at:
                    yield entry, f"its refusal is undone after {final_at}"
                final_at = None
            case "OrderCancelled":
                command = evidence.commands.get(entry["causation_id"])
                cause = "" if command is None else command.type
                if cause == "CloseRefusal" and (
                    final_at is None or final_at - occurred_at > CUT_OFF
                ):
                    yield entry, f"its refusal is final before its time, {final_at}"
                if entry["reason"] != "accept_timeout" or entry["by"] != "tiffin":
                    continue
                if is_answered or final_at is not None:
                    yield entry, "its restaurant has answered, and counts as silent"
                if accept_by is None or accept_by - occurred_at > CUT_OFF:
                    yield entry, f"its restaurant counts as silent before {accept_by}"
