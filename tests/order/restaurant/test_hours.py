"""Opening hours by the clock on the wall: past midnight, in gaps and folds, at the calendar's ends.

A schedule is an instant and an IANA zone: a clock change moves no order and no door.
"""

from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.common.messages.restaurant import MINUTES_PER_DAY, OpeningHours
from services.common.values import INSTANT_MAX, INSTANT_MIN
from services.order.restaurant.hours import bounded, day_text, is_open, wall_clock
from tests.given import deterministic

EVENING = (OpeningHours(6, 18 * 60, 2 * 60),)  # Saturday, 18:00-02:00
NIGHT = tuple(OpeningHours(day, 90, 150) for day in range(1, 8))  # 01:30-02:30


def utc(text: str) -> datetime:
    """An instant, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2030-02-02T17:59", False),  # Saturday
        ("2030-02-02T18:00", True),
        ("2030-02-02T23:59", True),
        ("2030-02-03T00:00", True),  # Sunday
        ("2030-02-03T01:59", True),
        ("2030-02-03T02:00", False),
        ("2030-02-02T01:00", False),  # Saturday's night belongs to Friday
        ("2030-02-03T18:00", False),
    ],
)
def test_hours_past_midnight_belong_to_the_day_on_which_they_open(
    wall: str, expected: bool
) -> None:
    instant = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo("Europe/Rome"))
    assert is_open(EVENING, "Europe/Rome", instant.astimezone(UTC)) is expected


def test_sunday_night_ends_on_monday() -> None:
    """The week has no end at which hours would be lost."""
    sunday = (OpeningHours(7, 22 * 60, 60),)
    assert is_open(sunday, "UTC", utc("2030-02-04T00:59"))
    assert not is_open(sunday, "UTC", utc("2030-02-04T01:00"))
    assert not is_open(sunday, "UTC", utc("2030-02-03T00:30"))


def test_hours_that_close_when_they_open_last_a_day() -> None:
    whole = (OpeningHours(1, 600, 600),)
    assert is_open(whole, "UTC", utc("2030-02-04T10:00"))
    assert is_open(whole, "UTC", utc("2030-02-05T09:59"))
    assert not is_open(whole, "UTC", utc("2030-02-05T10:00"))
    assert not is_open(whole, "UTC", utc("2030-02-04T09:59"))


def test_no_hours_and_no_known_zone_are_always_open() -> None:
    assert is_open((), "Europe/Rome", utc("2030-02-04T04:00"))
    assert is_open(EVENING, None, utc("2030-02-04T04:00"))
    assert is_open(EVENING, "Nowhere/Atlantis", utc("2030-02-04T04:00"))


@pytest.mark.parametrize(
    ("zone", "instant", "wall", "expected"),
    [
        # The clock goes from 02:00 to 03:00: of 01:30-02:30 half is left.
        ("Europe/Rome", "2030-03-31T00:29", "2030-03-31T01:29+01:00", False),
        ("Europe/Rome", "2030-03-31T00:59", "2030-03-31T01:59+01:00", True),
        ("Europe/Rome", "2030-03-31T01:00", "2030-03-31T03:00+02:00", False),
        # From 03:00 back to 02:00: the clock shows 02:00-02:30 twice.
        ("Europe/Rome", "2030-10-27T00:29", "2030-10-27T02:29+02:00", True),
        ("Europe/Rome", "2030-10-27T00:30", "2030-10-27T02:30+02:00", False),
        ("Europe/Rome", "2030-10-27T01:00", "2030-10-27T02:00+01:00", True),
        ("Europe/Rome", "2030-10-27T01:30", "2030-10-27T02:30+01:00", False),
        ("America/New_York", "2030-03-10T06:59", "2030-03-10T01:59-05:00", True),
        ("America/New_York", "2030-03-10T07:00", "2030-03-10T03:00-04:00", False),
        # From 02:00 back to 01:00: 01:30-02:00 comes twice.
        ("America/New_York", "2030-11-03T05:59", "2030-11-03T01:59-04:00", True),
        ("America/New_York", "2030-11-03T06:00", "2030-11-03T01:00-05:00", False),
        ("America/New_York", "2030-11-03T06:30", "2030-11-03T01:30-05:00", True),
        # Half an hour: from 02:00 to 02:30, and back from 02:00 to 01:30.
        ("Australia/Lord_Howe", "2030-10-05T15:29", "2030-10-06T01:59+10:30", True),
        ("Australia/Lord_Howe", "2030-10-05T15:30", "2030-10-06T02:30+11:00", False),
        ("Australia/Lord_Howe", "2030-04-06T14:59", "2030-04-07T01:59+11:00", True),
        ("Australia/Lord_Howe", "2030-04-06T15:00", "2030-04-07T01:30+10:30", True),
        ("Australia/Lord_Howe", "2030-04-06T16:00", "2030-04-07T02:30+10:30", False),
    ],
)
def test_gaps_and_folds_are_read_off_the_wall(
    zone: str, instant: str, wall: str, expected: bool
) -> None:
    shown = wall_clock(zone, utc(instant))
    assert shown is not None
    assert shown.isoformat(timespec="minutes") == wall
    assert is_open(NIGHT, zone, utc(instant)) is expected


# Of each zone around a change: the instant of the change, and minutes from UTC before and after.
CHANGES = {
    "rome_spring": ("Europe/Rome", utc("2030-03-31T01:00"), 60, 120),
    "rome_autumn": ("Europe/Rome", utc("2030-10-27T01:00"), 120, 60),
    "new_york_spring": ("America/New_York", utc("2030-03-10T07:00"), -300, -240),
    "new_york_autumn": ("America/New_York", utc("2030-11-03T06:00"), -240, -300),
    "lord_howe_spring": ("Australia/Lord_Howe", utc("2030-10-05T15:30"), 630, 660),
    "lord_howe_autumn": ("Australia/Lord_Howe", utc("2030-04-06T15:00"), 660, 630),
}


def open_minutes(hours: list[OpeningHours]) -> set[tuple[int, int]]:
    """(weekday, minute) of every minute of a week that is open, walked one by one."""
    found = set()
    for line in hours:
        weekday, minute = line.weekday, line.opens_minute
        while True:
            found.add((weekday, minute))
            minute += 1
            if minute == MINUTES_PER_DAY:
                weekday, minute = weekday % 7 + 1, 0
            if minute == line.closes_minute:
                break
    return found


MINUTES = st.integers(0, MINUTES_PER_DAY - 1)
HOURS = st.lists(
    st.builds(OpeningHours, st.integers(1, 7), MINUTES, MINUTES), min_size=1, max_size=5
)


@deterministic
@for_all(
    hours=HOURS,
    change=st.sampled_from(sorted(CHANGES)),
    minutes=st.lists(st.integers(-2 * MINUTES_PER_DAY, 2 * MINUTES_PER_DAY), max_size=40),
)
def test_hours_agree_with_a_walk_through_the_week_around_clock_changes(
    hours: list[OpeningHours], change: str, minutes: list[int]
) -> None:
    """The model knows the offsets before and after the change, and no time zones.

    The ends of all hours are tried, besides what chance gives.
    """
    zone, changed_at, before, after = CHANGES[change]
    week = open_minutes(hours)
    for minute in {*minutes, *range(-150, 151, 5), -1, 0, 1}:
        instant = changed_at + timedelta(minutes=minute)
        wall = instant + timedelta(minutes=before if minute < 0 else after)
        expected = (wall.isoweekday(), wall.hour * 60 + wall.minute) in week
        assert is_open(hours, zone, instant) is expected


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_every_minute_of_the_days_around_a_change_agrees_with_the_walk(change: str) -> None:
    """Hours past midnight and into the gap, minute by minute for two days on each side."""
    zone, changed_at, before, after = CHANGES[change]
    hours = [*NIGHT, OpeningHours(6, 23 * 60, 115), OpeningHours(7, 125, 175)]
    week = open_minutes(hours)
    for minute in range(-2 * MINUTES_PER_DAY, 2 * MINUTES_PER_DAY):
        instant = changed_at + timedelta(minutes=minute)
        wall = instant + timedelta(minutes=before if minute < 0 else after)
        expected = (wall.isoweekday(), wall.hour * 60 + wall.minute) in week
        assert is_open(hours, zone, instant) is expected, instant


ENDS = (
    INSTANT_MIN,
    INSTANT_MAX,
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("instant", "zone"),
    [*product(ENDS, ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Rome"))],
)
def test_the_ends_of_the_calendar_have_a_wall_clock(instant: datetime, zone: str) -> None:
    """What lies beyond our centuries counts as their end; no sum overflows."""
    assert isinstance(is_open(EVENING, zone, instant), bool)
    wall = wall_clock(zone, instant)
    assert wall is not None
    assert wall == bounded(instant)
    assert INSTANT_MIN <= wall <= INSTANT_MAX


def test_the_hours_of_a_day_are_told_as_on_its_door() -> None:
    lunch_and_dinner = (OpeningHours(1, 18 * 60, 30), OpeningHours(1, 11 * 60, 14 * 60 + 30))
    assert day_text(lunch_and_dinner, 1) == "Monday: 11:00-14:30, 18:00-00:30"
    assert day_text(lunch_and_dinner, 7) == "Sunday: closed"
