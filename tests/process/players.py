"""All who stand around the services, and all that they may do.

Each deed is the next thing that somebody may do, somewhere, as a number has it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.common.decider import Wakeup
from services.common.messages.order import CloseRefusal, ExpireAcceptance, StartPreparation
from tests.process.kitchens import Kitchens
from tests.process.operators import Operators
from tests.process.outside import Outside
from tests.process.partners import Partners
from tests.process.phones import Phones
from tests.process.world import World

Deed = Callable[[int], None]

PAUSES_SECONDS = (*[1, 2, 5, 5, 8] * 12, 20, 40, 70, 120, 700, 4_000)
HELP_SECONDS_MAX = 120
# What an order waits for before it goes on or ends.
AWAITED = (StartPreparation, ExpireAcceptance, CloseRefusal)


class Players:
    """The outside world of `order_count` orders and `driver_count` drivers."""

    def __init__(self, world: World, order_count: int, driver_count: int) -> None:
        self.world = world
        self.outside = Outside(world)
        self.partners = Partners(world, order_count)
        self.kitchens = Kitchens(world, self.partners, self.outside.pos)
        self.phones = Phones(world, driver_count)
        self.operators = Operators(world, self.partners)
        self.work: tuple[Deed, ...] = self._work()
        self.trouble: tuple[Deed, ...] = self._trouble()

    def _work(self) -> tuple[Deed, ...]:
        """What happens every day, each as often as it is told here."""
        kitchens, phones = self.kitchens, self.phones
        return (
            *[self.partners.submit] * 2,
            *[self.answer] * 3,
            self.call,
            *[self.outside.arrive, self.outside.hear] * 2,
            kitchens.accept,
            *[kitchens.finish] * 2,
            kitchens.delay,
            kitchens.move_ready_time,
            *[self.fire] * 4,
            self.snapshot,
            *[phones.announce] * 2,
            phones.rest,
            phones.locate,
            *[phones.accept] * 3,
            *[phones.work] * 4,
        )

    def _trouble(self) -> tuple[Deed, ...]:
        """What people do besides."""
        partners, kitchens, phones = self.partners, self.kitchens, self.phones
        operators = self.operators
        return (
            self.world.repeat,
            *(partners.cancel, partners.refund_line, partners.refund_all),
            *(kitchens.refuse, kitchens.undo, kitchens.undo, kitchens.cancel),
            *(kitchens.close, kitchens.open, kitchens.snooze, kitchens.restore),
            kitchens.configure,
            *[phones.reject, phones.give_up, phones.slip, phones.guess, phones.fail] * 3,
            *[phones.bring_back, phones.confuse, phones.guess] * 3,
            *[operators.reassign, operators.write_off, operators.waive] * 2,
            *(operators.cancel, operators.retry_refund),
        )

    def answer(self, number: int) -> None:
        """The calls that an order waits for are made and answered."""
        if order := self.partners.chosen(number):
            self.outside.answer(order.order_id)

    def call(self, number: int) -> None:
        """The calls that an order waits for set out."""
        if order := self.partners.chosen(number):
            self.outside.call(order.order_id)

    def fire(self, number: int) -> None:
        """Fires a timer that is due, else lets some time pass."""
        if due := self.world.due():
            self.world.wake(*due[number % len(due)])
        else:
            seconds = PAUSES_SECONDS[number % len(PAUSES_SECONDS)]
            self.world.pass_time(self.world.now + timedelta(seconds=seconds))

    def snapshot(self, number: int) -> None:
        """It is time for a driver, a region or a restaurant to write itself to the log."""
        for owner in ("driver", "matcher", "restaurant"):
            kind = self.world.services[owner].decider.snapshot_command
            assert kind is not None
            wakeups = [
                each for each in self.world.awaited(owner) if isinstance(each[1].command, kind)
            ]
            if wakeups:
                self.world.wake(owner, *wakeups[number % len(wakeups)])

    def help_all(self) -> None:
        """Everybody does what is due, and the time passes to what is awaited next."""
        self.outside.deliver_all()
        for number in range(self.partners.order_count):
            self.partners.submit(number)
            if order := self.partners.order(number):
                self.outside.answer(order.order_id)
            self.kitchens.help(number)
        self.phones.help_all()
        self.operators.help_all()
        if not self.world.due():
            self.world.pass_time(self._next_instant())
        for owner, key, wakeup in self.world.due():
            self.world.wake(owner, key, wakeup)

    def _next_instant(self) -> datetime:
        latest = self.world.now + timedelta(seconds=HELP_SECONDS_MAX)
        awaited = (wakeup for _, wakeup in self.world.awaited("order"))
        return min([latest, *(each.at for each in awaited if _is_awaited(each))])


def _is_awaited(wakeup: Wakeup) -> bool:
    return isinstance(wakeup.command, AWAITED)
