"""Which event of one service leads to what in another, as the services' cards say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OFFERS = ("DriverRequested", "DriverRegistered", "OfferDeclined")
DELIVERY = ("delivery_id",)
ORDER = ("order_id",)
WORK = ("delivery_id", "driver_id")


@dataclass(frozen=True, slots=True)
class Reaction:
    """An event of one owner has an event of another, about the same.

    by: the fields that both have, or the offers of the source.
    is_own: each event has one that follows from itself; else any about the same will do.
    unless: events of the target about the same with which it may come to nothing.
    where: fields of the source that must have a value; None stands for any but none.
    """

    owner: str
    types: tuple[str, ...]
    target: str
    target_types: tuple[str, ...]
    by: tuple[str, ...]
    is_own: bool = False
    unless: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """An event of one owner has a command of another, which may be a repeat with no event.

    where: fields of the event that must have a value; None stands for any but none.
    """

    owner: str
    type: str
    target: str
    command: str
    where: Mapping[str, Any] = field(default_factory=dict)


# What becomes of a delivery whose order was cancelled, or of one that was going back already.
CALLED_OFF = (
    "DeliveryCancelled",
    "DeliveryCancelling",
    "DeliveryRecalled",
    "DeliveryFailed",
    "DeliveryReturned",
    "DeliveryWrittenOff",
)
REACTIONS = (
    Reaction(
        "order", ("OrderCreated",), "restaurant", ("AdmissionGranted", "AdmissionRefused"), ORDER
    ),
    Reaction("restaurant", ("AdmissionGranted",), "order", ("OrderAdmitted",), ORDER),
    Reaction("restaurant", ("AdmissionRefused",), "order", ("OrderRejected",), ORDER),
    Reaction("order", ("PreparationFinished",), "delivery", ("DeliveryStarted",), DELIVERY),
    Reaction(
        "order",
        ("OrderCancelled",),
        "delivery",
        CALLED_OFF,
        DELIVERY,
        where={"delivery_id": None},
    ),
    Reaction("delivery", ("DeliveryStarted",), "matcher", ("DriverRequested",), DELIVERY, True),
    Reaction("delivery", ("DriverUnassigned",), "matcher", ("DriverRequested",), DELIVERY, True),
    Reaction(
        "matcher",
        OFFERS,
        "driver",
        ("DeliveryOffered", "DeliveryDeclined"),
        WORK,
        True,
        # A driver who works on it, or has ended it last, is not asked again.
        unless=("DeliveryAccepted",),
    ),
    Reaction("driver", ("DeliveryAccepted",), "matcher", ("OfferConfirmed",), WORK, True),
    Reaction(
        "driver",
        ("DeliveryDeclined",),
        "matcher",
        ("OfferDeclined", "DriverRegistered"),
        WORK,
        True,
        unless=("RequestCancelled", "OfferConfirmed"),
    ),
    Reaction(
        "driver",
        ("DeliveryAccepted",),
        "delivery",
        ("DriverAssigned", "DriverDismissed"),
        WORK,
        True,
    ),
    Reaction(
        "driver",
        ("DeliveryGivenUp",),
        "delivery",
        ("DriverUnassigned", "DeliveryCancelled"),
        DELIVERY,
        True,
    ),
    Reaction(
        "driver",
        ("DriverFellSilent",),
        "delivery",
        ("DriverUnassigned", "DeliveryCancelled"),
        DELIVERY,
        True,
        where={"has_goods": False},
    ),
    Reaction("delivery", ("DriverAssigned",), "order", ("DriverFound",), WORK, True),
    Reaction("delivery", ("DriverUnassigned",), "order", ("DriverLost",), WORK, True),
    Reaction(
        "driver",
        ("GoodsPickedUp",),
        "delivery",
        ("DeliveryPickedUp", "DeliveryRecalled"),
        WORK,
        unless=("DeliveryWrittenOff",),
    ),
    Reaction("delivery", ("DeliveryPickedUp",), "order", ("OrderPickedUp",), ORDER),
    Reaction("driver", ("GoodsDroppedOff",), "delivery", ("DeliveryCompleted",), WORK),
    Reaction("delivery", ("DeliveryCompleted",), "order", ("OrderDelivered",), ORDER),
    Reaction(
        "driver", ("DropoffFailed",), "delivery", ("DeliveryFailed", "DeliveryRecalled"), WORK
    ),
    Reaction("delivery", ("DeliveryFailed",), "order", ("OrderCancelled",), ORDER),
    Reaction("driver", ("GoodsReturned",), "delivery", ("DeliveryReturned",), WORK),
)

TOLD = (
    Told("driver", "DriverBecameAvailable", "matcher", "RegisterDriver"),
    Told(
        "driver",
        "DriverBecameAvailable",
        "matcher",
        "WithdrawDriver",
        {"previous_region": None},
    ),
    Told("driver", "DriverBecameUnavailable", "matcher", "WithdrawDriver"),
    Told("driver", "OfferWithdrawn", "matcher", "DeclineOffer"),
    Told("delivery", "DeliveryCancelled", "matcher", "CancelRequest"),
    Told("matcher", "RequestCancelled", "driver", "WithdrawOffer", {"driver_id": None}),
    Told("driver", "DriverLocated", "delivery", "TrackDriver", {"delivery_id": None}),
    Told("driver", "DriverReleased", "delivery", "ConfirmRelease"),
    Told("driver", "DriverFellSilent", "delivery", "ReportSilence", {"has_goods": True}),
    Told("driver", "CodeRefused", "delivery", "ReportWrongCodes", {"is_locked": True}),
    Told("delivery", "DriverDismissed", "driver", "ReleaseDriver"),
    Told("delivery", "DeliveryCancelling", "driver", "ReleaseDriver"),
    Told("delivery", "DriverUnassigned", "driver", "ReleaseDriver", {"is_taken_off": True}),
    Told("delivery", "DeliveryRecalled", "driver", "RecallGoods"),
    Told("delivery", "DeliveryWrittenOff", "driver", "ReleaseDriver", {"driver_id": None}),
    Told("delivery", "CodeWaived", "driver", "LiftCode", {"driver_id": None}),
    Told("delivery", "DeliveryEtaChanged", "order", "RecordEta"),
)
