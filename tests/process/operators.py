"""Operators: they look at what hangs, and act."""

from collections.abc import Iterable

from services.common.messages.delivery import ReassignDelivery, WaiveCode, WriteOffDelivery
from services.common.messages.order import CancelledBy, CancelOrder, RetryRefund
from services.delivery.domain import FINAL, Delivery
from services.order.domain import Order
from tests.process.partners import Partners
from tests.process.world import World


class Operators:
    """Who sees all orders and deliveries."""

    def __init__(self, world: World, partners: Partners) -> None:
        self.world = world
        self.partners = partners

    def cancel(self, number: int) -> None:
        """Ends an order, wherever it is."""
        if order := self.partners.chosen(number):
            command = CancelOrder(order.order_id, CancelledBy.OPERATOR, "fraud")
            self.world.say("order", command)

    def retry_refund(self, number: int) -> None:
        """Has a refused refund of an order tried again."""
        if order := self.partners.chosen(number):
            self._retry_refunds(order)

    def reassign(self, number: int) -> None:
        """Takes a delivery from its driver."""
        delivery = self._delivery(number)
        if delivery is not None and delivery.driver_id is not None:
            self.world.say(
                "delivery", ReassignDelivery(delivery.delivery_id, delivery.driver_id, "stuck")
            )

    def write_off(self, number: int) -> None:
        """Gives up on goods that are to come back, or are not."""
        if delivery := self._delivery(number):
            self.world.say("delivery", WriteOffDelivery(delivery.delivery_id, "lost"))

    def waive(self, number: int) -> None:
        """Lets goods be handed over without a code."""
        if delivery := self._delivery(number):
            self.world.say("delivery", WaiveCode(delivery.delivery_id, "phone is flat"))

    def help_all(self) -> None:
        """Sees to refused refunds and to codes that are locked."""
        for number in range(self.partners.order_count):
            order = self.partners.order(number)
            if order is not None and "refund_refused" in order.flags:
                self._retry_refunds(order)
        for delivery in self._deliveries():
            if "wrong_codes" in delivery.flags:
                self.world.say("delivery", WaiveCode(delivery.delivery_id, "phone is flat"))

    def _retry_refunds(self, order: Order) -> None:
        for refund in order.refunds:
            self.world.say("order", RetryRefund(order.order_id, refund.name))

    def _deliveries(self) -> Iterable[Delivery]:
        return self.world.states("delivery").values()

    def _delivery(self, number: int) -> Delivery | None:
        deliveries = list(self._deliveries())
        alive = [each for each in deliveries if each.status not in FINAL]
        if alive and number % 8:
            deliveries = alive
        return deliveries[number % len(deliveries)] if deliveries else None
