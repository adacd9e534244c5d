"""What a restaurant answers to every command, in every status."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from services.common.messages.restaurant import (
    AdmitOrder,
    ConfigureRestaurant,
    ItemSnoozed,
    RestaurantCommand,
    RestaurantConfigured,
    RestaurantStatus,
    RestaurantStatusChanged,
    RestoreItem,
    ResumeRestaurant,
    SetRestaurantStatus,
    SnoozeItem,
    TakeRestaurantSnapshot,
)
from services.order.restaurant import Defaults, restaurant_decider
from tests.given import NOON, cells, given, outcome_word

DECIDER = restaurant_decider(Defaults(), 24.0)
LATER = NOON + timedelta(hours=2)

KNOWN = (
    RestaurantConfigured("r1", "Europe/Rome", (), None, None),
    ItemSnoozed("r1", "Pizza", None),
)
SITUATIONS: dict[str, tuple[Any, ...]] = {
    "unknown": (),
    "OPEN": KNOWN,
    "BUSY": (*KNOWN, RestaurantStatusChanged("r1", RestaurantStatus.BUSY, 600, LATER)),
    "PAUSED": (*KNOWN, RestaurantStatusChanged("r1", RestaurantStatus.PAUSED, 0, LATER)),
    "OFFLINE": (*KNOWN, RestaurantStatusChanged("r1", RestaurantStatus.OFFLINE, 0, None)),
}
# Where a type has more than one command, the variant follows the type.
COMMANDS: dict[str, RestaurantCommand] = {
    "ConfigureRestaurant": ConfigureRestaurant("r1", "Europe/Rome"),
    "ConfigureRestaurant/new": ConfigureRestaurant("r1", "Asia/Tokyo"),
    "SetRestaurantStatus/OPEN": SetRestaurantStatus("r1", RestaurantStatus.OPEN),
    "SetRestaurantStatus/BUSY": SetRestaurantStatus("r1", RestaurantStatus.BUSY, 600, LATER),
    "SetRestaurantStatus/PAUSED": SetRestaurantStatus("r1", RestaurantStatus.PAUSED, 0, LATER),
    "SetRestaurantStatus/OFFLINE": SetRestaurantStatus("r1", RestaurantStatus.OFFLINE),
    "SetRestaurantStatus/past": SetRestaurantStatus("r1", RestaurantStatus.PAUSED, 0, NOON),
    "SetRestaurantStatus/end": SetRestaurantStatus("r1", RestaurantStatus.OPEN, 0, LATER),
    "SetRestaurantStatus/slow": SetRestaurantStatus("r1", RestaurantStatus.PAUSED, 600, LATER),
    "ResumeRestaurant": ResumeRestaurant("r1", LATER),
    "ResumeRestaurant/other": ResumeRestaurant("r1", NOON),
    "SnoozeItem": SnoozeItem("r1", "Pizza"),
    "SnoozeItem/new": SnoozeItem("r1", "Wine", LATER),
    "SnoozeItem/past": SnoozeItem("r1", "Wine", NOON),
    "RestoreItem": RestoreItem("r1", "Pizza"),
    "RestoreItem/new": RestoreItem("r1", "Wine"),
    "AdmitOrder": AdmitOrder("r1", "o1", ("Wine",), 0, None, "Europe/Rome"),
    "AdmitOrder/item": AdmitOrder("r1", "o1", ("Pizza",), 0, None, None),
    "TakeRestaurantSnapshot": TakeRestaurantSnapshot("r1"),
}

# + is one event, = a repeat, any other word the reason of the refusal.
TABLE = """
                            unknown         OPEN            BUSY            PAUSED          OFFLINE
ConfigureRestaurant         +               =               =               =               =
ConfigureRestaurant/new     +               +               +               +               +
SetRestaurantStatus/OPEN    =               =               +               +               +
SetRestaurantStatus/BUSY    +               +               =               +               +
SetRestaurantStatus/PAUSED  +               +               +               =               +
SetRestaurantStatus/OFFLINE +               +               +               +               =
SetRestaurantStatus/past    until_past      until_past      until_past      until_past      until_past
SetRestaurantStatus/end     open_has_no_end open_has_no_end open_has_no_end open_has_no_end open_has_no_end
SetRestaurantStatus/slow    not_busy        not_busy        not_busy        not_busy        not_busy
ResumeRestaurant            =               =               +               +               =
ResumeRestaurant/other      =               =               =               =               =
SnoozeItem                  +               =               =               =               =
SnoozeItem/new              +               +               +               +               +
SnoozeItem/past             until_past      until_past      until_past      until_past      until_past
RestoreItem                 =               +               +               +               +
RestoreItem/new             =               =               =               =               =
AdmitOrder                  +               +               +               +               +
AdmitOrder/item             +               +               +               +               +
TakeRestaurantSnapshot      =               =               =               =               =
"""  # noqa: E501


@pytest.mark.parametrize(("command", "situation", "word"), cells(TABLE))
def test_every_command_has_an_answer_in_every_status(
    command: str, situation: str, word: str
) -> None:
    """Accepted, refused with a reason, or a repeat; accepted once, the loop knows it again."""
    outcome = given(DECIDER, *SITUATIONS[situation]).when(COMMANDS[command])
    assert outcome_word(outcome) == word
    if word == "+":
        outcome.accepted()
    elif word != "=":
        outcome.rejected(word)


def test_no_command_and_no_status_lacks_its_answers() -> None:
    told = {(command.split("/")[0], situation) for command, situation, _ in cells(TABLE)}
    commands = {each.__name__ for each in get_args(RestaurantCommand)}
    situations = {"unknown", *(status.value for status in RestaurantStatus)}
    assert told == {(command, situation) for command in commands for situation in situations}
    assert {command for command, _, _ in cells(TABLE)} == set(COMMANDS)


@pytest.mark.parametrize(
    ("situation", "admitted"),
    [
        ("unknown", "AdmissionGranted"),
        ("OPEN", "AdmissionGranted"),
        ("BUSY", "AdmissionGranted"),
        ("PAUSED", "restaurant_paused"),
        ("OFFLINE", "restaurant_offline"),
    ],
)
def test_an_order_is_always_answered_by_an_event(situation: str, admitted: str) -> None:
    """Granted, or refused with a reason: the order that asks waits for one of them."""
    event = given(DECIDER, *SITUATIONS[situation]).when(COMMANDS["AdmitOrder"]).result
    assert admitted in (type(event).__name__, getattr(event, "reason", None))
