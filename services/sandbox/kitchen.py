"""What a restaurant does with a ticket, by its id and by the faults that are on."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.sandbox.faults import PosFaults, ServerFaultSwitch
from services.sandbox.instants import rfc3339
from services.sandbox.steps import Step, StepName
from services.sandbox.tickets import TicketStatus

REFUSES = "refuses-"
NEVER_CALLS_BACK = "never-calls-back-"
CALLS_BACK_TWICE = "calls-back-twice-"
TIMEOUT_ONCE = "timeout-once-"
ERROR_ONCE = "error-once-"
ASKS = "asks-"
ASKS_REFUSES = "asks-refuses-"
CHANGES_MIND = "changes-mind-"
SILENT = "silent-"
LATER = "later-"

REFUSAL_DETAIL = "The kitchen has thought better of it."


@dataclass(frozen=True, slots=True)
class KitchenPlan:
    """How a printed ticket is answered at once, and what is told afterwards."""

    status: TicketStatus
    steps: tuple[Step, ...]


class Kitchen:
    """The restaurants behind the POS.

    Args:
        preparation_seconds: how long each of them cooks.
    """

    def __init__(self, faults: ServerFaultSwitch[PosFaults], preparation_seconds: float) -> None:
        self._faults = faults
        self._preparation_seconds = preparation_seconds

    def refusal_reason(self, restaurant_id: str) -> str | None:
        """Why the ticket is refused and not even printed, if it is."""
        if restaurant_id.startswith(REFUSES):
            return "closed"
        faults = self._faults
        return faults.current.refuse_reason if faults.strikes(faults.current.refuse_share) else None

    def plan(self, restaurant_id: str) -> KitchenPlan:
        """What becomes of a ticket that is printed now."""
        faults, strikes = self._faults.current, self._faults.strikes
        if restaurant_id.startswith(SILENT):
            return KitchenPlan(TicketStatus.RECEIVED, ())
        changes_mind = restaurant_id.startswith(CHANGES_MIND)
        is_refused = (
            strikes(faults.refuse_later_share)
            or changes_mind
            or restaurant_id.startswith(ASKS_REFUSES)
        )
        is_undone = is_refused and (strikes(faults.undo_share) or changes_mind)
        is_asked = strikes(faults.ask_share) or restaurant_id.startswith((ASKS, CHANGES_MIND))
        answer = TicketStatus.RECEIVED if is_asked else TicketStatus.ACCEPTED

        steps: list[Step] = []
        at_seconds = faults.accept_delay_seconds if is_asked or is_refused else 0.0
        if is_refused:
            body: dict[str, object] = {"reason": faults.refuse_reason, "detail": REFUSAL_DETAIL}
            steps.append(Step(StepName.REFUSE, at_seconds, body, TicketStatus.REFUSED))
        if is_undone:
            at_seconds += faults.accept_delay_seconds
            steps.append(Step(StepName.UNDO_REFUSAL, at_seconds, {}, answer))
        if is_refused and not is_undone:
            return KitchenPlan(answer, tuple(steps))
        if is_asked:
            seconds: dict[str, object] = {
                "preparation_seconds": math.ceil(self._preparation_seconds)
            }
            steps.append(Step(StepName.ACCEPT, at_seconds, seconds, TicketStatus.ACCEPTED))
        is_later = strikes(faults.ready_change_share) or restaurant_id.startswith(LATER)
        steps += self._cook(restaurant_id, at_seconds, is_later)
        return KitchenPlan(answer, tuple(steps))

    def _cook(self, restaurant_id: str, at_seconds: float, is_later: bool) -> list[Step]:
        steps = []
        cooked_seconds = at_seconds + self._preparation_seconds
        if is_later:
            # Halfway it turns out that all takes twice as long.
            halfway_seconds = at_seconds + self._preparation_seconds / 2
            cooked_seconds += self._preparation_seconds
            ready_at = datetime.now(UTC) + timedelta(seconds=cooked_seconds)
            body: dict[str, object] = {"ready_at": rfc3339(ready_at)}
            steps.append(Step(StepName.READY_TIME, halfway_seconds, body))
        faults = self._faults.current
        told_seconds = cooked_seconds + faults.callback_delay_seconds
        finished = Step(StepName.PREPARATION_FINISHED, told_seconds, {})
        return [*steps, *[finished] * _copies(restaurant_id, faults)]


def _copies(restaurant_id: str, faults: PosFaults) -> int:
    if restaurant_id.startswith(NEVER_CALLS_BACK):
        return 0
    if restaurant_id.startswith(CALLS_BACK_TWICE):
        return 2
    return faults.callback_copies
