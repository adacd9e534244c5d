"""One order, what may have happened to it, and every command that it may get."""

from datetime import timedelta
from typing import Any

from services.common import ids
from services.common.decider import Rejected
from services.common.messages.order import (
    AcceptOrder,
    CancelledBy,
    CancelOrder,
    CheckDeadline,
    CloseRefusal,
    ConfirmAdmission,
    ConfirmPayment,
    ConfirmPreparation,
    ConfirmRefund,
    ConfirmTicket,
    ConfirmTicketCancellation,
    ConfirmVoid,
    DeclinePayment,
    DriverFound,
    DriverLost,
    ExpireAcceptance,
    FinishPreparation,
    OrderAdmitted,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPickedUp,
    OrderRefused,
    OrderRejected,
    OrderScheduled,
    PaymentDelayed,
    PaymentRefunded,
    PaymentVoided,
    PreparationDue,
    PreparationFinished,
    PreparationStarted,
    RecordDriver,
    RecordDriverLoss,
    RecordDropoff,
    RecordEta,
    RecordFailure,
    RecordPickup,
    RefundItem,
    RefundRefused,
    RefundRequested,
    RefusalReason,
    RefusalUndone,
    RefuseAdmission,
    RefuseOrder,
    RefusePreparation,
    RefuseRefund,
    ReportPaymentDelay,
    ReportPreparationDelay,
    ReportRefundDelay,
    RequestRefund,
    RetryRefund,
    StartPreparation,
    SubmitOrder,
    TicketCancelled,
    TicketReceived,
    UndoRefusal,
    UpdatePreparation,
)
from services.common.values import GeoPoint, Item, Restaurant
from services.order.domain import Policy, order_decider
from tests.given import NOON, Given, Outcome, given

POLICY = Policy()
DECIDER = order_decider(POLICY)
SUBMIT = SubmitOrder(
    partner="acme",
    reference="order 1",
    restaurant=Restaurant("trattoria", "north", GeoPoint(37.33, -121.88), "America/Los_Angeles"),
    destination=GeoPoint(37.34, -121.87),
    items=(Item("Lasagne", 2, 1250), Item("Water", 1, 300), Item("Napkin", 4, 0)),
    currency="USD",
    payment_token="tok_visa",
    delay_seconds=60,
)
ORDER_ID = SUBMIT.order_id
DELIVERY_ID = ids.delivery_id(ORDER_ID)
AMOUNT_CENTS = 2800
PREPARE_AT = NOON + timedelta(seconds=60)
ACCEPT_BY = NOON + timedelta(seconds=660)
FINAL_AT = NOON + timedelta(seconds=120)
READY_AT = NOON + timedelta(minutes=20)
ETA_AT = NOON + timedelta(minutes=30)
# When the commands come, but for those that tell of a deadline.
AT = PREPARE_AT
LATE = NOON + timedelta(days=1)

CREATED = OrderCreated(
    order_id=ORDER_ID,
    partner="acme",
    reference="order 1",
    restaurant=SUBMIT.restaurant,
    destination=SUBMIT.destination,
    items=SUBMIT.items,
    currency="USD",
    amount_cents=AMOUNT_CENTS,
    payment_token="tok_visa",
    delay_seconds=60,
)
ADMITTED = OrderAdmitted(ORDER_ID, "America/Los_Angeles", 1200, 600)
SCHEDULED = OrderScheduled(ORDER_ID, "charge-1", PREPARE_AT)
DUE = PreparationDue(ORDER_ID, ACCEPT_BY)
PRINTED = TicketReceived(ORDER_ID, "ticket-1")
STARTED = PreparationStarted(ORDER_ID, "ticket-1", READY_AT, ETA_AT)
REFUSED = OrderRefused(ORDER_ID, RefusalReason.TOO_BUSY, "full house", FINAL_AT)
UNDONE = RefusalUndone(ORDER_ID)
FINISHED = PreparationFinished(
    ORDER_ID, DELIVERY_ID, "north", SUBMIT.restaurant.location, SUBMIT.destination
)
FOUND = DriverFound(ORDER_ID, DELIVERY_ID, "driver-1", ETA_AT)
LOST = DriverLost(ORDER_ID, DELIVERY_ID, "driver-1", "gave up")
PICKED_UP = OrderPickedUp(ORDER_ID)
DELIVERED = OrderDelivered(ORDER_ID)
CANCELLED = OrderCancelled(
    ORDER_ID, CancelledBy.RESTAURANT, "too_busy", "full house", AMOUNT_CENTS, None
)
UNPAID_CANCELLED = OrderCancelled(ORDER_ID, CancelledBy.CUSTOMER, "changed my mind")
FAILED = OrderCancelled(ORDER_ID, CancelledBy.TIFFIN, "delivery_failed", "no answer", AMOUNT_CENTS)
WATER = RefundRequested(ORDER_ID, "water", 300, "no water", (RefundItem(1, 1),))

