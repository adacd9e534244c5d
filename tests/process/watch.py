"""What must hold at every instant, checked against every event as it is decided."""

from collections import Counter
from typing import Any

from services.common.messages.delivery import (
    DeliveryCompleted,
    DeliveryPickedUp,
    DeliveryReturned,
    DriverAssigned,
)
from services.common.messages.driver import (
    DeliveryAccepted,
    DeliveryDeclined,
    DeliveryGivenUp,
    DeliveryOffered,
    DriverStatus,
    GoodsDroppedOff,
    GoodsPickedUp,
    GoodsReturned,
)
from services.common.messages.order import (
    DriverFound,
    OrderAdmitted,
    OrderCancelled,
    OrderDelivered,
    OrderPickedUp,
    OrderRejected,
    OrderScheduled,
    PaymentRefunded,
    PaymentVoided,
    PreparationDue,
    PreparationFinished,
    PreparationStarted,
    TicketCancelled,
)
from services.delivery.domain import DeliveryStatus
from services.order.domain import Order, OrderStatus, PaymentStatus
from services.order.domain import RefundStatus as Back
from tests.process.outside import Outside
from tests.process.world import Change, World

RANK = {status: rank for rank, status in enumerate(OrderStatus)}
FINAL = (OrderStatus.DELIVERED, OrderStatus.REJECTED, OrderStatus.CANCELLED)
FINAL_DELIVERY = (
    DeliveryStatus.DELIVERED,
    DeliveryStatus.RETURNED,
    DeliveryStatus.CANCELLED,
    DeliveryStatus.WRITTEN_OFF,
)
ONCE_PER_ORDER = (
    OrderAdmitted,
    OrderScheduled,
    OrderRejected,
    OrderCancelled,
    OrderPickedUp,
    OrderDelivered,
    PaymentVoided,
    PreparationDue,
    PreparationStarted,
    PreparationFinished,
    TicketCancelled,
)
ONCE_PER_DELIVERY = (DeliveryCompleted, DeliveryReturned)


