"""One driver's phone: polls, drives, reports, pauses, and gets over lost answers and networks."""

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from services.sandbox.driver_service import AssignedDelivery, DriverService, DriverServiceError
from services.sandbox.faults import FaultSwitch, PhoneFaults
from services.sandbox.geography import GeoPoint, move_towards
from services.sandbox.instants import rfc3339_now
from services.sandbox.locations import LocationOutbox, LocationReport
from services.sandbox.settings import Settings

logger = logging.getLogger(__name__)


class PhoneStatus(StrEnum):
    """What a phone is doing."""

    STARTING = "starting"
    AVAILABLE = "available"
    DRIVING_TO_PICKUP = "driving_to_pickup"
    DRIVING_TO_DROPOFF = "driving_to_dropoff"
    PAUSING = "pausing"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class PhoneView:
    """A phone as GET /phones shows it."""

    driver_id: str
    status: PhoneStatus
    location: GeoPoint
    delivery_id: str | None
    is_online: bool
    locations_buffered: int
    deliveries_completed: int
    last_error: str | None


class Phone:
    """A phone that lives by ticks: it drives one step, polls, and reports what it reached."""

    def __init__(
        self,
        driver_id: str,
        location: GeoPoint,
        settings: Settings,
        random: Random,
        faults: FaultSwitch[PhoneFaults],
        driver_service: DriverService,
        outbox: LocationOutbox,
    ) -> None:
        self.driver_id = driver_id
        self._location = location
        self._settings = settings
        self._random = random
        self._faults = faults
        self._driver_service = driver_service
        self._outbox = outbox
        self._delivery: AssignedDelivery | None = None
        self._is_polled = False
        self._is_announced = False
        self._announce_at = 0.0
        self._dropped_off_id: str | None = None
        self._deliveries_completed = 0
        self._offline_until = 0.0
        self._call_at = 0.0
        self._backoff_seconds = settings.driver_backoff_seconds
        self._last_error: str | None = None

    async def run(self) -> None:
        """Ticks until it is cancelled."""
        tick_seconds = self._settings.tick_seconds
        # Phones that start together would otherwise all poll in the same instant.
        await asyncio.sleep(self._random.random() * tick_seconds)
        while True:
            await self.tick()
            await asyncio.sleep(tick_seconds)

    async def tick(self) -> None:
        """Does what a phone does in one tick."""
        if self._is_silent():
            return
        self._drive()
        now = time.monotonic()
        if not self._has_network(now):
            return
        self._outbox.flush()
        if now < self._call_at:
            return
        try:
            await self._poll(now)
            await self._report(now)
        except DriverServiceError as error:
            self._back_off(now, str(error))
        else:
            self._backoff_seconds = self._settings.driver_backoff_seconds
            self._last_error = None

    def view(self) -> PhoneView:
        """The phone's present state."""
        return PhoneView(
            driver_id=self.driver_id,
            status=self._status(),
            location=self._location,
            delivery_id=self._delivery.delivery_id if self._delivery else None,
            is_online=time.monotonic() >= self._offline_until,
            locations_buffered=len(self._outbox),
            deliveries_completed=self._deliveries_completed,
            last_error=self._last_error,
        )

    def _status(self) -> PhoneStatus:
        if self._is_silent():
            return PhoneStatus.SILENT
        if self._delivery:
            is_picked_up = self._delivery.picked_up
            return PhoneStatus.DRIVING_TO_DROPOFF if is_picked_up else PhoneStatus.DRIVING_TO_PICKUP
        if not self._is_polled:
            return PhoneStatus.STARTING
        return PhoneStatus.AVAILABLE if self._is_announced else PhoneStatus.PAUSING

    def _is_silent(self) -> bool:
        faults = self._faults.current
        return faults.pause_all or self.driver_id in faults.vanish

    def _has_network(self, now: float) -> bool:
        if now < self._offline_until:
            return False
        faults = self._faults.current
        if self._faults.strikes(faults.network_loss_share):
            self._offline_until = now + faults.offline_seconds
            return False
        return True

    def _drive(self) -> None:
        if self._delivery is None or self._location == self._delivery.target():
            return
        step_m = self._settings.speed_mps * self._settings.tick_seconds
        self._location = move_towards(self._location, self._delivery.target(), step_m)
        report = LocationReport(self.driver_id, self._location, rfc3339_now())
        for _ in range(2 if self._faults.current.duplicate_locations else 1):
            self._outbox.add(report)

    async def _poll(self, now: float) -> None:
        delivery = await self._driver_service.assigned_delivery(self.driver_id)
        ended = self._delivery
        if ended and (delivery is None or delivery.delivery_id != ended.delivery_id):
            self._deliveries_completed += ended.delivery_id == self._dropped_off_id
            self._announce_at = now + self._settings.pause_seconds
        if delivery:
            self._is_announced = False
        self._delivery = delivery
        self._is_polled = True

    async def _report(self, now: float) -> None:
        # The poll just showed that an earlier report did not count, or there was none: a call
        # answered 202 is repeated tick by tick until polling shows its effect.
        if self._delivery is None:
            await self._announce(now)
        elif self._location != self._delivery.target():
            return
        elif self._delivery.picked_up:
            self._dropped_off_id = self._delivery.delivery_id
            await self._driver_service.report_dropoff(self.driver_id, self._dropped_off_id)
        else:
            await self._driver_service.report_pickup(self.driver_id, self._delivery.delivery_id)

    async def _announce(self, now: float) -> None:
        if now < self._announce_at:
            return
        await self._driver_service.announce_available(
            self.driver_id, self._settings.region, self._location
        )
        self._is_announced = True
        # Polling cannot show whether an announcement counted, so a waiting phone repeats it.
        self._announce_at = now + (self._settings.availability_repeat_seconds or math.inf)

    def _back_off(self, now: float, error: str) -> None:
        if self._last_error is None:
            logger.warning("The phone %s cannot get through: %s", self.driver_id, error)
        self._last_error = error
        self._call_at = now + self._backoff_seconds
        self._backoff_seconds = min(
            self._backoff_seconds * 2, self._settings.driver_backoff_seconds_max
        )
