"""Who stands around the services: partners, payment provider, points of sale, driver phones.

Each does the next thing that it may do, as often as it is asked; a repeated call has the same id.
"""

from collections.abc import Sequence
from datetime import timedelta

from services.common import ids
from services.common.decider import Wakeup
from services.common.messages.driver import (
    DriverStatus,
    ReportDropoff,
    ReportLocation,
    ReportPickup,
    SetAvailability,
)
from services.common.messages.order import (
    ConfirmPayment,
    ConfirmPreparation,
    ConfirmRefund,
    DeclinePayment,
    FinishPreparation,
    RefusePreparation,
    ReportPaymentDelay,
    ReportPreparationDelay,
    SubmitOrder,
)
from services.common.values import GeoPoint, Item, Restaurant
from services.driver.domain import Driver
from services.order.domain import ChargePayment, Order, RefundPayment, RequestPreparation
from tests.process.world import World

REGIONS = ("north", "south")
DECLINED, REFUSED = "tok_declined", "closed"


class Players:
    """The outside world of `order_count` orders and `driver_count` drivers.

    Every fourth order is declined by the payment provider, every fourth refused by the restaurant.
    """

    def __init__(self, world: World, order_count: int, driver_count: int) -> None:
        self.world = world
        self.order_count = order_count
        self.orders: dict[int, SubmitOrder] = {}
        self.drivers = [f"driver-{number}" for number in range(driver_count)]
        self._said = 0
        self._cooking: set[str] = set()
        self._called_back: set[str] = set()
        self.deeds = (
            self.submit,
            self.answer,
            self.answer,
            self.delay,
            self.take_ticket,
            self.call_back,
            self.call_back_unasked,
            self.fire,
            self.fire,
            self.snapshot,
            self.announce,
            self.announce,
            self.rest,
            self.locate,
            self.work,
            self.work,
            self.slip,
        )

    def submit(self, number: int) -> None:
        """A partner submits an order, or submits it again."""
        number %= self.order_count
        command = self.orders.setdefault(number, _submission(number, self.world))
        self.world.send("order", command, ids.derive(command.order_id, "SubmitOrder"))

    def answer(self, number: int) -> None:
        """The payment provider or a point of sale answers one call that an order waits for."""
        if order := self._order(number):
            for call in self.world.services["order"].decider.agenda(order):
                if not isinstance(call, Wakeup):
                    self._answer(order, call)

    def delay(self, number: int) -> None:
        """The payment provider and the points of sale have not answered for long."""
        if order := self._order(number):
            name = order.order_id
            self._report(order, ReportPaymentDelay(name, 5, "no answer"))
            self._report(order, ReportPreparationDelay(name, 5, "no answer"))

    def take_ticket(self, number: int) -> None:
        """A point of sale prints an order's ticket, and its answer is lost."""
        if order := self._order(number):
            self._cook(order)

    def call_back(self, number: int) -> None:
        """The restaurant says that an order that it was asked for is ready."""
        order = self._order(number)
        if order and order.order_id in self._cooking:
            self._called_back.add(order.order_id)
            self.call_back_unasked(number)

    def call_back_unasked(self, number: int) -> None:
        """The restaurant says that an order is ready, though perhaps nobody asked it to cook."""
        if order := self._order(number):
            command = FinishPreparation(order.order_id)
            self.world.send("order", command, ids.derive(order.order_id, "FinishPreparation"))

    def fire(self, number: int) -> None:
        """Fires one order's timer when it is due, else lets five seconds pass."""
        due = [each for each in self.world.due("order") if each[1].at <= self.world.now]
        if due:
            self.world.wake("order", *due[number % len(due)])
        else:
            self.world.pass_time(self.world.now + timedelta(seconds=5))

    def snapshot(self, number: int) -> None:
        """It is time for a driver or a region to write itself to the log."""
        for owner in ("driver", "matcher"):
            if wakeups := self.world.due(owner):
                self.world.wake(owner, *wakeups[number % len(wakeups)])

    def announce(self, number: int) -> None:
        """A phone says that its driver takes work, somewhere."""
        self.say(self.drivers[number % len(self.drivers)], True, REGIONS[number // 7 % 2])

    def rest(self, number: int) -> None:
        """A phone says that its driver takes no work."""
        self.say(self.drivers[number % len(self.drivers)], False, REGIONS[number // 7 % 2])

    def say(self, driver_id: str, available: bool, region: str) -> None:
        """A phone says whether its driver takes work."""
        self._said += 1
        command = SetAvailability(driver_id, available, region, GeoPoint(37.3, -121.9))
        self.world.send("driver", command, f"said-{self._said}")

    def locate(self, number: int) -> None:
        """A phone says where it is."""
        driver_id = self.drivers[number % len(self.drivers)]
        place = GeoPoint(37.3 + number / 10_000, -121.9)
        self._said += 1
        command = ReportLocation(driver_id, place, self.world.now)
        self.world.send("driver", command, f"said-{self._said}")

    def work(self, number: int) -> None:
        """A phone polls its twin and reports the next step of its delivery."""
        driver = self._driver(number)
        if driver is None or driver.delivery is None:
            return
        work = driver.delivery.delivery_id
        if driver.delivery.picked_up:
            command: ReportPickup | ReportDropoff = ReportDropoff(driver.driver_id, work)
        else:
            command = ReportPickup(driver.driver_id, work)
        purpose = f"{type(command).__name__}/{work}"
        self.world.send("driver", command, ids.derive(driver.driver_id, purpose))

    def slip(self, number: int) -> None:
        """A driver reports the drop-off, whether or not the goods are on board."""
        driver = self._driver(number)
        if driver is not None and driver.delivery is not None:
            work = driver.delivery.delivery_id
            command = ReportDropoff(driver.driver_id, work)
            command_id = ids.derive(driver.driver_id, f"ReportDropoff/{work}")
            self.world.send("driver", command, command_id)

    def help_all(self) -> None:
        """Everybody does what is due; drivers without work go where a delivery waits."""
        for number in range(self.order_count):
            self.submit(number)
            self.answer(number)
            order = self._order(number)
            if order and order.order_id not in self._called_back:
                self.call_back(number)
        if wakeups := self.world.due("order"):
            self.world.pass_time(min(wakeup.at for _, wakeup in wakeups))
            self.fire(0)
        needy = [name for name, region in self.world.states("matcher").items() if region.waiting]
        for number, driver_id in enumerate(self.drivers):
            self.work(number)
            driver = self._driver(number)
            if driver is None or driver.status is not DriverStatus.ON_DELIVERY:
                self._go_where_needed(driver_id, driver, needy)

    def _go_where_needed(self, driver_id: str, driver: Driver | None, needy: Sequence[str]) -> None:
        if needy:
            self.say(driver_id, True, needy[0])
        elif driver is None or driver.status is DriverStatus.UNAVAILABLE:
            self.say(driver_id, True, REGIONS[0])

    def _cook(self, order: Order) -> None:
        calls = self.world.services["order"].decider.agenda(order)
        if order.restaurant.restaurant_id != REFUSED:
            self._cooking.update(order.order_id for call in calls if _is_ticket(call))

    def _answer(self, order: Order, call: object) -> None:
        name = order.order_id
        match call:
            case ChargePayment(payment_token=token, idempotency_key=key):
                declined = DeclinePayment(name, "insufficient funds")
                charged = ConfirmPayment(name, f"charge-{key}")
                self._report(order, declined if token == DECLINED else charged)
            case RefundPayment(idempotency_key=key):
                self._report(order, ConfirmRefund(name, f"refund-{key}"))
            case _:
                self._cook(order)
                refused = order.restaurant.restaurant_id == REFUSED
                taken = ConfirmPreparation(name, f"ticket-{name}")
                self._report(order, RefusePreparation(name, "closed") if refused else taken)

    def _report(self, order: Order, command: object) -> None:
        command_id = ids.derive(order.order_id, f"outcome/{type(command).__name__}")
        self.world.send("order", command, command_id)

    def _order(self, number: int) -> Order | None:
        submission = self.orders.get(number % self.order_count)
        if submission is None:
            return None
        order: Order | None = self.world.states("order").get(submission.order_id)
        return order

    def _driver(self, number: int) -> Driver | None:
        name = self.drivers[number % len(self.drivers)]
        driver: Driver | None = self.world.states("driver").get(name)
        return driver


def _is_ticket(call: object) -> bool:
    return isinstance(call, RequestPreparation)


def _submission(number: int, world: World) -> SubmitOrder:
    restaurant = REFUSED if number % 4 == 3 else "trattoria"
    region = REGIONS[number // 2 % 2]
    return SubmitOrder(
        partner="acme",
        reference=f"order {number}",
        restaurant=Restaurant(restaurant, region, GeoPoint(37.33, -121.88)),
        destination=GeoPoint(37.34, -121.87),
        items=(Item("Lasagne", 1, 1250),),
        currency="USD",
        payment_token=DECLINED if number % 4 == 2 else "tok_visa",
        delay_seconds=0 if number % 2 else 10,
        ready_at=world.now + timedelta(minutes=2) if number % 2 else None,
    )