class Watch:
    """Sees all that is decided, and what the outside world holds."""

    def __init__(self, world: World, outside: Outside) -> None:
        self.world = world
        self.outside = outside
        self._seen = 0
        self._counts: Counter[tuple[Any, ...]] = Counter()
        self._no_more: set[tuple[str, str]] = set()  # driver and delivery
        self._picked_up: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Checks all that has happened since the last look."""
        changes = self.world.changes[self._seen :]
        self._seen += len(changes)
        for change in changes:
            match change.owner:
                case "order":
                    self._check_order(change)
                case "delivery":
                    self._check_delivery(change)
                case "driver":
                    self._check_driver(change)
                case "matcher":
                    check_region(change.after)
        if changes:
            self._check_live_drivers()
        self._check_ledgers()

    def _check_order(self, change: Change) -> None:
        before, event, after = change.before, change.event, change.after
        check_money(after)
        if isinstance(event, ONCE_PER_ORDER):
            self._once(type(event), change.key)
        if isinstance(event, PaymentRefunded):
            self._once(PaymentRefunded, change.key, event.refund)
        if before is None:
            return
        assert RANK[before.status] <= RANK[after.status], "a status has moved back"
        assert before.status not in FINAL or after.status is before.status, "final has moved"
        assert before.ticket_id in (None, after.ticket_id), "a second ticket"
        assert before.charge_id in (None, after.charge_id), "a second charge"
        if isinstance(event, OrderPickedUp):
            assert before.driver_id is not None, "picked up by nobody"
        if isinstance(event, OrderDelivered):
            assert before.status is OrderStatus.IN_DELIVERY, "delivered before it was picked up"
        if isinstance(event, DriverFound):
            assert before.driver_id is None, "a second driver"

    def _check_delivery(self, change: Change) -> None:
        before, event = change.before, change.event
        if isinstance(event, ONCE_PER_DELIVERY):
            self._once(type(event), change.key)
        if before is None:
            return
        assert before.status not in FINAL_DELIVERY or change.after.status is before.status
        if isinstance(event, DriverAssigned):
            assert before.driver_id is None, "a second driver"
            self._once(DriverAssigned, change.key, change.after.driver_id, change.at)
        if isinstance(event, DeliveryPickedUp | DeliveryCompleted):
            drivers = (before.driver_id, before.taken_off)
            assert event.driver_id in drivers, "the driver of another delivery"
        if isinstance(event, DeliveryCompleted):
            assert before.picked_up_at is not None, "dropped off before it was picked up"

    def _check_driver(self, change: Change) -> None:
        before, event, after = change.before, change.event, change.after
        assert (after.status is DriverStatus.OFFERED) == (after.offer is not None)
        assert (after.status is DriverStatus.ON_DELIVERY) == (after.delivery is not None)
        if isinstance(event, DeliveryOffered):
            assert (change.key, event.delivery_id) not in self._no_more, "asked again after a no"
            assert before.status is DriverStatus.AVAILABLE, "asked while busy"
            assert before.region == event.region
        if isinstance(event, DeliveryGivenUp) or (
            isinstance(event, DeliveryDeclined) and event.is_excluded
        ):
            self._no_more.add((change.key, event.delivery_id))
        if isinstance(event, DeliveryAccepted):
            assert before.delivery is None, "a second delivery"
            assert before.offer is not None, "accepted what was not offered"
            assert before.offer.delivery_id == event.delivery_id
        if isinstance(event, GoodsPickedUp):
            self._picked_up.add((change.key, event.delivery_id))
        if isinstance(event, GoodsDroppedOff | GoodsReturned):
            assert (change.key, event.delivery_id) in self._picked_up, "not picked up"
            self._once("end", change.key, event.delivery_id)
        if isinstance(event, GoodsDroppedOff):
            assert not before.delivery.returning, "dropped off what goes back"

    def _check_live_drivers(self) -> None:
        """One driver at most brings a delivery, besides those whom it was taken from."""
        deliveries = self.world.states("delivery")
        working: Counter[str] = Counter()
        for name, driver in self.world.states("driver").items():
            work = driver.delivery
            if work is not None and name not in deliveries[work.delivery_id].excluded:
                working[work.delivery_id] += 1
        assert all(count == 1 for count in working.values()), "two drivers have one delivery"

    def _check_ledgers(self) -> None:
        provider, pos = self.outside.provider, self.outside.pos
        charges = Counter(each.order_id for each in provider.charges.values() if each.is_made)
        assert set(charges.values()) <= {1}, "an order was charged twice"
        for key, charge in provider.charges.items():
            given_back = provider.given_back(key)
            assert given_back <= charge.amount_cents * charge.is_made, "more back than was paid"
        tickets = Counter(each.order_id for each in pos.tickets.values())
        assert set(tickets.values()) <= {1}, "an order has two tickets"
        for ticket in pos.tickets.values():
            assert ticket.printed <= 1, "printed twice"
            order = self.world.state("order", ticket.order_id)
            if knows_no_ticket(order):
                assert ticket.status not in ("accepted", "received"), "cooked though cancelled"

    def _once(self, *what: Any) -> None:
        self._counts[what] += 1
        assert self._counts[what] == 1, f"{what} twice"


def knows_no_ticket(order: Order) -> bool:
    """True when the order's point of sale has said that it cooks the order no more."""
    return (
        order.status is OrderStatus.CANCELLED
        and order.is_preparation_due
        and not order.is_ticket_cancellation_due
    )


def check_money(order: Order) -> None:
    """What an order says of its money adds up."""
    sums: Counter[Back] = Counter()
    for refund in order.refunds:
        sums[refund.status] += refund.amount_cents
    done, wanted = sums[Back.REFUNDED], sums[Back.OPEN] + sums[Back.DELAYED]
    assert done + wanted <= order.amount_cents, "more is given back than was paid"
    assert len({refund.name for refund in order.refunds}) == len(order.refunds)
    lines: Counter[int] = Counter()
    for refund in order.refunds:
        if refund.status in (Back.OPEN, Back.DELAYED, Back.REFUNDED):
            for item in refund.items:
                lines[item.line] += item.quantity
    for line, quantity in lines.items():
        assert quantity <= order.items[line].quantity, "an item is given back twice"
    is_void = order.payment in (PaymentStatus.VOIDING, PaymentStatus.VOIDED)
    if order.status is OrderStatus.CANCELLED and not is_void:
        left = sums[Back.REFUSED]
        assert done + wanted + left == order.amount_cents, "cancelled, and money is kept"
    if order.status in (OrderStatus.CREATED, OrderStatus.REJECTED):
        assert not order.refunds, "nothing was paid"


def check_region(region: Any) -> None:
    """Nobody waits for who waits for them, and nobody waits twice."""
    for delivery in region.waiting:
        for driver in region.available:
            assert driver.driver_id in delivery.excluded, "they wait for each other"
    for offer in region.offers:
        assert offer.driver.driver_id not in offer.delivery.excluded, "asked again after a no"
    known = [each.delivery_id for each in region.waiting]
    known += [offer.delivery.delivery_id for offer in region.offers]
    assert len(known) == len(set(known)), "a delivery waits twice"
    free = [each.driver_id for each in region.available]
    free += [offer.driver.driver_id for offer in region.offers]
    assert len(free) == len(set(free)), "a driver waits twice"
