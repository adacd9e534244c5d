"""Stories of deliveries that do not go straight to the door."""

from infra.verify.entry import Entry
from tests.verify.kitchen import refund
from tests.verify.road import CODE, Trip, on_the_road, ready
from tests.verify.story import HERE, REGION, Story


def ended(trip: Trip, by: str = "customer") -> Entry:
    """The order is ended, and its kitchen and its customer's money are seen to."""
    story, about = trip.story, {"order_id": trip.order_id}
    asked = {**about, "by": by, "reason": "late"}
    told = {**asked, "refund_cents": 900, "delivery_id": trip.delivery_id}
    end = story.step("order", "CancelOrder", "OrderCancelled", told, asked=asked)
    story.step("order", "ConfirmTicketCancellation", "TicketCancelled", about)
    for ticket in story.tickets:
        if ticket["order_id"] == trip.order_id:
            ticket["status"] = "cancelled"
    named = {**about, "refund": "cancellation"}
    named["refund_id"] = refund(story, trip.order_id, "refund/cancellation/1")
    refunded = {**named, "amount_cents": 900}
    story.step("order", "ConfirmRefund", "PaymentRefunded", refunded, asked=named)
    return end


def forgotten(trip: Trip, cause: Entry) -> Entry:
    """The delivery has ended without goods, and its region is told."""
    told = {"region": REGION, "reason": "late"}
    done = trip.step("delivery", "CancelDelivery", "DeliveryCancelled", cause, **told)
    asked = {"region": REGION, "delivery_id": trip.delivery_id}
    return trip.story.command("matcher", "CancelRequest", asked, done)


def off_duty(story: Story, driver_id: str) -> None:
    """A driver that waits takes no more work."""
    told = {"driver_id": driver_id, "region": REGION}
    asked = {**told, "available": False, "location": HERE}
    gone = story.step("driver", "SetAvailability", "DriverBecameUnavailable", told, asked=asked)
    left = {"region": REGION, "driver_id": driver_id}
    story.step("matcher", "WithdrawDriver", "DriverWithdrawn", left, gone)


def withdrawn(story: Story, reference: str, driver_id: str) -> Trip:
    """The order is ended while a driver thinks about it, who then waits for the next."""
    trip = ready(story, reference)
    trip.offered(driver_id)
    command = forgotten(trip, ended(trip))
    told = {"region": REGION, "delivery_id": trip.delivery_id, "driver_id": driver_id}
    gone = story.event(command, "RequestCancelled", told)
    place = {"driver_id": driver_id, "location": HERE}
    free = trip.step("driver", "WithdrawOffer", "OfferWithdrawn", gone, **place, region=REGION)
    waits = {"region": REGION, "driver": place}
    registered = {**waits, "offers": []}
    asked = {**told, "reason": "withdrawn", "returning": place}
    story.step("matcher", "DeclineOffer", "DriverRegistered", registered, free, asked)
    off_duty(story, driver_id)
    return trip


def turned_down(story: Story, reference: str, driver_id: str, next_id: str) -> Trip:
    """A driver does not want the delivery, and stays for others; another one takes it."""
    trip = ready(story, reference)
    trip.offered(driver_id)
    answer = {"driver_id": driver_id, "region": REGION, "reason": "too far"}
    declined = trip.step(
        "driver",
        "RejectOffer",
        "DeliveryDeclined",
        **answer,
        location=HERE,
        is_excluded=True,
        stays_available=True,
    )
    trip.step(
        "matcher",
        "DeclineOffer",
        "OfferDeclined",
        declined,
        **answer,
        is_excluded=True,
        returning={"driver_id": driver_id, "location": HERE},
        offers=[],
    )
    off_duty(story, driver_id)
    trip.accepted(next_id, [driver_id])
    trip.picked_up(next_id)
    trip.dropped_off(next_id)
    return trip


def let_go(story: Story, reference: str, driver_id: str) -> Trip:
    """The order is ended while its driver is on the way to the restaurant."""
    trip = ready(story, reference)
    trip.accepted(driver_id)
    why = {"driver_id": driver_id, "reason": "late"}
    told = trip.step("delivery", "CancelDelivery", "DeliveryCancelling", ended(trip), **why)
    released = trip.step("driver", "ReleaseDriver", "DriverReleased", told, **why)
    end = {"region": REGION, "reason": "late"}
    asked = {"driver_id": driver_id}
    done = trip.step("delivery", "ConfirmRelease", "DeliveryCancelled", released, asked, **end)
    request = {"region": REGION, "delivery_id": trip.delivery_id}
    story.command("matcher", "CancelRequest", request, done)
    return trip


def dismissed(story: Story, reference: str, driver_id: str) -> Trip:
    """A driver takes a delivery that has just ended, and is let go."""
    trip = ready(story, reference)
    trip.offered(driver_id)
    end = ended(trip)
    taken = {"driver_id": driver_id, "region": REGION, "pickup": HERE, "dropoff": HERE}
    accepted = trip.step(
        "driver", "AcceptOffer", "DeliveryAccepted", **taken, code=None, location=HERE
    )
    command = forgotten(trip, end)
    confirmed = {"region": REGION, "delivery_id": trip.delivery_id, "driver_id": driver_id}
    gone = story.event(command, "RequestCancelled", confirmed)
    story.command("driver", "WithdrawOffer", {**trip.ids, "driver_id": driver_id}, gone)
    story.refuse(story.command("matcher", "ConfirmOffer", confirmed, accepted))
    why = {"driver_id": driver_id, "reason": "cancelled"}
    asked = {"location": HERE}
    told = trip.step("delivery", "AssignDriver", "DriverDismissed", accepted, asked, **why)
    released = trip.step("driver", "ReleaseDriver", "DriverReleased", told, **why)
    story.command("delivery", "ConfirmRelease", {**trip.ids, "driver_id": driver_id}, released)
    return trip


