"""One driver's phone: ticks, drives, sends where it is, and gets over lost answers and networks."""

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from services.sandbox.customers import CustomerError
from services.sandbox.driver import Driver
from services.sandbox.driver_service import DriverServiceError
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
    OFFERED = "offered"
    DRIVING_TO_PICKUP = "driving_to_pickup"
    DRIVING_TO_DROPOFF = "driving_to_dropoff"
    RETURNING = "returning"
    PAUSING = "pausing"
    GOING_OFF_DUTY = "going_off_duty"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class PhoneView:
    """A phone as GET /phones shows it."""

    driver_id: str
    status: PhoneStatus
    is_going: bool
    location: GeoPoint
    delivery_id: str | None
    offered_delivery_id: str | None
    is_online: bool
    locations_buffered: int
    deliveries_completed: int
    last_error: str | None


class Phone:
    """A phone that lives by ticks: it drives one step, then lets its driver poll and report."""

    def __init__(
        self,
        driver_id: str,
        location: GeoPoint,
        settings: Settings,
        random: Random,
        faults: FaultSwitch[PhoneFaults],
        driver: Driver,
        outbox: LocationOutbox,
    ) -> None:
        self.driver_id = driver_id
        self._location = location
        self._settings = settings
        self._random = random
        self._faults = faults
        self._driver = driver
        self._outbox = outbox
        self._located_at = -math.inf
        self._offline_until = 0.0
        self._call_at = 0.0
        self._backoff_seconds = settings.driver_backoff_seconds
        self._last_error: str | None = None

    async def run(self) -> None:
        """Ticks until it is cancelled, or off duty with nothing left to send."""
        tick_seconds = self._settings.tick_seconds
        # Phones that start together would otherwise all poll in the same instant.
        await asyncio.sleep(self._random.random() * tick_seconds)
        while not self._is_done:
            await self.tick()
            await asyncio.sleep(tick_seconds)

    @property
    def is_going(self) -> bool:
        """True while it finishes, and then takes no more work."""
        return self._driver.is_going

    @property
    def has_work(self) -> bool:
        """True while its driver has a delivery."""
        return self._driver.delivery is not None

    def go_off_duty(self) -> None:
        """Has it end once its driver's delivery is made and all places are sent."""
        self._driver.go_off_duty()

    def stay_on_duty(self) -> None:
        """Has it go on after all."""
        self._driver.stay_on_duty()

    @property
    def _is_done(self) -> bool:
        return self._driver.is_off and not len(self._outbox)

    async def tick(self) -> None:
        """Does what a phone does in one tick."""
        if self._is_silent():
            return
        now = time.monotonic()
        self._drive(now)
        if not self._has_network(now):
            return
        self._outbox.flush()
        if now < self._call_at or self._driver.is_off:
            return
        try:
            await self._driver.poll(now)
            await self._driver.report(now, self._location)
        except (DriverServiceError, CustomerError) as error:
            self._back_off(now, str(error))
        else:
            self._backoff_seconds = self._settings.driver_backoff_seconds
            self._last_error = None

    def view(self) -> PhoneView:
        """The phone's present state."""
        delivery, offer = self._driver.delivery, self._driver.offer
        return PhoneView(
            driver_id=self.driver_id,
            status=self._status(),
            is_going=self.is_going,
            location=self._location,
            delivery_id=delivery.delivery_id if delivery else None,
            offered_delivery_id=offer.delivery_id if offer else None,
            is_online=time.monotonic() >= self._offline_until,
            locations_buffered=len(self._outbox),
            deliveries_completed=self._driver.deliveries_completed,
            last_error=self._last_error,
        )

    def _status(self) -> PhoneStatus:
        if self._is_silent():
            return PhoneStatus.SILENT
        if delivery := self._driver.delivery:
            if delivery.returning:
                return PhoneStatus.RETURNING
            is_picked_up = delivery.picked_up
            return PhoneStatus.DRIVING_TO_DROPOFF if is_picked_up else PhoneStatus.DRIVING_TO_PICKUP
        if self._driver.is_going:
            return PhoneStatus.GOING_OFF_DUTY
        if self._driver.offer:
            return PhoneStatus.OFFERED
        if not self._driver.is_polled:
            return PhoneStatus.STARTING
        return PhoneStatus.AVAILABLE if self._driver.is_announced else PhoneStatus.PAUSING

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

    def _drive(self, now: float) -> None:
        delivery = self._driver.delivery
        if delivery is None:
            return
        if self._location != delivery.target():
            step_m = self._settings.speed_mps * self._settings.tick_seconds
            self._location = move_towards(self._location, delivery.target(), step_m)
        elif now - self._located_at < self._settings.location_seconds:
            return
        # A phone that stands sends its place too, as a sign of life.
        self._located_at = now
        report = LocationReport(self.driver_id, self._location, rfc3339_now())
        for _ in range(2 if self._faults.current.duplicate_locations else 1):
            self._outbox.add(report)

    def _back_off(self, now: float, error: str) -> None:
        if self._last_error is None:
            logger.warning("The phone %s cannot get through: %s", self.driver_id, error)
        self._last_error = error
        self._call_at = now + self._backoff_seconds
        self._backoff_seconds = min(
            self._backoff_seconds * 2, self._settings.driver_backoff_seconds_max
        )
