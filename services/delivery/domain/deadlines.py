"""How long a delivery may be in each status before operators are to look at it."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from services.common.decider import Wakeup
from services.common.messages.delivery import CheckDeliveryDeadline, DeliveryFlagged
from services.delivery.domain.delivery import Delivery, DeliveryStatus

# A year in seconds: no deadline is further ahead, so that no sum of instants overflows.
LIMIT_CEILING = 31_536_000.0


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """How long a delivery may wait for a driver, for the pickup, and so on, until it is flagged."""

    match_minutes_max: float = 15.0
    pickup_seconds_max: float = 2_700.0
    dropoff_seconds_max: float = 5_400.0
    return_seconds_max: float = 5_400.0
    cancellation_seconds_max: float = 300.0

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if not 0 <= limit <= LIMIT_CEILING:
                raise ValueError(f"{field.name} is from 0 to {LIMIT_CEILING}, not {limit}")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The flag that a status leads to, and when."""

    flag: str
    due_at: datetime


def deadline(delivery: Delivery, limits: DeliveryLimits) -> Deadline | None:
    """The deadline of the present status; None at the end."""
    match delivery.status:
        case DeliveryStatus.WAITING_FOR_DRIVER:
            flag, seconds_max = "no_driver", limits.match_minutes_max * 60
        case DeliveryStatus.DRIVER_ASSIGNED:
            flag, seconds_max = "pickup_late", limits.pickup_seconds_max
        case DeliveryStatus.PICKED_UP:
            flag, seconds_max = "dropoff_late", limits.dropoff_seconds_max
        case DeliveryStatus.RETURNING:
            flag, seconds_max = "return_late", limits.return_seconds_max
        case DeliveryStatus.CANCELLING:
            flag, seconds_max = "cancellation_late", limits.cancellation_seconds_max
        case _:
            return None
    return Deadline(flag, delivery.status_since + timedelta(seconds=seconds_max))


def agenda(delivery: Delivery, limits: DeliveryLimits) -> tuple[Wakeup, ...]:
    """A look at the delivery when its status has lasted too long."""
    due = deadline(delivery, limits)
    if due is None or due.flag in delivery.flags:
        return ()
    check = CheckDeliveryDeadline(delivery.delivery_id, due.flag, delivery.status_since)
    return (Wakeup(due.due_at, check),)


def check_deadline(
    command: CheckDeliveryDeadline, delivery: Delivery, limits: DeliveryLimits
) -> DeliveryFlagged | None:
    """Flags a delivery that is still in the status that it was in at `since`.

    Only the instant that the command names counts, not the one at which it is decided: the log's
    clock may be behind that of the timer, which fires once.
    """
    due = deadline(delivery, limits)
    if due is None or (command.flag, command.since) != (due.flag, delivery.status_since):
        return None
    if due.flag in delivery.flags:
        return None
    return DeliveryFlagged(delivery.delivery_id, delivery.order_id, due.flag, delivery.status_since)