def called_back(story: Story, reference: str, driver_id: str) -> Trip:
    """An operator ends an order on the road, and its goods go back."""
    trip = on_the_road(story, reference, driver_id)
    why = {"driver_id": driver_id, "reason": "late"}
    end = ended(trip, "operator")
    told = trip.step("delivery", "CancelDelivery", "DeliveryRecalled", end, **why)
    trip.step("driver", "RecallGoods", "ReturnOrdered", told, **why)
    trip.returned(driver_id)
    return trip


def written_off(story: Story, reference: str, driver_id: str) -> Trip:
    """The goods do not come back, and an operator gives up on them."""
    trip = on_the_road(story, reference, driver_id)
    trip.failed(driver_id)
    why = {"driver_id": driver_id, "reason": "gone"}
    lost = trip.step("delivery", "WriteOffDelivery", "DeliveryWrittenOff", **why)
    left = {"leaves_goods": True}
    released = trip.step("driver", "ReleaseDriver", "DriverReleased", lost, left, **why)
    story.command("delivery", "ConfirmRelease", {**trip.ids, "driver_id": driver_id}, released)
    return trip


def suspected(trip: Trip, driver_id: str, has_goods: bool) -> Entry:
    """Nothing is heard from a driver, and then it is given up."""
    story, about = trip.story, {"driver_id": driver_id}
    since = story.now.isoformat()
    asked = {**about, "since": since}
    story.step("driver", "CheckSilence", "SilenceSuspected", about, asked=asked)
    told = {**about, "region": REGION, "has_goods": has_goods}
    meant = {"suspected_at": since}
    return trip.step("driver", "ConfirmSilence", "DriverFellSilent", None, meant, **told)


def silent(story: Story, reference: str, driver_id: str, next_id: str) -> Trip:
    """A driver falls silent on its way, and the next one with the goods, who is heard again."""
    trip = ready(story, reference)
    trip.accepted(driver_id)
    trip.unassigned(suspected(trip, driver_id, False), driver_id, excluded=[])
    trip.accepted(next_id)
    trip.picked_up(next_id)
    lost = suspected(trip, next_id, True)
    flagged = {"flag": "driver_silent", "since": story.now.isoformat()}
    about = {"driver_id": next_id}
    trip.step("delivery", "ReportSilence", "DeliveryFlagged", lost, about, **flagged)
    seen = {**about, "location": HERE, "recorded_at": story.now.isoformat()}
    story.step("driver", "ReportLocation", "DriverHeard", about, asked=seen)
    trip.dropped_off(next_id)
    return trip


def taken_off(story: Story, reference: str, driver_id: str, next_id: str) -> Trip:
    """An operator gives the goods on board of one driver to another."""
    trip = on_the_road(story, reference, driver_id)
    lost = trip.unassigned(None, driver_id)
    why = {"driver_id": driver_id, "reason": "flat tyre"}
    left = {"leaves_goods": True}
    released = trip.step("driver", "ReleaseDriver", "DriverReleased", lost, left, **why)
    story.command("delivery", "ConfirmRelease", {**trip.ids, "driver_id": driver_id}, released)
    trip.accepted(next_id, [driver_id])
    done = trip.step("driver", "ReportPickup", "GoodsPickedUp", driver_id=next_id)
    noted = trip.step("delivery", "ConfirmPickup", "DeliveryPickedUp", done, driver_id=next_id)
    story.command("order", "RecordPickup", {"order_id": trip.order_id}, noted)
    trip.dropped_off(next_id)
    return trip


def locked(story: Story, reference: str, driver_id: str) -> Trip:
    """So many wrong codes are named that an operator has to let the goods go without one."""
    trip = on_the_road(story, reference, driver_id, CODE)
    wrong = trip.wrong_code(driver_id, 1, is_locked=True)
    flagged = {"flag": "wrong_codes", "since": story.now.isoformat()}
    named = {"driver_id": driver_id, "wrong_codes": 1}
    trip.step("delivery", "ReportWrongCodes", "DeliveryFlagged", wrong, named, **flagged)
    why = {"driver_id": driver_id, "reason": "an old phone"}
    waived = trip.step("delivery", "WaiveCode", "CodeWaived", **why)
    trip.step("driver", "LiftCode", "CodeLifted", waived, driver_id=driver_id)
    trip.dropped_off(driver_id)
    return trip


def detours() -> Story:
    """A delivery of every kind that does not go straight to the door."""
    story = Story()
    withdrawn(story, "d-1", "driver-1")
    turned_down(story, "d-2", "driver-2", "driver-3")
    let_go(story, "d-3", "driver-4")
    dismissed(story, "d-4", "driver-5")
    called_back(story, "d-5", "driver-6")
    written_off(story, "d-6", "driver-7")
    silent(story, "d-7", "driver-8", "driver-9")
    taken_off(story, "d-8", "driver-10", "driver-11")
    locked(story, "d-9", "driver-12")
    return story
