"""What restaurants say, and orders ask of them, in few words."""

from datetime import datetime, timedelta

from services.common.messages.restaurant import (
    AdmissionGranted,
    AdmitOrder,
    OpeningHours,
    RestaurantConfigured,
    RestaurantStatus,
    RestaurantStatusChanged,
)
from services.order.restaurant import Defaults, restaurant_decider

SNAPSHOT_HOURS = 24.0
DEFAULTS = Defaults(preparation_seconds=900, accept_seconds_max=690)
DECIDER = restaurant_decider(DEFAULTS, SNAPSHOT_HOURS)
HOUR = timedelta(hours=1)
BUSY, PAUSED, OFFLINE, OPEN = (
    RestaurantStatus.BUSY,
    RestaurantStatus.PAUSED,
    RestaurantStatus.OFFLINE,
    RestaurantStatus.OPEN,
)
DINNER = tuple(OpeningHours(day, 18 * 60, 23 * 60) for day in range(1, 8))


def admit(
    *items: str,
    delay_seconds: int = 0,
    ready_at: datetime | None = None,
    zone: str | None = None,
) -> AdmitOrder:
    """An order asks."""
    return AdmitOrder("r1", "o1", items or ("Wine",), delay_seconds, ready_at, zone)


def status(
    value: RestaurantStatus, seconds: int = 0, until: datetime | None = None
) -> RestaurantStatusChanged:
    """The restaurant has said so."""
    return RestaurantStatusChanged("r1", value, seconds, until)


def configured(
    zone: str = "Europe/Rome",
    hours: tuple[OpeningHours, ...] = (),
    preparation_seconds: int | None = None,
    accept_seconds_max: int | None = None,
) -> RestaurantConfigured:
    """The restaurant is set up."""
    return RestaurantConfigured("r1", zone, hours, preparation_seconds, accept_seconds_max)


def granted(
    seconds: int = 900, zone: str | None = None, accept_seconds_max: int = 690
) -> AdmissionGranted:
    """The order may be charged."""
    return AdmissionGranted("r1", "o1", zone, seconds, accept_seconds_max)