ASKED = (CREATED, ADMITTED, SCHEDULED, DUE)
COOKED = (*ASKED, STARTED, FINISHED)
DRIVEN = (*COOKED, FOUND, PICKED_UP)

# One for every status and for what within a status is answered in another way.
SITUATIONS: dict[str, tuple[Any, ...]] = {
    "unknown": (),
    "created": (CREATED,),
    "admitted": (CREATED, ADMITTED),
    "unpaid": (CREATED, ADMITTED, PaymentDelayed(ORDER_ID, 5, "no answer")),
    "scheduled": (CREATED, ADMITTED, SCHEDULED),
    "asked": ASKED,
    "printed": (*ASKED, PRINTED),
    "refused": (*ASKED, REFUSED),
    "undone": (*ASKED, REFUSED, UNDONE),
    "accepted": (*ASKED, PreparationStarted(ORDER_ID, None, READY_AT, ETA_AT)),
    "cooking": (*ASKED, STARTED),
    "unwilling": (*ASKED, STARTED, REFUSED),
    "cooked": COOKED,
    "waiting": (*COOKED, FOUND),
    "left": (*COOKED, FOUND, LOST),
    "driven": DRIVEN,
    "stranded": (*DRIVEN, LOST),
    "delivered": (*DRIVEN, DELIVERED),
    "refunding": (*DRIVEN, DELIVERED, WATER),
    "refunded": (*DRIVEN, DELIVERED, WATER, PaymentRefunded(ORDER_ID, "water", "refund-1", 300)),
    "kept": (*DRIVEN, DELIVERED, WATER, RefundRefused(ORDER_ID, "water", "expired_card")),
    "unadmitted": (CREATED, OrderRejected(ORDER_ID, "restaurant_paused", "until noon")),
    "declined": (CREATED, ADMITTED, OrderRejected(ORDER_ID, "payment_declined", "no funds")),
    "dropped": (CREATED, UNPAID_CANCELLED),
    "voiding": (CREATED, ADMITTED, UNPAID_CANCELLED),
    "voided": (CREATED, ADMITTED, UNPAID_CANCELLED, PaymentVoided(ORDER_ID, None, None)),
    "cancelled": (*ASKED, REFUSED, CANCELLED),
    "settled": (
        *ASKED,
        REFUSED,
        CANCELLED,
        PaymentRefunded(ORDER_ID, "cancellation", "refund-1", AMOUNT_CENTS),
        TicketCancelled(ORDER_ID),
    ),
    "failed": (*DRIVEN, FAILED),
    "superseded": (*ASKED, WATER, RefundRefused(ORDER_ID, "water", "expired_card"), CANCELLED),
}
COMMANDS: dict[str, Any] = {
    "SubmitOrder": SUBMIT,
    "ConfirmAdmission": ConfirmAdmission(ORDER_ID, "America/Los_Angeles", 1200, 600),
    "RefuseAdmission": RefuseAdmission(ORDER_ID, "restaurant_paused", "until noon"),
    "ConfirmPayment": ConfirmPayment(ORDER_ID, "charge-1"),
    "second_charge": ConfirmPayment(ORDER_ID, "charge-2"),
    "DeclinePayment": DeclinePayment(ORDER_ID, "no funds"),
    "ReportPaymentDelay": ReportPaymentDelay(ORDER_ID, 5, "no answer"),
    "ConfirmVoid": ConfirmVoid(ORDER_ID, None, None),
    "StartPreparation": StartPreparation(ORDER_ID, PREPARE_AT),
    "ConfirmTicket": ConfirmTicket(ORDER_ID, "ticket-1"),
    "second_ticket": ConfirmTicket(ORDER_ID, "ticket-2"),
    "ConfirmPreparation": ConfirmPreparation(ORDER_ID, "ticket-1"),
    "RefusePreparation": RefusePreparation(ORDER_ID, RefusalReason.CLOSED, "on Mondays"),
    "ReportPreparationDelay": ReportPreparationDelay(ORDER_ID, 5, "no answer"),
    "AcceptOrder": AcceptOrder(ORDER_ID, 900),
    "RefuseOrder": RefuseOrder(ORDER_ID, RefusalReason.TOO_BUSY, "full house"),
    "UndoRefusal": UndoRefusal(ORDER_ID),
    "ExpireAcceptance": ExpireAcceptance(ORDER_ID, ACCEPT_BY),
    "CloseRefusal": CloseRefusal(ORDER_ID, FINAL_AT),
    "UpdatePreparation": UpdatePreparation(ORDER_ID, READY_AT + timedelta(minutes=5)),
    "FinishPreparation": FinishPreparation(ORDER_ID),
    "CancelOrder": CancelOrder(ORDER_ID, CancelledBy.CUSTOMER, "changed my mind"),
    "by_operator": CancelOrder(ORDER_ID, CancelledBy.OPERATOR, "an accident"),
    "ConfirmTicketCancellation": ConfirmTicketCancellation(ORDER_ID),
    "RequestRefund": RequestRefund(ORDER_ID, "water", "no water", (RefundItem(1, 1),)),
    "all_that_is_left": RequestRefund(ORDER_ID, "all", "it was cold"),
    "ConfirmRefund": ConfirmRefund(ORDER_ID, "water", "refund-1"),
    "of_cancellation": ConfirmRefund(ORDER_ID, "cancellation", "refund-1"),
    "RefuseRefund": RefuseRefund(ORDER_ID, "water", "expired_card"),
    "ReportRefundDelay": ReportRefundDelay(ORDER_ID, "water", 5, "no answer"),
    "RetryRefund": RetryRefund(ORDER_ID, "water"),
    "RecordDriver": RecordDriver(ORDER_ID, DELIVERY_ID, "driver-1", ETA_AT),
    "second_driver": RecordDriver(ORDER_ID, DELIVERY_ID, "driver-2", ETA_AT),
    "RecordDriverLoss": RecordDriverLoss(ORDER_ID, DELIVERY_ID, "driver-1", "gave up"),
    "RecordEta": RecordEta(ORDER_ID, ETA_AT + timedelta(minutes=1)),
    "RecordPickup": RecordPickup(ORDER_ID),
    "RecordDropoff": RecordDropoff(ORDER_ID),
    "RecordFailure": RecordFailure(ORDER_ID, "no answer"),
    "CheckDeadline": CheckDeadline(ORDER_ID, "payment_late", NOON),
    "start_late": CheckDeadline(ORDER_ID, "start_late", PREPARE_AT),
    "preparation_overdue": CheckDeadline(ORDER_ID, "preparation_overdue", READY_AT),
    "no_driver": CheckDeadline(ORDER_ID, "no_driver", NOON),
    "pickup_late": CheckDeadline(ORDER_ID, "pickup_late", NOON),
    "dropoff_late": CheckDeadline(ORDER_ID, "dropoff_late", NOON),
    "refund_late": CheckDeadline(ORDER_ID, "refund_late", NOON),
    "ticket_late": CheckDeadline(ORDER_ID, "ticket_cancellation_late", NOON),
}

Story = Given[Any, Any, Any]


def order(situation: str) -> Story:
    """The order in a situation."""
    return given(DECIDER, *SITUATIONS[situation])


def told(situation: str, name: str) -> Outcome[Any, Any, Any]:
    """What the order answers in a situation to the command of this name."""
    command = COMMANDS[name]
    return order(situation).when(command, LATE if isinstance(command, CheckDeadline) else AT)


def follow(story: Story, outcome: Outcome[Any, Any, Any]) -> Story:
    """The order after a command, whatever the answer."""
    refused_or_repeated = outcome.result is None or isinstance(outcome.result, Rejected)
    return story if refused_or_repeated else outcome.accepted()
