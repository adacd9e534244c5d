"""Stories of orders on their way to the door, by drivers who become available for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.verify.entry import Entry
from tests.verify.kitchen import (
    called_off,
    cancelled,
    cooked,
    refund,
    refunded,
    rejected,
    turned_away,
    voided,
)
from tests.verify.story import HERE, LATER, REGION, THERE, Story

CODE = "0421"
WAY = {"pickup": HERE, "dropoff": THERE}
DETAILS = ("delivery_id", "order_id")


@dataclass(frozen=True)
class Trip:
    """One delivery, and the steps that take it on; `code` is what is named at the door."""

    story: Story
    delivery_id: str
    order_id: str
    code: str | None = None

    @property
    def ids(self) -> dict[str, Any]:
        """What names it."""
        return {"delivery_id": self.delivery_id, "order_id": self.order_id}

    def step(
        self,
        owner: str,
        command: str,
        event: str,
        cause: Entry | None = None,
        asked: dict[str, Any] | None = None,
        /,
        **told: Any,
    ) -> Entry:
        """A command and an event about the delivery."""
        content = {**self.ids, **told}
        return self.story.step(owner, command, event, content, cause, {**content, **(asked or {})})

    def waits(self, cause: Entry, excluded: Sequence[str] = ()) -> Entry:
        """The region has nobody for it."""
        delivery = {**self.ids, **WAY, "code": self.code, "excluded": list(excluded)}
        asked = {"region": REGION, "delivery": delivery}
        told = {**asked, "offers": []}
        return self.story.step("matcher", "RequestDriver", "DriverRequested", told, cause, asked)

    def offered(self, driver_id: str, excluded: Sequence[str] = ()) -> Entry:
        """A driver becomes available, and is offered the delivery that waits."""
        place = {"driver_id": driver_id, "location": HERE}
        free = {**place, "region": REGION}
        says = {**free, "available": True}
        available = self.story.step(
            "driver", "SetAvailability", "DriverBecameAvailable", free, asked=says
        )
        waits = {"region": REGION, "driver": place}
        delivery = {**self.ids, **WAY, "code": self.code, "excluded": list(excluded)}
        told = {**waits, "offers": [{"delivery": delivery, "driver": place}]}
        registered = self.story.step(
            "matcher", "RegisterDriver", "DriverRegistered", told, available, waits
        )
        asked = {
            **self.ids,
            **WAY,
            "driver_id": driver_id,
            "region": REGION,
            "code": self.code,
        }
        command = self.story.command("driver", "OfferDelivery", asked, registered)
        expires_at = self.story.after(command, 30)
        return self.story.event(command, "DeliveryOffered", {**asked, "expires_at": expires_at})

    def accepted(self, driver_id: str, excluded: Sequence[str] = ()) -> Entry:
        """A driver who is offered it takes it, and all are told; its DriverAssigned."""
        self.offered(driver_id, excluded)
        taken = {**WAY, "driver_id": driver_id, "region": REGION, "code": self.code}
        accepted = self.step("driver", "AcceptOffer", "DeliveryAccepted", **taken, location=HERE)
        confirmed = {"region": REGION, "delivery_id": self.delivery_id, "driver_id": driver_id}
        self.story.step("matcher", "ConfirmOffer", "OfferConfirmed", confirmed, accepted)
        arrival = {"driver_id": driver_id, "eta_at": (self.story.now + LATER).isoformat()}
        assigned = self.step(
            "delivery", "AssignDriver", "DriverAssigned", accepted, {"location": HERE}, **arrival
        )
        self.step("order", "RecordDriver", "DriverFound", assigned, **arrival)
        return assigned

    def located(self, driver_id: str) -> None:
        """The driver is seen, and the goods are expected at another time."""
        seen = {"driver_id": driver_id, "location": THERE}
        seen["recorded_at"] = self.story.now.isoformat()
        located = self.step("driver", "ReportLocation", "DriverLocated", **seen)
        eta_at = (self.story.now + LATER).isoformat()
        moved = self.step(
            "delivery", "TrackDriver", "DeliveryEtaChanged", located, **seen, eta_at=eta_at
        )
        eta = {"order_id": self.order_id, "eta_at": eta_at}
        self.story.command("order", "RecordEta", eta, moved)

    def picked_up(self, driver_id: str) -> None:
        """The driver has the goods, and the order is on the road."""
        done = self.step("driver", "ReportPickup", "GoodsPickedUp", driver_id=driver_id)
        noted = self.step(
            "delivery", "ConfirmPickup", "DeliveryPickedUp", done, driver_id=driver_id
        )
        about = {"order_id": self.order_id}
        self.story.step("order", "RecordPickup", "OrderPickedUp", about, noted)

    def dropped_off(self, driver_id: str) -> None:
        """The customer names the code, and has the goods."""
        done = self.step(
            "driver",
            "ReportDropoff",
            "GoodsDroppedOff",
            None,
            {"code": self.code},
            driver_id=driver_id,
        )
        noted = self.step(
            "delivery", "ConfirmDropoff", "DeliveryCompleted", done, driver_id=driver_id
        )
        about = {"order_id": self.order_id}
        self.story.step("order", "RecordDropoff", "OrderDelivered", about, noted)

    def unassigned(self, cause: Entry | None, driver_id: str, **told: Any) -> Entry:
        """The delivery has lost its driver, and waits again."""
        command = "UnassignDriver" if cause is not None else "ReassignDelivery"
        told = {"excluded": [driver_id], "is_taken_off": cause is None, **told}
        asked = {"gave_up": True, "reason": "flat tyre"}
        lost = self.step(
            "delivery",
            command,
            "DriverUnassigned",
            cause,
            asked,
            **WAY,
            driver_id=driver_id,
            region=REGION,
            code=self.code,
            reason="flat tyre",
            **told,
        )
        self.step(
            "order", "RecordDriverLoss", "DriverLost", lost, driver_id=driver_id, reason="flat tyre"
        )
        self.waits(lost, told["excluded"])
        return lost

    def given_up(self, driver_id: str) -> None:
        """The driver wants no more of it."""
        why = {"driver_id": driver_id, "region": REGION, "reason": "flat tyre"}
        given_up = self.step("driver", "GiveUpDelivery", "DeliveryGivenUp", **why)
        self.unassigned(given_up, driver_id)

    def wrong_code(self, driver_id: str, count: int, is_locked: bool = False) -> Entry:
        """Something else than the code is named."""
        told = {"driver_id": driver_id, "wrong_codes": count, "is_locked": is_locked}
        asked = {"code": "9999"}
        return self.step("driver", "ReportDropoff", "CodeRefused", None, asked, **told)

    def failed(self, driver_id: str) -> None:
        """Nobody takes the goods, and the order is ended."""
        why = {"driver_id": driver_id, "reason": "nobody there"}
        failed = self.step("driver", "ReportFailure", "DropoffFailed", **why)
        noted = self.step("delivery", "FailDelivery", "DeliveryFailed", failed, **why)
        about = {"order_id": self.order_id}
        end = {"by": "tiffin", "reason": "delivery_failed", "refund_cents": 900}
        self.story.step(
            "order",
            "RecordFailure",
            "OrderCancelled",
            {**about, **end},
            noted,
            {**about, "reason": "nobody there"},
        )
        self.story.step("order", "ConfirmTicketCancellation", "TicketCancelled", about)
        self.story.tickets[-1]["status"] = "cancelled"
        named = {**about, "refund": "cancellation"}
        named["refund_id"] = refund(self.story, self.order_id, "refund/cancellation/1")
        told = {**named, "amount_cents": 900}
        self.story.step("order", "ConfirmRefund", "PaymentRefunded", told, asked=named)

    def returned(self, driver_id: str) -> None:
        """The restaurant has the goods back."""
        done = self.step("driver", "ReportReturn", "GoodsReturned", driver_id=driver_id)
        self.step("delivery", "ConfirmReturn", "DeliveryReturned", done, driver_id=driver_id)


def ready(story: Story, reference: str, code: str | None = None) -> Trip:
    """An order that is cooked, and whose delivery waits for a driver."""
    order_id = cooked(story, reference, code)
    finished = story.find("order.events", "PreparationFinished", -1)
    trip = Trip(story, finished["delivery_id"], order_id, code)
    started = trip.step(
        "delivery", "StartDelivery", "DeliveryStarted", finished, **WAY, region=REGION, code=code
    )
    trip.waits(started)
    return trip


def on_the_road(
    story: Story, reference: str, driver_id: str = "driver-1", code: str | None = None
) -> Trip:
    """An order whose goods are on board."""
    trip = ready(story, reference, code)
    trip.accepted(driver_id)
    trip.located(driver_id)
    trip.picked_up(driver_id)
    return trip


def delivered(story: Story, reference: str, driver_id: str = "driver-1") -> str:
    """An order from its submission to the door; its id."""
    trip = on_the_road(story, reference, driver_id)
    trip.dropped_off(driver_id)
    return trip.order_id


def changes_hands(story: Story, reference: str) -> Trip:
    """A delivery with a code that a first driver gives up, and a second hands over."""
    trip = ready(story, reference, CODE)
    trip.accepted("driver-3")
    trip.given_up("driver-3")
    trip.accepted("driver-4", ["driver-3"])
    trip.picked_up("driver-4")
    trip.wrong_code("driver-4", 1)
    trip.dropped_off("driver-4")
    return trip


def goes_back(story: Story, reference: str) -> Trip:
    """Goods that nobody takes, and that the restaurant has back."""
    trip = on_the_road(story, reference, "driver-5")
    trip.failed("driver-5")
    trip.returned("driver-5")
    return trip


def whole() -> Story:
    """Orders of every kind: four are delivered, one of them after it had changed hands."""
    story = Story()
    delivered(story, "r-1")
    delivered(story, "r-2", "driver-2")
    cancelled(story, "r-3")
    rejected(story, "r-4")
    turned_away(story, "r-5")
    voided(story, "r-6")
    called_off(story, "r-7")
    changes_hands(story, "r-8")
    goes_back(story, "r-9")
    refunded(story, delivered(story, "r-10", "driver-6"))
    return story
