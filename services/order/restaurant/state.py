"""The state of a restaurant, and what it says of an instant, as far as it is known by now."""

from datetime import datetime

from msgspec import Struct

from services.common.messages.restaurant import OpeningHours, RestaurantStatus, SnoozedItem


class Restaurant(Struct, frozen=True):
    """What a restaurant has said of itself; one that has said nothing is open, always."""

    restaurant_id: str
    snapshot_at: datetime
    zone: str | None = None
    hours: tuple[OpeningHours, ...] = ()
    preparation_seconds: int | None = None
    accept_seconds_max: int | None = None
    status: RestaurantStatus = RestaurantStatus.OPEN
    busy_seconds: int = 0
    until: datetime | None = None
    snoozed: tuple[SnoozedItem, ...] = ()


def status_at(restaurant: Restaurant, instant: datetime) -> RestaurantStatus:
    """The status at an instant, as far as it is known by now: OPEN from the end of another on."""
    if restaurant.until is not None and restaurant.until <= instant:
        return RestaurantStatus.OPEN
    return restaurant.status


def snoozed_at(restaurant: Restaurant, instant: datetime) -> tuple[SnoozedItem, ...]:
    """The items that the restaurant is out of at an instant, as far as it is known by now."""
    return tuple(each for each in restaurant.snoozed if each.until is None or each.until > instant)


def snoozed_item(restaurant: Restaurant, item: str, instant: datetime) -> SnoozedItem | None:
    """The snooze of an item at an instant, or None where the restaurant has it."""
    return next((each for each in snoozed_at(restaurant, instant) if each.item == item), None)
