"""One order through the whole world, told step by step."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.common.decider import Wakeup
from services.common.messages.order import SubmitOrder
from services.common.values import Restaurant
from services.delivery.domain import Delivery
from services.driver.domain import Driver
from services.order.domain import Order, OrderStatus
from tests.process.outside import TAKES
from tests.process.partners import submission
from tests.process.players import Players
from tests.process.settled import check_settled
from tests.process.watch import Watch
from tests.process.world import World

ROUNDS_MAX = 100


class Story:
    """An order of the partner acme in the region north, and drivers there."""

    def __init__(
        self,
        restaurant: str = TAKES,
        driver_count: int = 1,
        ready_at: datetime | None = None,
        requires_code: bool = False,
        zone: str | None = None,
    ) -> None:
        self.world = World()
        self.players = Players(self.world, 1, driver_count)
        self.watch = Watch(self.world, self.players.outside)
        plain = submission(0, self.world)
        self.submission: SubmitOrder = replace(
            plain,
            restaurant=Restaurant(restaurant, "north", plain.restaurant.location, zone),
            ready_at=ready_at,
            delay_seconds=0,
            requires_code=requires_code,
        )
        self.players.partners.submissions[0] = self.submission

    @property
    def order(self) -> Order:
        """The order as it is now."""
        order: Order = self.world.state("order", self.submission.order_id)
        return order

    @property
    def delivery(self) -> Delivery:
        """The order's delivery as it is now."""
        delivery: Delivery = self.world.state("delivery", self.order.delivery_id or "")
        return delivery

    def driver(self, number: int = 0) -> Driver:
        """A driver's twin as it is now."""
        driver: Driver = self.world.state("driver", f"driver-{number}")
        return driver

    def settle(self) -> None:
        """All that is on its way arrives."""
        self.world.settle()
        self.watch.look()
        check_settled(self.world)

    def do(self, *deeds: Callable[[int], None], number: int = 0) -> None:
        """People act one after another, and all that follows happens before the next."""
        for deed in deeds:
            deed(number)
            self.settle()

    def say(self, owner: str, *commands: Any) -> None:
        """Somebody gives commands, and all that follows happens."""
        for command in commands:
            self.world.say(owner, command)
        self.settle()

    def pass_seconds(self, seconds: float) -> None:
        """Time passes, and timers fire at their instants."""
        until = self.world.now + timedelta(seconds=seconds)
        while due := [each for each in self._awaited() if each[2].at <= until]:
            owner, key, wakeup = min(due, key=lambda each: each[2].at)
            self.world.pass_time(wakeup.at)
            self.world.wake(owner, key, wakeup)
            before = len(self.world.changes)
            self.settle()
            if len(self.world.changes) == before:
                break  # what fires again and again is not what is told here
        self.world.pass_time(until)

    def _awaited(self) -> list[tuple[str, str, Wakeup]]:
        return [
            (owner, key, wakeup)
            for owner in self.world.services
            for key, wakeup in self.world.awaited(owner)
        ]

    def until_created(self) -> None:
        """The order is taken in, and its restaurant has admitted it."""
        self.do(self.players.partners.submit)
        assert self.order.is_admitted

    def until_scheduled(self) -> None:
        """The order is paid."""
        self.until_created()
        self.do(self.players.answer)
        assert self.order.status is OrderStatus.SCHEDULED

    def until_asked(self) -> None:
        """The restaurant's point of sale is asked."""
        self.until_scheduled()
        assert self.order.prepare_at is not None
        self.pass_seconds((self.order.prepare_at - self.world.now).total_seconds() + 1)
        assert self.order.is_asked

    def until_cooking(self) -> None:
        """The restaurant cooks."""
        self.until_asked()
        self.do(self.players.answer)
        assert self.order.status is OrderStatus.IN_PREPARATION

    def until_cooked(self) -> None:
        """The order waits for a driver, and there is none."""
        self.until_cooking()
        self.do(self.players.kitchens.finish)
        assert self.order.status is OrderStatus.SCHEDULING_DELIVERY

    def until_offered(self) -> None:
        """The first driver is asked."""
        self.until_cooked()
        self.do(self.players.phones.announce)
        assert self.driver().offer is not None

    def until_assigned(self) -> None:
        """The first driver comes."""
        self.until_offered()
        self.do(self.players.phones.accept)
        assert self.order.status is OrderStatus.WAITING_FOR_DRIVER

    def until_picked_up(self) -> None:
        """The first driver has the goods."""
        self.until_assigned()
        self.do(self.players.phones.work)
        assert self.order.status is OrderStatus.IN_DELIVERY

    def finish(self) -> None:
        """Everybody does what is due until the order is at its end, and its money too."""
        for _ in range(ROUNDS_MAX):
            order = self.order
            if order.is_final and not self.players.outside.waited_for(order.order_id):
                return
            self.players.help_all()
            self.settle()
        raise AssertionError(f"stuck: {self.order.status} {self.order.payment}")

    @property
    def kept_cents(self) -> int:
        """What the payment provider has taken and not given back."""
        provider = self.players.outside.provider
        return sum(
            charge.amount_cents - provider.given_back(key)
            for key, charge in provider.charged(self.submission.order_id)
        )

    @property
    def refusals(self) -> list[str]:
        """Why commands were refused, in order, of all services."""
        return [
            refusal.reason
            for service in self.world.services.values()
            for _, _, refusal in service.rejections
        ]

    def happened(self, kind: type[Any]) -> int:
        """How often events of this type were decided."""
        return sum(isinstance(change.event, kind) for change in self.world.changes)
