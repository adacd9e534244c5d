"""Drivers and their phones: they take work and reject it, drive, err, give up and fall silent."""

from collections.abc import Iterable
from datetime import timedelta

from services.common import ids
from services.common.messages.driver import (
    AcceptOffer,
    AssignedDelivery,
    DriverCommand,
    GiveUpDelivery,
    RejectOffer,
    ReportDropoff,
    ReportFailure,
    ReportLocation,
    ReportPickup,
    ReportReturn,
    SetAvailability,
)
from services.common.values import GeoPoint
from services.driver.domain import Driver
from tests.process.partners import REGIONS
from tests.process.world import World


class Phones:
    """The phones of `driver_count` drivers, and of more where help is needed."""

    def __init__(self, world: World, driver_count: int) -> None:
        self.world = world
        self.drivers = [f"driver-{number}" for number in range(driver_count)]

    def name(self, number: int) -> str:
        """One of the drivers."""
        return self.drivers[number % len(self.drivers)]

    def driver(self, number: int) -> Driver | None:
        """The twin of one of the drivers."""
        found: Driver | None = self.world.state("driver", self.name(number))
        return found

    def announce(self, number: int) -> None:
        """A phone says that its driver takes work, somewhere."""
        self.say(self.name(number), True, REGIONS[number // 7 % 2])

    def rest(self, number: int) -> None:
        """A phone says that its driver takes no work."""
        self.say(self.name(number), False, REGIONS[number // 7 % 2])

    def say(self, driver_id: str, available: bool, region: str) -> None:
        """A phone says whether its driver takes work."""
        self.world.say(
            "driver", SetAvailability(driver_id, available, region, GeoPoint(37.3, -121.9))
        )

    def locate(self, number: int) -> None:
        """A phone says where it is; the clock of some is wrong."""
        place = GeoPoint(37.3 + number % 1000 / 10_000, -121.9)
        ahead = timedelta(minutes=(0, 0, 0, 0, 9, -9)[number % 6])
        self.world.say("driver", ReportLocation(self.name(number), place, self.world.now + ahead))

    def accept(self, number: int) -> None:
        """A driver takes what it is offered."""
        if offered := self._offered():
            self._accept(offered[number % len(offered)])

    def reject(self, number: int) -> None:
        """A driver does not take what it is offered."""
        if offered := self._offered():
            driver = offered[number % len(offered)]
            assert driver.offer is not None
            delivery_id = driver.offer.delivery_id
            self.world.say("driver", RejectOffer(driver.driver_id, delivery_id, "too far"))

    def give_up(self, number: int) -> None:
        """A driver brings its delivery no more."""
        for name, work in self._at_work(number):
            self.world.say("driver", GiveUpDelivery(name, work.delivery_id, "flat tyre"))

    def work(self, number: int) -> None:
        """A phone reports the next step of its delivery, and the code that the customer names."""
        for name, work in self._at_work(number):
            self._go_on(name, work)

    def slip(self, number: int) -> None:
        """A driver reports a drop-off, whatever it was about to do, and names no code."""
        for name, work in self._at_work(number):
            self.world.say("driver", ReportDropoff(name, work.delivery_id))

    def guess(self, number: int) -> None:
        """A wrong code is named at the door."""
        for name, work in self._at_work(number):
            if work.code is not None:
                wrong = f"{(int(work.code) + 1) % 10_000:04}"
                self.world.say("driver", ReportDropoff(name, work.delivery_id, wrong))

    def fail(self, number: int) -> None:
        """Nobody takes the goods at the door."""
        for name, work in self._at_work(number):
            self.world.say("driver", ReportFailure(name, work.delivery_id, "nobody there"))

    def bring_back(self, number: int) -> None:
        """A driver says that the restaurant has the goods back, asked or not."""
        for name, work in self._at_work(number):
            self.world.say("driver", ReportReturn(name, work.delivery_id))

    def confuse(self, number: int) -> None:
        """A phone takes part in a delivery that is not its driver's."""
        deliveries = list(self.world.states("delivery"))
        if not deliveries:
            return
        name, delivery_id = self.name(number), deliveries[number // 2 % len(deliveries)]
        commands = (
            AcceptOffer(name, delivery_id),
            ReportPickup(name, delivery_id),
            ReportDropoff(name, delivery_id),
            ReportReturn(name, delivery_id),
            GiveUpDelivery(name, delivery_id, "no idea"),
        )
        self.world.say("driver", commands[number % len(commands)])

    def help_all(self) -> None:
        """Drivers accept, drive and speak; those without work go where a delivery waits."""
        needy = self._needy()
        for number, driver_id in enumerate(self.drivers):
            here = ReportLocation(driver_id, GeoPoint(37.3, -121.9), self.world.now)
            self.world.say("driver", here)
            driver = self.driver(number)
            if driver is not None and driver.offer is not None:
                self._accept(driver)
            elif driver is not None and driver.delivery is not None:
                self._go_on(driver_id, driver.delivery)
            elif needy:
                self.say(driver_id, True, needy[number % len(needy)])
        for region in self._unserved():
            self.drivers.append(f"helper-{len(self.drivers)}")
            self.say(self.drivers[-1], True, region)

    def _needy(self) -> list[str]:
        return [name for name, region in self.world.states("matcher").items() if region.waiting]

    def _unserved(self) -> Iterable[str]:
        """The regions where a delivery waits that all have rejected."""
        for name, region in self.world.states("matcher").items():
            if any(set(self.drivers) <= set(each.excluded) for each in region.waiting):
                yield name

    def _accept(self, driver: Driver) -> None:
        offer = driver.offer
        assert offer is not None
        purpose = f"accept/{offer.delivery_id}/{offer.expires_at.isoformat()}"
        command = AcceptOffer(driver.driver_id, offer.delivery_id)
        self.world.send("driver", command, ids.derive(driver.driver_id, purpose))

    def _go_on(self, name: str, work: AssignedDelivery) -> None:
        delivery_id = work.delivery_id
        command: DriverCommand
        if not work.picked_up:
            command = ReportPickup(name, delivery_id)
        elif work.returning:
            command = ReportReturn(name, delivery_id)
        else:
            command = ReportDropoff(name, delivery_id, self._code(work))
        self.world.say("driver", command)

    def _offered(self) -> list[Driver]:
        drivers: Iterable[Driver] = self.world.states("driver").values()
        return [driver for driver in drivers if driver.offer is not None]

    def _at_work(self, number: int) -> list[tuple[str, AssignedDelivery]]:
        """One of the drivers who have a delivery, and that; nobody where there is none."""
        drivers: Iterable[Driver] = self.world.states("driver").values()
        busy = [(each.driver_id, each.delivery) for each in drivers if each.delivery is not None]
        return [busy[number % len(busy)]] if busy else []

    def _code(self, work: AssignedDelivery) -> str | None:
        """What the customer says."""
        code: str | None = self.world.state("order", work.order_id).code
        return code
