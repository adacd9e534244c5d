"""What becomes of an offer: taken, rejected, expired, withdrawn; and of a driver's availability."""

from datetime import datetime, timedelta
from typing import assert_never

from services.common.decider import Rejected
from services.common.messages.driver import (
    AcceptOffer,
    DeliveryAccepted,
    DeliveryDeclined,
    DeliveryOffered,
    DriverBecameAvailable,
    DriverBecameUnavailable,
    DriverEvent,
    DriverStatus,
    ExpireOffer,
    OfferDelivery,
    OfferedDelivery,
    OfferWithdrawn,
    RejectOffer,
    SetAvailability,
    WithdrawOffer,
)
from services.driver.domain.limits import DriverLimits
from services.driver.domain.twin import OFF_DUTY, REJECTED, Driver

OfferCommand = OfferDelivery | AcceptOffer | RejectOffer | ExpireOffer | WithdrawOffer


def decide_availability(
    command: SetAvailability, driver: Driver | None
) -> DriverEvent | Rejected | None:
    """What becomes of a driver who takes work, or none; the first time makes it known."""
    if driver is None:
        if not command.available:
            return None
        return DriverBecameAvailable(command.driver_id, command.region, command.location)
    if driver.delivery is not None:
        return Rejected("on_a_delivery", f"{driver.driver_id} has a delivery to finish first")
    if driver.offer is not None:
        return _availability_of_offered(command, driver, driver.offer)
    is_available = driver.status is DriverStatus.AVAILABLE
    if not command.available:
        return DriverBecameUnavailable(driver.driver_id, driver.region) if is_available else None
    if is_available and driver.region == command.region:
        return None
    return DriverBecameAvailable(
        driver.driver_id,
        command.region,
        command.location,
        driver.region if is_available else None,
    )


def _availability_of_offered(
    command: SetAvailability, driver: Driver, offer: OfferedDelivery
) -> DriverEvent | Rejected | None:
    if not command.available:
        return _declined(driver, offer, OFF_DUTY)
    if driver.region == command.region:
        return None
    return Rejected("offer_open", f"{driver.driver_id} has an offer in {driver.region} to answer")


def decide_offer(
    command: OfferCommand, driver: Driver, at: datetime, limits: DriverLimits
) -> DriverEvent | Rejected | None:
    """What becomes of an offer."""
    if isinstance(command, OfferDelivery):
        return _offer(command, driver, at, limits)
    offer = driver.offer
    if offer is not None and offer.delivery_id != command.delivery_id:
        offer = None
    match command:
        case AcceptOffer(delivery_id=delivery_id):
            if driver.delivery is not None and driver.delivery.delivery_id == delivery_id:
                return None
            return _no_such_offer(command) if offer is None else _accept(driver, offer, at)
        case RejectOffer(delivery_id=delivery_id):
            if offer is not None:
                return _declined(driver, offer, REJECTED, is_excluded=True, stays_available=True)
            return None if delivery_id in driver.rejected else _no_such_offer(command)
        case ExpireOffer(expires_at=expires_at):
            if offer is None or offer.expires_at != expires_at:
                return None
            return _declined(driver, offer, "offer_timed_out")
        case WithdrawOffer():
            return None if offer is None else withdrawn(driver, offer)
        case _:
            assert_never(command)


def _offer(
    command: OfferDelivery, driver: Driver, at: datetime, limits: DriverLimits
) -> DriverEvent | None:
    """Every offer has its answer, so that it ends in the region too: one that is open yet has it
    to come, and of a delivery that the driver has had, or has, it is no.
    """
    if driver.offer is not None and driver.offer.delivery_id == command.delivery_id:
        return None
    is_free = driver.status is DriverStatus.AVAILABLE and driver.region == command.region
    if command.delivery_id in driver.rejected:
        return _declined(
            driver, command, "rejected_before", is_excluded=True, stays_available=is_free
        )
    if command.delivery_id == driver.last_delivery_id:
        return _declined(
            driver, command, "finished_before", is_excluded=True, stays_available=is_free
        )
    if driver.delivery is not None:
        return _declined(driver, command, "on_a_delivery")
    if driver.offer is not None:
        return _declined(driver, command, "has_an_offer")
    if driver.status is not DriverStatus.AVAILABLE:
        return _declined(driver, command, "not_available")
    if not is_free:
        return _declined(driver, command, "in_another_region")
    return DeliveryOffered(
        driver_id=driver.driver_id,
        delivery_id=command.delivery_id,
        order_id=command.order_id,
        region=command.region,
        pickup=command.pickup,
        dropoff=command.dropoff,
        code=command.code,
        expires_at=at + timedelta(seconds=limits.offer_seconds_max),
    )


def _accept(driver: Driver, offer: OfferedDelivery, at: datetime) -> DeliveryAccepted | Rejected:
    if at >= offer.expires_at:
        return Rejected(
            "offer_expired", f"{offer.delivery_id} was offered until {offer.expires_at.isoformat()}"
        )
    return DeliveryAccepted(
        driver_id=driver.driver_id,
        delivery_id=offer.delivery_id,
        order_id=offer.order_id,
        region=offer.region,
        pickup=offer.pickup,
        dropoff=offer.dropoff,
        code=offer.code,
        location=driver.location,
    )


def withdrawn(driver: Driver, offer: OfferedDelivery) -> OfferWithdrawn:
    """The offer is gone, and the driver waits for another one."""
    return OfferWithdrawn(
        driver.driver_id, offer.delivery_id, offer.order_id, offer.region, driver.location
    )


def _declined(
    driver: Driver,
    offer: OfferDelivery | OfferedDelivery,
    reason: str,
    is_excluded: bool = False,
    stays_available: bool = False,
) -> DeliveryDeclined:
    return DeliveryDeclined(
        driver_id=driver.driver_id,
        delivery_id=offer.delivery_id,
        order_id=offer.order_id,
        region=offer.region,
        reason=reason,
        location=driver.location,
        is_excluded=is_excluded,
        stays_available=stays_available,
    )


def _no_such_offer(command: AcceptOffer | RejectOffer) -> Rejected:
    return Rejected("no_such_offer", f"{command.delivery_id} is not offered to {command.driver_id}")
