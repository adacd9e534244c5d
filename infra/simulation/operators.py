"""Operators: they see all orders and deliveries, and act on those that hang."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from infra.simulation.checker import Checker
from infra.simulation.loop import SimulatedLoop
from infra.simulation.web import ConflictError, NoAnswerError, RefusedError, Web
from services.common.messages.delivery import ReassignDelivery, WaiveCode, WriteOffDelivery
from services.common.messages.order import CancelledBy, CancelOrder, RetryRefund
from services.delivery.domain import Delivery, DeliveryStatus
from services.order.domain import Order, OrderStatus, RefundStatus

LOOK_SECONDS = 1.5
ON_THE_WAY = (OrderStatus.WAITING_FOR_DRIVER, OrderStatus.IN_DELIVERY)


class Operators:
    """While they are not sober they also act on what does not hang."""

    def __init__(self, loop: SimulatedLoop, random: Random, web: Web, checker: Checker) -> None:
        self.trace: Callable[[str], None] = lambda line: None
        self.is_sober = False
        self._loop = loop
        self._random = random
        self._web = web
        self._checker = checker

    async def run(self) -> None:
        """Looks around now and then, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS * (0.5 + self._random.random()))
            for service, command in (*self._needed(), *self._rash()):
                self.trace(f"operator: {type(command).__name__}")
                purpose = f"{self._random.getrandbits(64)}"
                with contextlib.suppress(NoAnswerError, RefusedError, ConflictError):
                    await self._web.send(service, command, purpose)

    def _needed(self) -> Iterator[tuple[str, Any]]:
        """What must be done so that everything comes to its end."""
        for order in self._orders():
            for refund in order.refunds:
                if refund.status is RefundStatus.REFUSED:
                    yield "order", RetryRefund(order.order_id, refund.name)
            if "preparation_overdue" in order.flags and (
                order.restaurant.restaurant_id.startswith("forgets") or self.is_sober
            ):
                yield "order", _cancel(order, "forgotten")
        for delivery in self._deliveries():
            if "wrong_codes" in delivery.flags:
                yield "delivery", WaiveCode(delivery.delivery_id, "flat phone")

    def _rash(self) -> Iterator[tuple[str, Any]]:
        if self.is_sober:
            return
        chance = self._random.random
        for order in self._orders():
            share = 0.3 if order.status in ON_THE_WAY else 0.02
            if not order.is_final and chance() < share:
                yield "order", _cancel(order, "fraud")
        for delivery in self._deliveries():
            name = delivery.delivery_id
            if delivery.driver_id is not None and chance() < 0.06:
                yield "delivery", ReassignDelivery(name, delivery.driver_id, "slow")
            if delivery.status is DeliveryStatus.RETURNING and chance() < 0.1:
                yield "delivery", WriteOffDelivery(name, "lost")
            if chance() < 0.02:
                yield "delivery", WaiveCode(name, "flat phone")

    def _orders(self) -> list[Order]:
        return self._checker.states("order")

    def _deliveries(self) -> list[Delivery]:
        return self._checker.states("delivery")


def _cancel(order: Order, reason: str) -> CancelOrder:
    return CancelOrder(order.order_id, CancelledBy.OPERATOR, reason)
