"""Commands and events of restaurants, which the order service keeps."""

from dataclasses import dataclass
from enum import StrEnum

from services.common.messages.order import PREPARATION_SECONDS_MAX, check_preparation_seconds
from services.common.values import (
    Instant,
    Long,
    check_identifier,
    check_instant,
    check_text,
    check_zone,
)

HOURS_MAX = 28
SNOOZED_MAX = 500
ACCEPT_SECONDS_MAX = 86_400
MINUTES_PER_DAY = 1_440


class RestaurantStatus(StrEnum):
    """Whether a restaurant takes orders; a BUSY one does, and cooks longer."""

    OPEN = "OPEN"
    BUSY = "BUSY"
    PAUSED = "PAUSED"
    OFFLINE = "OFFLINE"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """A time of every week that a restaurant is open, by the clock on its wall.

    weekday: 1 for Monday to 7 for Sunday.
    opens_minute, closes_minute: minutes since midnight; one that closes no later than it opens
        closes on the day after.
    """

    weekday: Long
    opens_minute: Long
    closes_minute: Long

    def __post_init__(self) -> None:
        if not 1 <= self.weekday <= 7:
            raise ValueError(f"weekday is from 1 for Monday to 7 for Sunday, not {self.weekday}")
        for name, value in (
            ("opens_minute", self.opens_minute),
            ("closes_minute", self.closes_minute),
        ):
            if not 0 <= value < MINUTES_PER_DAY:
                raise ValueError(f"{name} is from 0 to {MINUTES_PER_DAY - 1}, not {value}")


@dataclass(frozen=True, slots=True)
class SnoozedItem:
    """An item that the restaurant is out of, until an instant or until it says otherwise."""

    item: str
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class ConfigureRestaurant:
    """The zone, the opening hours and the limits of a restaurant.

    zone: the IANA name of its time zone.
    hours: when it is open; always, where there are none.
    preparation_seconds, accept_seconds_max: how long it cooks, and how long it may take to answer;
        None for what holds for all.
    """

    restaurant_id: str
    zone: str
    hours: tuple[OpeningHours, ...] = ()
    preparation_seconds: Long | None = None
    accept_seconds_max: Long | None = None

    def __post_init__(self) -> None:
        check_identifier("restaurant_id", self.restaurant_id)
        check_zone(self.zone)
        check_preparation_seconds(self.preparation_seconds)
        if len(self.hours) > HOURS_MAX:
            raise ValueError(f"hours has {len(self.hours)} lines; at most {HOURS_MAX} are taken")
        seconds = self.accept_seconds_max
        if seconds is not None and not 1 <= seconds <= ACCEPT_SECONDS_MAX:
            raise ValueError(f"accept_seconds_max is from 1 to {ACCEPT_SECONDS_MAX}, not {seconds}")


@dataclass(frozen=True, slots=True)
class SetRestaurantStatus:
    """The restaurant takes orders or not, until an instant or until it says otherwise.

    busy_seconds: how much longer it cooks while it is busy.
    """

    restaurant_id: str
    status: RestaurantStatus
    busy_seconds: Long = 0
    until: Instant | None = None

    def __post_init__(self) -> None:
        check_identifier("restaurant_id", self.restaurant_id)
        if not 0 <= self.busy_seconds <= PREPARATION_SECONDS_MAX:
            raise ValueError(
                f"busy_seconds is from 0 to {PREPARATION_SECONDS_MAX}, not {self.busy_seconds}"
            )
        if self.until is not None:
            check_instant("until", self.until)


@dataclass(frozen=True, slots=True)
class ResumeRestaurant:
    """The time of a status is over, and the restaurant is open again."""

    restaurant_id: str
    until: Instant


@dataclass(frozen=True, slots=True)
class SnoozeItem:
    """The restaurant is out of an item, until an instant or until it says otherwise."""

    restaurant_id: str
    item: str
    until: Instant | None = None

    def __post_init__(self) -> None:
        check_identifier("restaurant_id", self.restaurant_id)
        check_text("item", self.item)
        if self.until is not None:
            check_instant("until", self.until)


@dataclass(frozen=True, slots=True)
class RestoreItem:
    """The restaurant has an item again."""

    restaurant_id: str
    item: str

    def __post_init__(self) -> None:
        check_identifier("restaurant_id", self.restaurant_id)
        check_text("item", self.item)


@dataclass(frozen=True, slots=True)
class AdmitOrder:
    """May this order be taken in? `ready_at` is when it is wanted, None for as soon as can be.

    zone: what the partner holds for the time zone of the restaurant.
    """

    restaurant_id: str
    order_id: str
    items: tuple[str, ...]
    delay_seconds: Long
    ready_at: Instant | None
    zone: str | None


@dataclass(frozen=True, slots=True)
class TakeRestaurantSnapshot:
    """It is time to write the whole restaurant to the log: older events may be forgotten."""

    restaurant_id: str


@dataclass(frozen=True, slots=True)
class RestaurantConfigured:
    """The zone, the opening hours and the limits of the restaurant have been set."""

    restaurant_id: str
    zone: str
    hours: tuple[OpeningHours, ...]
    preparation_seconds: Long | None
    accept_seconds_max: Long | None


@dataclass(frozen=True, slots=True)
class RestaurantStatusChanged:
    """The restaurant takes orders or not, until an instant or until it says otherwise."""

    restaurant_id: str
    status: RestaurantStatus
    busy_seconds: Long
    until: Instant | None


@dataclass(frozen=True, slots=True)
class ItemSnoozed:
    """The restaurant is out of an item."""

    restaurant_id: str
    item: str
    until: Instant | None


@dataclass(frozen=True, slots=True)
class ItemRestored:
    """The restaurant has the item again."""

    restaurant_id: str
    item: str


@dataclass(frozen=True, slots=True)
class AdmissionGranted:
    """The order may be charged; the restaurant cooks for so long, and answers within so long."""

    restaurant_id: str
    order_id: str
    zone: str | None
    preparation_seconds: Long
    accept_seconds_max: Long


@dataclass(frozen=True, slots=True)
class AdmissionRefused:
    """The order may not be taken in; `reason` is a short code."""

    restaurant_id: str
    order_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class RestaurantSnapshotted:
    """The whole restaurant: a fold may begin here. `sources` is the memory of what was applied."""

    restaurant_id: str
    zone: str | None
    hours: tuple[OpeningHours, ...]
    preparation_seconds: Long | None
    accept_seconds_max: Long | None
    status: RestaurantStatus
    busy_seconds: Long
    until: Instant | None
    snoozed: tuple[SnoozedItem, ...]
    sources: dict[str, Long]


RestaurantCommand = (
    ConfigureRestaurant
    | SetRestaurantStatus
    | ResumeRestaurant
    | SnoozeItem
    | RestoreItem
    | AdmitOrder
    | TakeRestaurantSnapshot
)
RestaurantEvent = (
    RestaurantConfigured
    | RestaurantStatusChanged
    | ItemSnoozed
    | ItemRestored
    | AdmissionGranted
    | AdmissionRefused
    | RestaurantSnapshotted
)
