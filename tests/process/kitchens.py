"""The restaurants' people: they take orders, refuse them, think again, cook, and close."""

from datetime import timedelta

from services.common import ids
from services.common.messages.order import (
    AcceptOrder,
    CancelledBy,
    CancelOrder,
    FinishPreparation,
    RefusalReason,
    RefuseOrder,
    ReportPaymentDelay,
    ReportPreparationDelay,
    UndoRefusal,
    UpdatePreparation,
)
from services.common.messages.restaurant import (
    ConfigureRestaurant,
    OpeningHours,
    RestaurantStatus,
    RestoreItem,
    SetRestaurantStatus,
    SnoozeItem,
)
from services.order.domain import Order, OrderStatus
from tests.process.outside import ASKS, CLOSED, SILENT, TAKES, PointsOfSale
from tests.process.partners import Partners
from tests.process.world import World

NAMES = (TAKES, CLOSED, ASKS, SILENT)
STATUSES = (RestaurantStatus.PAUSED, RestaurantStatus.OFFLINE, RestaurantStatus.BUSY)


class Kitchens:
    """Who stands in the restaurants of the partners' orders."""

    def __init__(self, world: World, partners: Partners, pos: PointsOfSale) -> None:
        self.world = world
        self.partners = partners
        self.pos = pos

    def accept(self, number: int) -> None:
        """A restaurant says that it cooks an order, asked or not."""
        if order := self.partners.chosen(number):
            seconds = number % 600 if number % 2 else None
            self.world.say("order", AcceptOrder(order.order_id, seconds))

    def refuse(self, number: int) -> None:
        """A restaurant says that it does not cook an order, asked or not."""
        if order := self.partners.chosen(number):
            self.world.say("order", RefuseOrder(order.order_id, RefusalReason.TOO_BUSY, "full"))

    def undo(self, number: int) -> None:
        """A restaurant takes its refusal back, in time or not."""
        if order := self.partners.chosen(number):
            self.world.say("order", UndoRefusal(order.order_id))

    def move_ready_time(self, number: int) -> None:
        """A restaurant says that an order is ready at another time."""
        if order := self.partners.chosen(number):
            ready_at = self.world.now + timedelta(seconds=7 * (number % 90))
            self.world.say("order", UpdatePreparation(order.order_id, ready_at))

    def finish(self, number: int) -> None:
        """A restaurant says that an order is ready, asked or not."""
        if order := self.partners.chosen(number):
            self._finish(order)

    def cancel(self, number: int) -> None:
        """A restaurant ends an order."""
        if order := self.partners.chosen(number):
            command = CancelOrder(order.order_id, CancelledBy.RESTAURANT, "no_gas")
            self.world.say("order", command)

    def close(self, number: int) -> None:
        """A restaurant takes no orders, or takes longer, for a while or until it says otherwise."""
        name, status = NAMES[number % 4], STATUSES[number // 4 % 3]
        until = self.world.now + timedelta(seconds=number % 500) if number % 5 else None
        busy_seconds = number if status is RestaurantStatus.BUSY else 0
        self.world.say("restaurant", SetRestaurantStatus(name, status, busy_seconds, until))

    def open(self, number: int) -> None:
        """A restaurant takes orders again."""
        command = SetRestaurantStatus(NAMES[number % 4], RestaurantStatus.OPEN)
        self.world.say("restaurant", command)

    def snooze(self, number: int) -> None:
        """A restaurant is out of water for a while."""
        until = self.world.now + timedelta(seconds=1 + number) if number % 3 else None
        self.world.say("restaurant", SnoozeItem(NAMES[number % 4], "Water", until))

    def restore(self, number: int) -> None:
        """A restaurant has water again."""
        self.world.say("restaurant", RestoreItem(NAMES[number % 4], "Water"))

    def configure(self, number: int) -> None:
        """A restaurant tells its hours: all day, or all day but on Sundays."""
        days = range(1, 7 + number % 2)
        hours = tuple(OpeningHours(day, 0, 0) for day in days)
        seconds = 30 + number if number % 4 == 0 else None
        command = ConfigureRestaurant(NAMES[number % 4], "Europe/Rome", hours, seconds, seconds)
        self.world.say("restaurant", command)

    def delay(self, number: int) -> None:
        """The payment provider and the points of sale have not answered for long."""
        if order := self.partners.chosen(number):
            name = order.order_id
            for command in (
                ReportPaymentDelay(name, 5, "no answer"),
                ReportPreparationDelay(name, 5, "no answer"),
            ):
                purpose = f"delay/{type(command).__name__}"
                self.world.send("order", command, ids.derive(name, purpose))

    def help(self, number: int) -> None:
        """The restaurant does what its ticket asks for."""
        order = self.partners.order(number)
        if order is None:
            return
        is_silent = order.restaurant.restaurant_id == SILENT
        if order.is_asked and not is_silent and self._has_ticket(order, "received"):
            self.world.say("order", AcceptOrder(order.order_id))
        elif order.status is OrderStatus.IN_PREPARATION and order.refusal is None:
            self._finish(order)

    def _finish(self, order: Order) -> None:
        command = FinishPreparation(order.order_id)
        self.world.send("order", command, ids.derive(order.order_id, "FinishPreparation"))

    def _has_ticket(self, order: Order, status: str) -> bool:
        return any(ticket.status == status for ticket in self.pos.of(order.order_id))
