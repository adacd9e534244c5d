"""One driver: what it decides about offers, deliveries and doors, and what its phone then says."""

import math
from dataclasses import dataclass
from enum import StrEnum

from services.sandbox.customers import Customers, wrong_code
from services.sandbox.driver_service import AssignedDelivery, DriverService, OfferedDelivery
from services.sandbox.faults import FaultSwitch, PhoneFaults
from services.sandbox.geography import GeoPoint
from services.sandbox.settings import Settings

REJECTION = "too far away"
GIVING_UP = "the bicycle has a flat tyre"
NOBODY_HOME = "nobody opens the door"


class OfferAnswer(StrEnum):
    """What a driver does about an offer."""

    ACCEPT = "accept"
    REJECT = "reject"
    IGNORE = "ignore"


@dataclass(slots=True)
class Errand:
    """What a driver has decided about one delivery; None where that was not called for yet."""

    delivery_id: str
    gives_up: bool | None = None
    is_unreachable: bool | None = None
    wrong_codes_left: int | None = None
    code: str | None = None
    is_handed_over: bool = False


class Driver:
    """Polls for work and says what is due; the same is said tick by tick until polling shows it.

    A call that is answered 202 may still not count, so nothing here is done once and for all but
    naming wrong codes, which has no effect to wait for.
    """

    def __init__(
        self,
        driver_id: str,
        settings: Settings,
        faults: FaultSwitch[PhoneFaults],
        service: DriverService,
        customers: Customers,
    ) -> None:
        self.offer: OfferedDelivery | None = None
        self.delivery: AssignedDelivery | None = None
        self.is_polled = False
        self.is_announced = False
        self.deliveries_completed = 0
        self.is_going = False
        self.is_off = False
        self._driver_id = driver_id
        self._settings = settings
        self._faults = faults
        self._service = service
        self._customers = customers
        self._announce_at = 0.0
        self._answer: OfferAnswer | None = None
        self._errand: Errand | None = None
        self._has_said_off = False

    def go_off_duty(self) -> None:
        """Has the driver take no more work, once the present delivery is made."""
        self.is_going, self._has_said_off = True, False

    def stay_on_duty(self) -> None:
        """Has the driver take work again, who was about to go."""
        self.is_going = self.is_off = False
        self._announce_at = 0.0

    async def poll(self, now: float) -> None:
        """Asks for the delivery, and for an offer when there is none; now is monotonic."""
        delivery = await self._service.assigned_delivery(self._driver_id)
        self._end_errand(now, delivery)
        self.delivery = delivery
        offer = None
        if delivery:
            self.is_announced = False
        else:
            offer = await self._service.offered_delivery(self._driver_id)
        if offer != self.offer:
            self._answer = None
            if offer is None and delivery is None:
                # The offer may have run out, and then the driver counts as unavailable.
                self._rest(now)
        self.offer = offer
        self.is_polled = True

    async def report(self, now: float, location: GeoPoint) -> None:
        """Says what is due at this place; now is monotonic."""
        if self.delivery:
            await self._go_on(self.delivery, location)
        elif self.is_going:
            await self._leave(location)
        elif self.offer:
            await self._answer_offer(self.offer)
        elif now >= self._announce_at:
            await self._announce(now, location)

    def _end_errand(self, now: float, delivery: AssignedDelivery | None) -> None:
        ended = self._errand
        if ended and (delivery is None or delivery.delivery_id != ended.delivery_id):
            self.deliveries_completed += ended.is_handed_over
            self._errand = None
            self._rest(now)
        if delivery and self._errand is None:
            self._errand = Errand(delivery.delivery_id)

    def _rest(self, now: float) -> None:
        self.is_announced = False
        self._announce_at = now + self._settings.pause_seconds

    async def _announce(self, now: float, location: GeoPoint) -> None:
        await self._service.announce_available(self._driver_id, self._settings.region, location)
        self.is_announced = True
        # Polling cannot show whether an announcement counted, so a waiting phone repeats it.
        self._announce_at = now + (self._settings.availability_repeat_seconds or math.inf)

    async def _leave(self, location: GeoPoint) -> None:
        """Says so until the service shows that it counts: an offer may be on its way."""
        is_off = self._has_said_off and await self._service.takes_no_work(self._driver_id)
        if self.is_going and is_off:
            self.is_off = True
            return
        await self._service.announce_unavailable(self._driver_id, self._settings.region, location)
        self.is_announced, self._has_said_off = False, True

    async def _answer_offer(self, offer: OfferedDelivery) -> None:
        faults = self._faults.current
        if self._answer is None:
            self._answer = OfferAnswer.ACCEPT
            if self._faults.strikes(faults.ignore_offers_share):
                self._answer = OfferAnswer.IGNORE
            elif self._faults.strikes(faults.reject_share):
                self._answer = OfferAnswer.REJECT
        if self._answer is OfferAnswer.ACCEPT:
            await self._service.accept_offer(self._driver_id, offer.delivery_id)
        elif self._answer is OfferAnswer.REJECT:
            await self._service.reject_offer(self._driver_id, offer.delivery_id, REJECTION)

    async def _go_on(self, delivery: AssignedDelivery, location: GeoPoint) -> None:
        assert self._errand is not None
        driver_id, delivery_id = self._driver_id, delivery.delivery_id
        if not delivery.picked_up and self._gives_up(self._errand):
            await self._service.give_up(driver_id, delivery_id, GIVING_UP)
        elif location != delivery.target():
            return
        elif delivery.returning:
            self._errand.is_handed_over = False
            await self._service.report_return(driver_id, delivery_id)
        elif not delivery.picked_up:
            await self._service.report_pickup(driver_id, delivery_id)
        elif self._finds_nobody(self._errand):
            await self._service.report_failure(driver_id, delivery_id, NOBODY_HOME)
        else:
            await self._hand_over(delivery, self._errand)

    def _gives_up(self, errand: Errand) -> bool:
        if errand.gives_up is None:
            errand.gives_up = self._faults.strikes(self._faults.current.give_up_share)
        return errand.gives_up

    def _finds_nobody(self, errand: Errand) -> bool:
        if errand.is_unreachable is None:
            errand.is_unreachable = self._faults.strikes(self._faults.current.unreachable_share)
        return errand.is_unreachable

    async def _hand_over(self, delivery: AssignedDelivery, errand: Errand) -> None:
        if delivery.code_locked and delivery.requires_code:
            # No code is taken any more; somebody in the office has to lift it.
            return
        if delivery.requires_code:
            code = errand.code = errand.code or await self._customers.code(delivery.order_id)
            if errand.wrong_codes_left is None:
                errand.wrong_codes_left = self._roll_wrong_codes()
            if errand.wrong_codes_left > 0:
                # Each is another one, as the same wrong code again would be a repeat of it.
                wrong = wrong_code(code, errand.wrong_codes_left)
                await self._service.name_wrong_code(self._driver_id, delivery.delivery_id, wrong)
                errand.wrong_codes_left -= 1
                return
        errand.is_handed_over = True
        code_named = errand.code if delivery.requires_code else None
        await self._service.report_dropoff(self._driver_id, delivery.delivery_id, code_named)

    def _roll_wrong_codes(self) -> int:
        faults = self._faults.current
        return faults.wrong_codes if self._faults.strikes(faults.wrong_code_share) else 0
