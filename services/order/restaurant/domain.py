"""A restaurant: whether it takes orders, what it is out of, how long it cooks.

State, decide, evolve. The end of a status is a timer; the end of a snoozed item is not: an item
whose end has passed counts as there, and the next event forgets it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from services.common.decider import Decider, Rejected, Row, Wakeup
from services.common.messages.restaurant import (
    SNOOZED_MAX,
    AdmissionGranted,
    AdmissionRefused,
    AdmitOrder,
    ConfigureRestaurant,
    ItemRestored,
    ItemSnoozed,
    RestaurantCommand,
    RestaurantConfigured,
    RestaurantEvent,
    RestaurantSnapshotted,
    RestaurantStatus,
    RestaurantStatusChanged,
    RestoreItem,
    ResumeRestaurant,
    SetRestaurantStatus,
    SnoozedItem,
    SnoozeItem,
    TakeRestaurantSnapshot,
)
from services.order.restaurant.admission import Defaults, decide_admission
from services.order.restaurant.state import Restaurant, snoozed_at, snoozed_item

SOURCES_MAX = 512


def decide(
    command: RestaurantCommand, restaurant: Restaurant | None, at: datetime, defaults: Defaults
) -> RestaurantEvent | Rejected | None:
    """The event of a command, Rejected, or None for a repeat; an order's admission is an event."""
    known = restaurant or Restaurant(command.restaurant_id, at)
    match command:
        case ConfigureRestaurant():
            return _decide_configuration(command, known)
        case SetRestaurantStatus():
            return _decide_status(command, known, at)
        case ResumeRestaurant(until=until):
            if known.until != until:
                return None
            return RestaurantStatusChanged(known.restaurant_id, RestaurantStatus.OPEN, 0, None)
        case SnoozeItem():
            return _decide_snooze(command, known, at)
        case RestoreItem(item=item):
            if snoozed_item(known, item, at) is None:
                return None
            return ItemRestored(known.restaurant_id, item)
        case AdmitOrder():
            return decide_admission(command, known, at, defaults)
        case TakeRestaurantSnapshot():
            return None  # the runtime answers it with `snapshot`
        case _:
            assert_never(command)


def _decide_configuration(
    command: ConfigureRestaurant, restaurant: Restaurant
) -> RestaurantEvent | None:
    cooks, answers = command.preparation_seconds, command.accept_seconds_max
    event = RestaurantConfigured(
        restaurant.restaurant_id, command.zone, command.hours, cooks, answers
    )
    return None if _configured(restaurant, event) == restaurant else event


def _decide_status(
    command: SetRestaurantStatus, restaurant: Restaurant, at: datetime
) -> RestaurantEvent | Rejected | None:
    status, seconds = command.status, command.busy_seconds
    until = None if command.until is None else command.until.astimezone(UTC)
    if seconds and status is not RestaurantStatus.BUSY:
        return Rejected("not_busy", f"a restaurant that is {status} has no busy_seconds")
    if until is not None and status is RestaurantStatus.OPEN:
        return Rejected("open_has_no_end", "OPEN has no end; leave out until")
    if until is not None and until <= at:
        return _until_past(until, at)
    if (status, seconds, until) == (restaurant.status, restaurant.busy_seconds, restaurant.until):
        return None
    return RestaurantStatusChanged(restaurant.restaurant_id, status, seconds, until)


def _decide_snooze(
    command: SnoozeItem, restaurant: Restaurant, at: datetime
) -> RestaurantEvent | Rejected | None:
    until = None if command.until is None else command.until.astimezone(UTC)
    if until is not None and until <= at:
        return _until_past(until, at)
    snoozed = snoozed_item(restaurant, command.item, at)
    if snoozed is None and len(snoozed_at(restaurant, at)) >= SNOOZED_MAX:
        return Rejected(
            "too_many_snoozed", f"{restaurant.restaurant_id} is out of {SNOOZED_MAX} items already"
        )
    if snoozed is not None and snoozed.until == until:
        return None
    return ItemSnoozed(restaurant.restaurant_id, command.item, until)


