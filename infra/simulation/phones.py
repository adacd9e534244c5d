"""Driver phones: they poll, answer offers, drive, report what they reached, and err."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from infra.simulation.broker import Broker, instant
from infra.simulation.clients import Producer
from infra.simulation.loop import Process, SimulatedLoop
from infra.simulation.partners import KITCHEN
from infra.simulation.web import ConflictError, NoAnswerError, RefusedError, Web
from services.common import ids
from services.common.codec import encode_command
from services.common.decider import Envelope
from services.common.messages.driver import (
    AcceptOffer,
    AssignedDelivery,
    GiveUpDelivery,
    OfferedDelivery,
    RejectOffer,
    ReportDropoff,
    ReportFailure,
    ReportLocation,
    ReportPickup,
    ReportReturn,
    SetAvailability,
)
from services.common.values import GeoPoint
from services.common.worker import Worker
from services.driver.domain import Driver

LEGS = 2
TICK_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Habits:
    """How often a driver does what is not expected."""

    reject_share: float = 0.0
    ignore_share: float = 0.0
    give_up_share: float = 0.0
    fail_share: float = 0.0
    wrong_code_share: float = 0.0
    error_share: float = 0.0


class Phone:
    """One driver's phone.

    ask_code: what the customer of an order says at the door.
    """

    def __init__(
        self,
        loop: SimulatedLoop,
        random: Random,
        web: Web,
        broker: Broker,
        driver_id: str,
        regions: Sequence[str],
        ask_code: Callable[[str], str | None],
        habits: Habits,
    ) -> None:
        self.driver_id = driver_id
        self.is_away = False
        self.habits = habits
        self._loop = loop
        self._random = random
        self._web = web
        self._producer = Producer(broker, None, 3600.0)
        self._regions = regions
        self._region = random.choice(regions)
        self._ask_code = ask_code
        self._leg = 0
        self._work: AssignedDelivery | None = None
        self._old_work: AssignedDelivery | None = None
        self._polls_without_work = 0
        self._unsent: list[tuple[bytes, bytes]] = []

    async def run(self) -> None:
        """Lives on, tick by tick."""
        while True:
            await asyncio.sleep(TICK_SECONDS * (0.5 + self._random.random()))
            if self.is_away:
                continue
            try:
                await self._tick()
            except (NoAnswerError, RefusedError, ConflictError):
                continue

    def sober_up(self) -> None:
        """From now on the driver does what is expected."""
        self.habits = Habits()

    async def _tick(self) -> None:
        driver = await self._web.ask("driver", self._poll)
        work = None if driver is None else driver.delivery
        if self._work is not None and (work is None or work.delivery_id != self._work.delivery_id):
            self._old_work, self._leg = self._work, 0
        self._work = work
        if self._chance(self.habits.error_share):
            await self._err()
        if driver is not None and driver.offer is not None:
            await self._decide(driver.offer)
        elif work is None:
            await self._seek()
        else:
            await self._go_on(work)

    async def _decide(self, offer: OfferedDelivery) -> None:
        """The driver takes it, or not, or does not look at the phone."""
        if self._chance(self.habits.ignore_share):
            return
        if self._chance(self.habits.reject_share):
            await self._report(RejectOffer(self.driver_id, offer.delivery_id, "too far"))
        else:
            await self._report(AcceptOffer(self.driver_id, offer.delivery_id))

    async def _go_on(self, work: AssignedDelivery) -> None:
        self._polls_without_work = 0
        self._leg += 1
        await self._locate()
        name = work.delivery_id
        if not work.picked_up:
            if self._chance(self.habits.give_up_share):
                await self._report(GiveUpDelivery(self.driver_id, name, "flat tyre"))
            elif self._leg >= LEGS:
                await self._report(ReportPickup(self.driver_id, name))
        elif self._leg >= 2 * LEGS:
            if work.returning:
                await self._report(ReportReturn(self.driver_id, name))
            elif self._chance(self.habits.fail_share):
                await self._report(ReportFailure(self.driver_id, name, "nobody there"))
            else:
                await self._report(ReportDropoff(self.driver_id, name, self._code(work)))

    def _code(self, work: AssignedDelivery) -> str | None:
        """What the customer says, or what the driver makes of it."""
        code = self._ask_code(work.order_id)
        if code is not None and self._chance(self.habits.wrong_code_share):
            return f"{(int(code) + self._random.randint(1, 9)) % 10_000:04}"
        return code

    async def _poll(self, worker: Worker) -> Driver | None:
        if not worker.front.owns(self.driver_id):
            raise RefusedError("the driver is not here")
        row = worker.front.row(self.driver_id)
        driver: Driver | None = None if row is None else row.state
        return driver

    async def _seek(self) -> None:
        """Says that the driver takes work, now and then in another region."""
        if self._polls_without_work % 4 == 0:
            if self._polls_without_work:
                self._region = self._random.choice(self._regions)
            await self._announce(True)
        self._polls_without_work += 1

    async def _announce(self, available: bool) -> None:
        command = SetAvailability(self.driver_id, available, self._region, KITCHEN)
        command_id = ids.derive(self.driver_id, f"availability/{self._random.getrandbits(64)}")

        async def handle(worker: Worker) -> None:
            await worker.front.send(command, command_id)

        await self._web.ask("driver", handle)

    async def _report(self, command: Any) -> None:
        """A report has the same id when it is repeated, and another when the work comes anew."""
        code = getattr(command, "code", None)

        def purpose(driver: Driver) -> str:
            offer, work = driver.offer, driver.delivery
            occasion = driver.assigned_at if work is not None else offer and offer.expires_at
            return f"{command.delivery_id}/{occasion}/{code}"

        is_judged = self._random.random() < 0.8
        await self._web.send("driver", command, purpose, is_judged)

    async def _locate(self) -> None:
        """Sends where it is; without a network it keeps it, and sends all later, some twice."""
        now = instant(self._loop.now)
        place = GeoPoint(KITCHEN.latitude + 0.001 * self._leg, KITCHEN.longitude)
        command_id = ids.derive(self.driver_id, f"location/{now.isoformat()}")
        envelope = Envelope(command_id, "ReportLocation", now, command_id, command_id)
        value = encode_command(envelope, ReportLocation(self.driver_id, place, now))
        self._unsent.append((self.driver_id.encode(), value))
        if self._random.random() < 0.2:
            return
        for key, kept in self._unsent:
            for _ in range(2 if self._random.random() < 0.1 else 1):
                await self._producer.send("driver.locations", kept, key)
        self._unsent.clear()

    async def _err(self) -> None:
        """What people do with phones."""
        match self._random.randrange(4):
            case 0 if self._work is not None:
                work = self._work
                await self._report(ReportDropoff(self.driver_id, work.delivery_id))
            case 1 if self._old_work is not None:
                old = self._old_work
                await self._report(ReportPickup(self.driver_id, old.delivery_id))
            case 2 if self._old_work is not None:
                old = self._old_work
                await self._report(AcceptOffer(self.driver_id, old.delivery_id))
            case _:
                await self._announce(self._random.random() < 0.5)

    def _chance(self, share: float) -> bool:
        return share > 0 and self._random.random() < share


def drive(loop: SimulatedLoop, phones: Sequence[Phone], process: Process | None = None) -> None:
    """Switches the phones on."""
    for phone in phones:
        loop.spawn(process, phone.run())
