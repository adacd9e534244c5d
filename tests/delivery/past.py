"""A delivery in each situation that it can come to, and every command that can meet it there.

driver-1 is its driver, where it has one; driver-2 is another. Everything happens at noon.
"""

from datetime import timedelta
from itertools import pairwise
from typing import Any

from services.common.messages.delivery import (
    AssignDriver,
    CancelDelivery,
    CheckDeliveryDeadline,
    CodeWaived,
    ConfirmDropoff,
    ConfirmPickup,
    ConfirmRelease,
    ConfirmReturn,
    DeliveryCancelled,
    DeliveryCancelling,
    DeliveryCompleted,
    DeliveryEtaChanged,
    DeliveryFailed,
    DeliveryFlagged,
    DeliveryPickedUp,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
    DeliveryWrittenOff,
    DriverAssigned,
    DriverUnassigned,
    FailDelivery,
    ReassignDelivery,
    ReportSilence,
    ReportWrongCodes,
    StartDelivery,
    TrackDriver,
    UnassignDriver,
    WaiveCode,
    WriteOffDelivery,
)
from services.common.values import GeoPoint
from services.delivery.domain import DeliveryLimits, Travel, delivery_decider
from tests.given import NOON, Given, given

SPEED_MPS = 10.0
TRAVEL = Travel(SPEED_MPS, eta_change_seconds_min=5.0)
LIMITS = DeliveryLimits()
DECIDER = delivery_decider(TRAVEL, LIMITS)
AWAY, PICKUP, DROPOFF = GeoPoint(0.0, 0.0), GeoPoint(0.0, 0.01), GeoPoint(0.0, 0.03)
CODE = "0417"


def way(*places: GeoPoint) -> timedelta:
    """How long a driver needs from place to place."""
    way_m = sum(here.distance_m(there) for here, there in pairwise(places))
    return timedelta(seconds=round(way_m / SPEED_MPS))


ETA_AT = NOON + way(AWAY, PICKUP, DROPOFF)
SOON = NOON + timedelta(seconds=30)
LATE = NOON + timedelta(days=1)

STARTED = DeliveryStarted("d", "o", "north", PICKUP, DROPOFF, CODE)
ASSIGNED = DriverAssigned("d", "o", "driver-1", ETA_AT)
CHANGED = DeliveryEtaChanged("d", "o", "driver-1", AWAY, SOON, ETA_AT + timedelta(seconds=30))
PICKED_UP = DeliveryPickedUp("d", "o", "driver-1")
COMPLETED = DeliveryCompleted("d", "o", "driver-1")
FAILED = DeliveryFailed("d", "o", "driver-1", "nobody there")
CANCELLING = DeliveryCancelling("d", "o", "driver-1", "changed mind")
RECALLED = DeliveryRecalled("d", "o", "driver-1", "changed mind")
RETURNED = DeliveryReturned("d", "o", "driver-1")
CANCELLED = DeliveryCancelled("d", "o", "north", "changed mind")
WRITTEN_OFF = DeliveryWrittenOff("d", "o", "driver-1", "lost")
WAIVED = CodeWaived("d", "o", "driver-1", "phone is broken")
SILENT = DeliveryFlagged("d", "o", "driver_silent", NOON)
LOCKED = DeliveryFlagged("d", "o", "wrong_codes", NOON)
GIVEN_UP = DriverUnassigned(
    "d", "o", "driver-1", "north", PICKUP, DROPOFF, CODE, ("driver-1",), "flat tyre", False
)

DRIVEN = (STARTED, ASSIGNED, PICKED_UP)
SITUATIONS: dict[str, tuple[Any, ...]] = {
    "waiting": (STARTED,),
    "lost": (STARTED, ASSIGNED, GIVEN_UP),
    "assigned": (STARTED, ASSIGNED),
    "waived": (STARTED, ASSIGNED, WAIVED),
    "cancelling": (STARTED, ASSIGNED, CANCELLING),
    "driven": DRIVEN,
    "locked": (*DRIVEN, LOCKED),
    "silent": (*DRIVEN, SILENT),
    "failed": (*DRIVEN, FAILED),
    "recalled": (*DRIVEN, RECALLED),
    "delivered": (*DRIVEN, COMPLETED),
    "returned": (*DRIVEN, FAILED, RETURNED),
    "cancelled": (STARTED, CANCELLED),
    "written_off": (*DRIVEN, FAILED, WRITTEN_OFF),
}


def _both(command: type[Any], *rest: Any) -> dict[str, Any]:
    """The command from the delivery's driver, and from another one."""
    name = command.__name__
    return {name: command("d", "driver-1", *rest), f"{name}_other": command("d", "driver-2", *rest)}


COMMANDS: dict[str, Any] = {
    "StartDelivery": StartDelivery("d", "o", "north", PICKUP, DROPOFF, CODE),
    **_both(AssignDriver, AWAY),
    **_both(UnassignDriver, "flat tyre", True),
    **_both(ConfirmRelease),
    **_both(ReportSilence),
    **_both(ReportWrongCodes, 5),
    **_both(TrackDriver, AWAY, SOON),
    **_both(ConfirmPickup),
    **_both(ConfirmDropoff),
    **_both(FailDelivery, "nobody there"),
    **_both(ConfirmReturn),
    "CancelDelivery": CancelDelivery("d", "changed mind"),
    **_both(ReassignDelivery, "too slow"),
    "WriteOffDelivery": WriteOffDelivery("d", "lost"),
    "WaiveCode": WaiveCode("d", "phone is broken"),
    "no_driver": CheckDeliveryDeadline("d", "no_driver", NOON),
    "pickup_late": CheckDeliveryDeadline("d", "pickup_late", NOON),
    "dropoff_late": CheckDeliveryDeadline("d", "dropoff_late", NOON),
    "return_late": CheckDeliveryDeadline("d", "return_late", NOON),
    "cancellation_late": CheckDeliveryDeadline("d", "cancellation_late", NOON),
}


def delivery(situation: str) -> Given[Any, Any, Any]:
    """The delivery in a situation."""
    return given(DECIDER, *SITUATIONS[situation])
