"""Which orders a restaurant takes: by status, items, zone and hours, as its wall shows them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common.messages.order import PREPARATION_SECONDS_MAX
from services.common.messages.restaurant import (
    AdmissionGranted,
    AdmissionRefused,
    AdmitOrder,
    ItemSnoozed,
    OpeningHours,
    RestaurantStatus,
    RestoreItem,
    SnoozedItem,
)
from services.common.values import INSTANT_MAX, INSTANT_MIN
from services.order.domain.admission import ADMITTED_SECONDS_MAX
from tests.given import NOON, Given, given
from tests.order.restaurant.said import (
    BUSY,
    DECIDER,
    DINNER,
    HOUR,
    OFFLINE,
    PAUSED,
    admit,
    configured,
    granted,
    status,
)


def refusal(story: Given[Any, Any, Any], command: AdmitOrder, at: datetime = NOON) -> str:
    """The reason why an order is not taken, and checks that a person is told more."""
    event = story.when(command, at).result
    assert isinstance(event, AdmissionRefused)
    assert event.detail
    return event.reason


def test_an_unknown_restaurant_takes_orders_with_what_holds_for_all() -> None:
    given(DECIDER).when(admit(zone="Europe/Rome")).then(granted(zone="Europe/Rome"))


def test_a_restaurants_own_limits_come_before_what_holds_for_all() -> None:
    """Zero seconds are an answer too."""
    story = given(DECIDER, configured(preparation_seconds=0, accept_seconds_max=60))
    story.when(admit()).then(granted(0, "Europe/Rome", 60))


def test_a_busy_restaurant_takes_orders_and_cooks_longer() -> None:
    given(DECIDER, status(BUSY, 600)).when(admit()).then(granted(1500))


def test_a_busy_restaurant_adds_up_to_as_much_again_as_may_be_said() -> None:
    """Which is what an order takes."""
    story = given(
        DECIDER,
        configured(preparation_seconds=PREPARATION_SECONDS_MAX),
        status(BUSY, PREPARATION_SECONDS_MAX),
    )
    story.when(admit()).then(granted(ADMITTED_SECONDS_MAX, "Europe/Rome"))


@pytest.mark.parametrize(
    ("value", "reason"), [(PAUSED, "restaurant_paused"), (OFFLINE, "restaurant_offline")]
)
def test_a_paused_restaurant_takes_no_orders_until_its_end(
    value: RestaurantStatus, reason: str
) -> None:
    """The instant of the end is open already, though the timer has not fired yet."""
    story = given(DECIDER, status(value, until=NOON + HOUR))
    assert refusal(story, admit(), NOON + HOUR - timedelta(microseconds=1)) == reason
    story.when(admit(), NOON + HOUR).then(granted())


def test_a_status_that_ends_before_the_preparation_starts_does_not_count() -> None:
    """Ready at 14:15 is started at 14:00, when the pause is over; 14:14 is not."""
    end = NOON + 2 * HOUR
    paused = given(DECIDER, status(PAUSED, until=end))
    start = end + timedelta(seconds=900)
    paused.when(admit(ready_at=start)).then(granted())
    assert refusal(paused, admit(ready_at=start - timedelta(seconds=1))) == "restaurant_paused"
    paused.when(admit(delay_seconds=7200)).then(granted())
    assert refusal(paused, admit(delay_seconds=7199)) == "restaurant_paused"
    busy = given(DECIDER, status(BUSY, 600, end))
    busy.when(admit(ready_at=start)).then(granted(900))
    busy.when(admit(delay_seconds=7199)).then(granted(1500))


def test_a_wanted_time_that_has_nearly_come_is_judged_as_of_now() -> None:
    """The preparation cannot start before the order is there."""
    story = given(DECIDER, status(PAUSED, until=NOON - timedelta(seconds=1)), at=NOON - HOUR)
    story.when(admit(ready_at=NOON + timedelta(seconds=60))).then(granted())
    paused = given(DECIDER, status(PAUSED, until=NOON + timedelta(seconds=1)))
    soon = admit(ready_at=NOON + timedelta(seconds=60))
    assert refusal(paused, soon) == "restaurant_paused"


def test_an_item_that_the_restaurant_is_out_of_is_not_sold() -> None:
    """Names compare exactly; the person is told which item, and until when."""
    story = given(DECIDER, configured(), ItemSnoozed("r1", "Pizza", NOON + HOUR))
    event = story.when(admit("Wine", "Pizza")).result
    assert event == AdmissionRefused(
        "r1",
        "o1",
        "item_unavailable",
        "r1 is out of 'Pizza' until 2030-01-31T14:00+01:00 (Europe/Rome)",
    )
    story.when(admit("pizza", "Pizza ")).then(granted(zone="Europe/Rome"))


def test_an_item_is_there_again_from_the_end_of_its_snooze() -> None:
    """Without any event, and forgotten with the next one."""
    story = given(DECIDER, ItemSnoozed("r1", "Pizza", NOON + HOUR))
    after = story.when(admit("Pizza"), NOON + HOUR).then(granted())
    assert after.state.snoozed == ()
    story.when(RestoreItem("r1", "Pizza"), NOON + HOUR).nothing()
    scheduled = admit("Pizza", ready_at=NOON + HOUR + timedelta(seconds=900))
    kept = story.when(scheduled).then(granted())
    assert kept.state.snoozed == (SnoozedItem("Pizza", NOON + HOUR),)


def test_preparation_is_judged_at_the_hour_on_the_restaurants_wall() -> None:
    """17:30 UTC is dinner in Rome, and neither in New York nor in Tokyo."""
    ready_at = datetime(2030, 1, 31, 17, 30, tzinfo=UTC)
    rome = given(DECIDER, configured("Europe/Rome", DINNER))
    rome.when(admit(ready_at=ready_at)).then(granted(zone="Europe/Rome"))
    for zone in ("America/New_York", "Asia/Tokyo"):
        story = given(DECIDER, configured(zone, DINNER))
        assert refusal(story, admit(ready_at=ready_at)) == "outside_opening_hours"


def test_a_refusal_shows_the_hour_on_the_restaurants_wall() -> None:
    """Midnight has passed there: it is Friday, though Thursday in UTC."""
    story = given(DECIDER, configured("Asia/Tokyo", DINNER))
    story.when(admit(delay_seconds=4 * 3600)).then(
        AdmissionRefused(
            "r1",
            "o1",
            "outside_opening_hours",
            "the order is for 2030-02-01T01:00+09:00 (Asia/Tokyo); "
            "the hours of r1 on Friday: 18:00-23:00",
        )
    )


def test_a_kitchen_cooks_on_the_day_that_its_own_calendar_shows() -> None:
    """Saturday 18:00 in Auckland is Saturday 05:00 UTC; Saturday 06:00 there is Friday UTC."""
    saturday = (OpeningHours(6, 6 * 60, 23 * 60),)
    story = given(DECIDER, configured("Pacific/Auckland", saturday))
    friday_utc = datetime(2030, 2, 1, 18, tzinfo=UTC)
    story.when(admit(ready_at=friday_utc)).then(granted(zone="Pacific/Auckland"))
    saturday_utc = datetime(2030, 2, 2, 18, tzinfo=UTC)
    assert refusal(story, admit(ready_at=saturday_utc)) == "outside_opening_hours"


@pytest.mark.parametrize(
    ("day", "first_hour_utc"),
    [("2030-03-30", 17), ("2030-03-31", 16), ("2030-10-26", 16), ("2030-10-27", 17)],
)
def test_opening_hours_keep_to_the_wall_across_the_clock_change(
    day: str, first_hour_utc: int
) -> None:
    """The door opens at 18:00 in Rome, before and after the change: not on a fixed hour of UTC."""
    at = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)
    opens_at = at.replace(hour=first_hour_utc)
    story = given(DECIDER, configured("Europe/Rome", DINNER))
    story.when(admit(ready_at=opens_at), at).then(granted(zone="Europe/Rome"))
    before = admit(ready_at=opens_at - timedelta(minutes=1))
    assert refusal(story, before, at) == "outside_opening_hours"


def test_an_order_without_a_wanted_time_is_judged_by_its_start() -> None:
    """At NOON it is 13:00 in Rome; five hours later dinner begins."""
    story = given(DECIDER, configured("Europe/Rome", DINNER))
    assert refusal(story, admit()) == "outside_opening_hours"
    story.when(admit(delay_seconds=5 * 3600)).then(granted(zone="Europe/Rome"))


def test_partner_and_restaurant_hold_the_same_zone() -> None:
    """Nobody cooks on the wrong hour because two hold different clocks for the restaurant."""
    story = given(DECIDER, configured("Europe/Rome"))
    assert refusal(story, admit(zone="America/New_York")) == "zone_mismatch"
    story.when(admit(zone="Europe/Rome")).then(granted(zone="Europe/Rome"))
    story.when(admit()).then(granted(zone="Europe/Rome"))


EXTREMES = [
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    INSTANT_MIN,
    INSTANT_MAX,
    NOON,
]


@pytest.mark.parametrize("at", [INSTANT_MIN, NOON, INSTANT_MAX])
@pytest.mark.parametrize("ready_at", [None, *EXTREMES])
def test_no_sum_of_instants_overflows(at: datetime, ready_at: datetime | None) -> None:
    """Whatever a record asks for, the answer is an event."""
    story = given(
        DECIDER,
        configured("Pacific/Kiritimati", DINNER, PREPARATION_SECONDS_MAX),
        status(PAUSED, until=INSTANT_MAX),
    )
    for seconds in (-(2**63), 0, 2**63 - 1):
        event = story.when(admit(delay_seconds=seconds, ready_at=ready_at), at).result
        assert isinstance(event, AdmissionGranted | AdmissionRefused)
