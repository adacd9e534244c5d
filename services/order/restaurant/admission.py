"""The admission of an order: may it be charged, and how long does the restaurant cook?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.common.messages.order import DELAY_SECONDS_MAX
from services.common.messages.restaurant import (
    AdmissionGranted,
    AdmissionRefused,
    AdmitOrder,
    RestaurantStatus,
)
from services.common.values import TEXT_CHARS_MAX
from services.order.restaurant.hours import bounded, day_text, is_open, wall_clock
from services.order.restaurant.state import Restaurant, snoozed_item, status_at

ZONE_CHARS_MAX = 64


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for a restaurant that has not said otherwise, in seconds."""

    preparation_seconds: int = 900
    accept_seconds_max: int = 690


def decide_admission(
    command: AdmitOrder, restaurant: Restaurant, at: datetime, defaults: Defaults
) -> AdmissionGranted | AdmissionRefused:
    """Whether an order may be charged, as the restaurant will be when its preparation starts."""
    cooks = restaurant.preparation_seconds
    seconds = defaults.preparation_seconds if cooks is None else cooks
    start = _start(command, at, seconds)
    status = status_at(restaurant, start)
    refusal = _refusal(command, restaurant, start, status)
    if refusal is not None:
        reason, detail = refusal
        return AdmissionRefused(restaurant.restaurant_id, command.order_id, reason, detail)
    if status is RestaurantStatus.BUSY:
        seconds += restaurant.busy_seconds
    limit = restaurant.accept_seconds_max
    return AdmissionGranted(
        restaurant.restaurant_id,
        command.order_id,
        restaurant.zone or command.zone,
        seconds,
        defaults.accept_seconds_max if limit is None else limit,
    )


def _refusal(
    command: AdmitOrder, restaurant: Restaurant, start: datetime, status: RestaurantStatus
) -> tuple[str, str] | None:
    """Reason and detail, for an order whose preparation starts at `start`; None where it may."""
    name = restaurant.restaurant_id
    if status in (RestaurantStatus.PAUSED, RestaurantStatus.OFFLINE):
        end = _end_text(restaurant, restaurant.until)
        return f"restaurant_{status.lower()}", f"{name} is {status}{end}"
    for item in command.items:
        snoozed = snoozed_item(restaurant, item, start)
        if snoozed is not None:
            shown, end = item[:TEXT_CHARS_MAX], _end_text(restaurant, snoozed.until)
            return "item_unavailable", f"{name} is out of {shown!r}{end}"
    if None not in (command.zone, restaurant.zone) and command.zone != restaurant.zone:
        shown = str(command.zone)[:ZONE_CHARS_MAX]
        return "zone_mismatch", f"the zone of {name} is {restaurant.zone}, not {shown!r}"
    wanted = start if command.ready_at is None else bounded(command.ready_at)
    wall = wall_clock(restaurant.zone, wanted)
    if wall is not None and not is_open(restaurant.hours, restaurant.zone, wanted):
        return (
            "outside_opening_hours",
            f"the order is for {_wall_text(restaurant, wanted)}; "
            f"the hours of {name} on {day_text(restaurant.hours, wall.isoweekday())}",
        )
    return None


def _start(command: AdmitOrder, at: datetime, preparation_seconds: int) -> datetime:
    """When the preparation is to start; never before `at`, and never past our centuries."""
    if command.ready_at is not None:
        lead = timedelta(seconds=preparation_seconds)
        return bounded(max(at, bounded(command.ready_at) - lead))
    seconds = min(max(command.delay_seconds, 0), DELAY_SECONDS_MAX)
    return bounded(bounded(at) + timedelta(seconds=seconds))


def _end_text(restaurant: Restaurant, until: datetime | None) -> str:
    return "" if until is None else f" until {_wall_text(restaurant, until)}"


def _wall_text(restaurant: Restaurant, instant: datetime) -> str:
    wall = wall_clock(restaurant.zone, instant)
    if wall is None:
        return bounded(instant).isoformat(timespec="minutes")
    return f"{wall.isoformat(timespec='minutes')} ({restaurant.zone})"
