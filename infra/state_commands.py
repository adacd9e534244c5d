"""What may be said to each aggregate: at least one command of every type, in a finite set.

Commands that a state asks for by a timer are not named here; the search takes them from its agenda.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from services.common.messages import delivery, driver, matcher, order, restaurant
from services.common.messages.restaurant import RestaurantStatus
from services.common.values import GeoPoint, Item, Restaurant

PICKUP, DROPOFF = GeoPoint(45.46, 9.19), GeoPoint(45.48, 9.2)
CODE, WRONG_CODE = "1234", "4321"
DRIVERS = ("v1", "v2")
SUBMISSION = order.SubmitOrder(
    partner="partner",
    reference="reference",
    restaurant=Restaurant("r1", "north", PICKUP),
    destination=DROPOFF,
    items=(Item("Pizza", 2, 900),),
    currency="EUR",
    payment_token="tok",
    requires_code=True,
)
ORDER_ID = SUBMISSION.order_id
DELIVERY_ID = "d1"


def order_commands(state: Any, at: datetime) -> Iterator[order.OrderCommand]:
    """What partners, restaurants, deliveries and the outside world say of an order."""
    yield SUBMISSION
    yield order.ConfirmAdmission(ORDER_ID, "Europe/Rome", 900, 690)
    yield order.RefuseAdmission(ORDER_ID, "restaurant_paused", "")
    yield order.ConfirmPayment(ORDER_ID, "charge")
    yield order.DeclinePayment(ORDER_ID, "insufficient_funds")
    yield order.ReportPaymentDelay(ORDER_ID, 1, "timeout")
    yield order.ConfirmVoid(ORDER_ID, None, None)
    yield order.ConfirmTicket(ORDER_ID, "ticket")
    yield order.ConfirmPreparation(ORDER_ID, "ticket")
    yield order.RefusePreparation(ORDER_ID, order.RefusalReason.CLOSED)
    yield order.ReportPreparationDelay(ORDER_ID, 1, "timeout")
    yield order.AcceptOrder(ORDER_ID)
    yield order.RefuseOrder(ORDER_ID, order.RefusalReason.TOO_BUSY)
    yield order.UndoRefusal(ORDER_ID)
    yield order.UpdatePreparation(ORDER_ID, at + timedelta(minutes=20))
    yield order.FinishPreparation(ORDER_ID)
    for by in order.CancelledBy:
        yield order.CancelOrder(ORDER_ID, by, "changed_mind")
    yield order.ConfirmTicketCancellation(ORDER_ID)
    yield order.RequestRefund(ORDER_ID, "one", "cold", (order.RefundItem(0, 1),))
    yield order.RequestRefund(ORDER_ID, "rest", "cold")
    for refund in ("one", "rest", "cancellation"):
        yield order.ConfirmRefund(ORDER_ID, refund, f"refund-{refund}")
        yield order.RefuseRefund(ORDER_ID, refund, "too_old")
        yield order.ReportRefundDelay(ORDER_ID, refund, 1, "timeout")
        yield order.RetryRefund(ORDER_ID, refund)
    yield order.RecordDriver(ORDER_ID, DELIVERY_ID, "v1", at)
    yield order.RecordDriverLoss(ORDER_ID, DELIVERY_ID, "v1", "gave_up")
    yield order.RecordEta(ORDER_ID, at)
    yield order.RecordPickup(ORDER_ID)
    yield order.RecordDropoff(ORDER_ID)
    yield order.RecordFailure(ORDER_ID, "nobody_there")


def restaurant_commands(state: Any, at: datetime) -> Iterator[restaurant.RestaurantCommand]:
    """What a restaurant says of itself, and orders ask of it."""
    until = at + timedelta(hours=1)
    for delay_seconds in (0, 7200):
        yield restaurant.AdmitOrder("r1", ORDER_ID, ("Pizza",), delay_seconds, None, "Europe/Rome")
    yield restaurant.ConfigureRestaurant("r1", "Europe/Rome")
    for status in RestaurantStatus:
        yield restaurant.SetRestaurantStatus("r1", status)
        yield restaurant.SetRestaurantStatus("r1", status, until=until)
    yield restaurant.SnoozeItem("r1", "Pizza")
    yield restaurant.RestoreItem("r1", "Pizza")


def delivery_commands(state: Any, at: datetime) -> Iterator[delivery.DeliveryCommand]:
    """What orders, drivers and operators say of a delivery."""
    yield delivery.StartDelivery(DELIVERY_ID, ORDER_ID, "north", PICKUP, DROPOFF, CODE)
    for driver_id in DRIVERS:
        yield delivery.AssignDriver(DELIVERY_ID, driver_id, PICKUP)
        yield delivery.UnassignDriver(DELIVERY_ID, driver_id, "flat_tyre", True)
        yield delivery.UnassignDriver(DELIVERY_ID, driver_id, "silent", False)
        yield delivery.ConfirmRelease(DELIVERY_ID, driver_id)
        yield delivery.ReportSilence(DELIVERY_ID, driver_id)
        yield delivery.ReportWrongCodes(DELIVERY_ID, driver_id, 5)
        yield delivery.TrackDriver(DELIVERY_ID, driver_id, DROPOFF, at + timedelta(hours=1))
        yield delivery.ConfirmPickup(DELIVERY_ID, driver_id)
        yield delivery.ConfirmDropoff(DELIVERY_ID, driver_id)
        yield delivery.FailDelivery(DELIVERY_ID, driver_id, "nobody_there")
        yield delivery.ConfirmReturn(DELIVERY_ID, driver_id)
        yield delivery.ReassignDelivery(DELIVERY_ID, driver_id, "too_slow")
    yield delivery.CancelDelivery(DELIVERY_ID, "changed_mind")
    yield delivery.WriteOffDelivery(DELIVERY_ID, "lost")
    yield delivery.WaiveCode(DELIVERY_ID, "no_phone")


def matcher_commands(state: Any, at: datetime) -> Iterator[matcher.MatcherCommand]:
    """What a delivery and two drivers say to their region."""
    waits = matcher.WaitingDelivery(DELIVERY_ID, ORDER_ID, PICKUP, DROPOFF, CODE)
    yield matcher.RequestDriver("north", waits)
    yield matcher.CancelRequest("north", DELIVERY_ID)
    for driver_id in DRIVERS:
        free = matcher.AvailableDriver(driver_id, PICKUP)
        yield matcher.RegisterDriver("north", free)
        yield matcher.WithdrawDriver("north", driver_id)
        yield matcher.ConfirmOffer("north", DELIVERY_ID, driver_id)
        yield matcher.DeclineOffer("north", DELIVERY_ID, driver_id, "timed_out")
        yield matcher.DeclineOffer("north", DELIVERY_ID, driver_id, "rejected", True, free)


def driver_commands(state: Any, at: datetime) -> Iterator[driver.DriverCommand]:
    """What its phone, the matcher and deliveries say to the twin of a driver."""
    for available in (True, False):
        yield driver.SetAvailability("v1", available, "north", PICKUP)
    for delivery_id, code in ((DELIVERY_ID, CODE), ("d2", None)):
        yield driver.OfferDelivery("v1", delivery_id, ORDER_ID, "north", PICKUP, DROPOFF, code)
        yield driver.AcceptOffer("v1", delivery_id)
        yield driver.RejectOffer("v1", delivery_id, "too_far")
        yield driver.WithdrawOffer("v1", delivery_id)
        yield driver.GiveUpDelivery("v1", delivery_id, "flat_tyre")
        yield driver.ReleaseDriver("v1", delivery_id, "cancelled")
        yield driver.ReleaseDriver("v1", delivery_id, "reassigned", leaves_goods=True)
        yield driver.RecallGoods("v1", delivery_id, "cancelled")
        yield driver.ReportPickup("v1", delivery_id)
        for named in (CODE, WRONG_CODE):
            yield driver.ReportDropoff("v1", delivery_id, named)
        yield driver.ReportFailure("v1", delivery_id, "nobody_there")
        yield driver.ReportReturn("v1", delivery_id)
        yield driver.LiftCode("v1", delivery_id)
    yield driver.ReportLocation("v1", DROPOFF, at)
    yield driver.ReportLocation("v1", DROPOFF, at - timedelta(days=9))