def _until_past(until: datetime, at: datetime) -> Rejected:
    return Rejected("until_past", f"{until.isoformat()} is not after {at.isoformat()}")


def evolve(restaurant: Restaurant | None, event: RestaurantEvent, at: datetime) -> Restaurant:
    """The restaurant after the event; snoozes that have ended are forgotten with any event."""
    known = restaurant or Restaurant(event.restaurant_id, at)
    snoozed = snoozed_at(known, at)
    match event:
        case RestaurantConfigured():
            return replace(_configured(known, event), snoozed=snoozed)
        case RestaurantStatusChanged(status=status, busy_seconds=seconds, until=until):
            return replace(known, status=status, busy_seconds=seconds, until=until, snoozed=snoozed)
        case ItemSnoozed(item=item, until=until):
            others = tuple(each for each in snoozed if each.item != item)
            return replace(known, snoozed=(*others, SnoozedItem(item, until)))
        case ItemRestored(item=item):
            return replace(known, snoozed=tuple(each for each in snoozed if each.item != item))
        case AdmissionGranted() | AdmissionRefused():
            return replace(known, snoozed=snoozed)
        case RestaurantSnapshotted():
            whole = Restaurant(
                event.restaurant_id,
                at,
                event.zone,
                event.hours,
                event.preparation_seconds,
                event.accept_seconds_max,
                event.status,
                event.busy_seconds,
                event.until,
                event.snoozed,
            )
            return replace(whole, snoozed=snoozed_at(whole, at))
        case _:
            assert_never(event)


def _configured(restaurant: Restaurant, event: RestaurantConfigured) -> Restaurant:
    return replace(
        restaurant,
        zone=event.zone,
        hours=event.hours,
        preparation_seconds=event.preparation_seconds,
        accept_seconds_max=event.accept_seconds_max,
    )


def snapshot(key: str, row: Row[Restaurant]) -> RestaurantSnapshotted:
    """The whole restaurant as an event, so that events before it may be forgotten."""
    state = row.state
    return RestaurantSnapshotted(
        key,
        state.zone,
        state.hours,
        state.preparation_seconds,
        state.accept_seconds_max,
        state.status,
        state.busy_seconds,
        state.until,
        state.snoozed,
        row.sources,
    )


def labels(restaurant: Restaurant) -> Mapping[str, str]:
    """Restaurants are listed by status."""
    return {"status": restaurant.status.value}


def restaurant_decider(
    defaults: Defaults, snapshot_hours: float
) -> Decider[Restaurant, RestaurantCommand, RestaurantEvent]:
    """The restaurant aggregate for the runtime; writes itself whole every `snapshot_hours`."""

    def judge(
        command: RestaurantCommand, restaurant: Restaurant | None, at: datetime
    ) -> RestaurantEvent | Rejected | None:
        return decide(command, restaurant, at, defaults)

    def agenda(restaurant: Restaurant) -> tuple[Wakeup, ...]:
        name, until = restaurant.restaurant_id, restaurant.until
        due_at = restaurant.snapshot_at + timedelta(hours=snapshot_hours)
        due = Wakeup(due_at, TakeRestaurantSnapshot(name))
        return (due,) if until is None else (Wakeup(until, ResumeRestaurant(name, until)), due)

    return Decider(
        name="restaurant",
        key_field="restaurant_id",
        decide=judge,
        evolve=evolve,
        agenda=agenda,
        labels=labels,
        listed_at=lambda restaurant: datetime(2000, 1, 1, tzinfo=UTC),
        state_type=Restaurant,
        sources_max=SOURCES_MAX,
        snapshot_command=TakeRestaurantSnapshot,
        snapshot_event=RestaurantSnapshotted,
        snapshot=snapshot,
    )
