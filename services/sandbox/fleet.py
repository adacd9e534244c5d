"""The phones that are on duty: as many as people want, and those that finish their work first."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from services.sandbox.locations import LocationOutbox
from services.sandbox.phone import Phone

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FleetView:
    """How many drivers are on duty, how many finish first, and how many there may be."""

    count: int
    finishing: int
    count_max: int


class Fleet:
    """Starts phones, and has them go off duty: each brings what it has, then takes no work.

    Args:
        create: a phone of this driver and its outbox, not started.
        count_max: of drivers on duty; those that finish come on top.
    """

    def __init__(
        self, create: Callable[[str], tuple[Phone, LocationOutbox]], count_max: int
    ) -> None:
        self._create = create
        self._count_max = count_max
        self._phones: dict[str, Phone] = {}
        self._outboxes: dict[str, LocationOutbox] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def phones(self) -> list[Phone]:
        """All phones, in the order in which they came."""
        return list(self._phones.values())

    @property
    def is_alive(self) -> bool:
        """False once a phone has ended that was not to end."""
        return not any(task.done() for task in self._tasks.values())

    def knows(self, driver_id: str) -> bool:
        """True when there is a phone of this driver."""
        return driver_id in self._phones

    def view(self) -> FleetView:
        """The present numbers."""
        on_duty = len(self._on_duty())
        return FleetView(on_duty, len(self._phones) - on_duty, self._count_max)

    def set_count(self, wanted: int) -> None:
        """Has so many on duty: calls back those that are about to go, then starts new ones.

        Who has nothing to bring goes first, and of these who came last.

        Raises:
            ValueError: it is out of range.
        """
        if not 0 <= wanted <= self._count_max:
            raise ValueError(f"count is from 0 to {self._count_max}, not {wanted}")
        on_duty = self._on_duty()
        too_many = len(on_duty) - wanted
        if too_many > 0:
            on_duty.reverse()
            on_duty.sort(key=lambda phone: phone.has_work)
            for phone in on_duty[:too_many]:
                phone.go_off_duty()
            return
        going = [phone for phone in self._phones.values() if phone.is_going]
        for phone in going[: wanted - len(on_duty)]:
            phone.stay_on_duty()
        for _ in range(wanted - len(self._on_duty())):
            self._start(self._free_id())

    async def close(self) -> None:
        """Stops all phones where they are."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for outbox in list(self._outboxes.values()):
            await outbox.close()

    def _on_duty(self) -> list[Phone]:
        return [phone for phone in self._phones.values() if not phone.is_going]

    def _free_id(self) -> str:
        names = (f"driver-{number}" for number in count(1))
        return next(name for name in names if name not in self._phones)

    def _start(self, driver_id: str) -> None:
        phone, self._outboxes[driver_id] = self._create(driver_id)
        self._phones[driver_id] = phone
        task = asyncio.create_task(phone.run(), name=driver_id)
        self._tasks[driver_id] = task
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        if error := task.exception():
            logger.error("The phone %s stopped", task.get_name(), exc_info=error)
            return
        for kept in (self._phones, self._outboxes, self._tasks):
            del kept[task.get_name()]
