"""Opening hours by the clock on a restaurant's wall.

An instant has one reading on that clock, in a gap and in a fold of its time zone too; a reading
that a fold shows twice is open or closed both times.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from services.common.messages.restaurant import MINUTES_PER_DAY, OpeningHours
from services.common.values import INSTANT_MAX, INSTANT_MIN, zone_of

DAYS_PER_WEEK = 7
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def is_open(hours: Iterable[OpeningHours], zone: str | None, instant: datetime) -> bool:
    """True when the clock on the wall is inside one of the hours; always, where there are none.

    Hours that go past midnight belong to the weekday on which they open. A zone that is not known
    here says nothing, and the restaurant counts as open.
    """
    lines = tuple(hours)
    wall = wall_clock(zone, instant)
    if not lines or wall is None:
        return True
    minute = wall.hour * 60 + wall.minute
    return any(_holds(line, wall.isoweekday(), minute) for line in lines)


def wall_clock(zone: str | None, instant: datetime) -> datetime | None:
    """What the clock on the wall shows, with its offset from UTC; None where there is no zone."""
    known = None if zone is None else zone_of(zone)
    return None if known is None else bounded(instant).astimezone(known)


def bounded(instant: datetime) -> datetime:
    """The instant, or the end of our centuries that it lies beyond; UTC."""
    return min(max(instant, INSTANT_MIN), INSTANT_MAX).astimezone(UTC)


def day_text(hours: Iterable[OpeningHours], weekday: int) -> str:
    """The hours that open on a weekday, for a person."""
    opening = sorted(
        (line.opens_minute, line.closes_minute) for line in hours if line.weekday == weekday
    )
    name = WEEKDAYS[weekday - 1]
    if not opening:
        return f"{name}: closed"
    return f"{name}: " + ", ".join(
        f"{_clock_text(opens)}-{_clock_text(closes)}" for opens, closes in opening
    )


def _holds(line: OpeningHours, weekday: int, minute: int) -> bool:
    since_opening = (weekday - line.weekday) % DAYS_PER_WEEK * MINUTES_PER_DAY + minute
    since_opening -= line.opens_minute
    # Hours that close when they open last a whole day.
    minutes = (line.closes_minute - line.opens_minute) % MINUTES_PER_DAY or MINUTES_PER_DAY
    return 0 <= since_opening < minutes


def _clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
