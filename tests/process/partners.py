"""Partners and customers: they order, think better of it, and want money back."""

from datetime import timedelta

from services.common import ids
from services.common.messages.order import CancelledBy, CancelOrder, RequestRefund, SubmitOrder
from services.common.messages.order import RefundItem as Line
from services.common.values import GeoPoint, Item, Restaurant
from services.order.domain import Order
from tests.process.outside import ASKS, CLOSED, DECLINED, REFUND_REFUSED, SILENT, TAKES, VISA
from tests.process.world import World

REGIONS = ("north", "south")
RESTAURANTS = {3: CLOSED, 4: SILENT, 6: ASKS}
TOKENS = {2: DECLINED, 5: REFUND_REFUSED}


class Partners:
    """Who orders `order_count` orders; of every dozen some are declined, refused or not answered.

    Every third is handed over only for a code.
    """

    def __init__(self, world: World, order_count: int) -> None:
        self.world = world
        self.order_count = order_count
        self.submissions: dict[int, SubmitOrder] = {}

    def submit(self, number: int) -> None:
        """A partner submits an order, or submits it again."""
        number %= self.order_count
        command = self.submissions.setdefault(number, submission(number, self.world))
        self.world.send("order", command, ids.derive(command.order_id, "SubmitOrder"))

    def order(self, number: int) -> Order | None:
        """One of the orders, None where it is not known yet."""
        asked = self.submissions.get(number % self.order_count)
        found: Order | None = None if asked is None else self.world.state("order", asked.order_id)
        return found

    def chosen(self, number: int) -> Order | None:
        """One of the orders that have not ended; now and then, or where there is none, of all."""
        orders = list(self.world.states("order").values())
        alive = [order for order in orders if not order.is_final]
        chosen = alive if alive and number % 8 else orders
        found: Order | None = chosen[number // 8 % len(chosen)] if chosen else None
        return found

    def cancel(self, number: int) -> None:
        """The customer or the partner ends an order."""
        if order := self.chosen(number):
            by = CancelledBy.CUSTOMER if number % 2 else CancelledBy.PARTNER
            self.world.say("order", CancelOrder(order.order_id, by, "changed_mind"))

    def refund_line(self, number: int) -> None:
        """One of a line of an order is given back, under one of a few names."""
        if order := self.chosen(number):
            line = Line(number % len(order.items), 1)
            name = f"item-{number // 3 % 3}"
            self.world.say("order", RequestRefund(order.order_id, name, "cold", (line,)))

    def refund_all(self, number: int) -> None:
        """All that is left of an order is given back."""
        if order := self.chosen(number):
            self.world.say("order", RequestRefund(order.order_id, "all", "never came"))


def submission(number: int, world: World) -> SubmitOrder:
    """What the order of this number is."""
    region = REGIONS[number // 2 % 2]
    return SubmitOrder(
        partner="acme",
        reference=f"order {number}",
        restaurant=Restaurant(
            RESTAURANTS.get(number % 12, TAKES), region, GeoPoint(37.33, -121.88)
        ),
        destination=GeoPoint(37.34, -121.87),
        items=(Item("Lasagne", 2, 1250), Item("Water", 1, 300)),
        currency="USD",
        payment_token=TOKENS.get(number % 12, VISA),
        delay_seconds=0 if number % 2 else 10,
        ready_at=world.now + timedelta(minutes=2) if number % 2 else None,
        requires_code=number % 3 == 0,
        customer=f"customer-{number % 3}" if number % 4 else None,
    )
