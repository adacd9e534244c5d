"""Every command has its answer in every situation of a driver."""

from typing import get_args

import pytest

from services.common.messages.driver import DriverCommand, DriverStatus, OfferDelivery
from tests.driver.situations import COMMANDS, SITUATIONS, driver
from tests.given import cells, outcome_word

# + is one event (which may be a declined offer), = a repeat, else the reason of the refusal.
TABLE = """
                       unknown        resting       available     rejected      offered       assigned      driving       no_code       locked        returning     suspected     silent        lost          given_up      done          returned      back
SetAvailability        +              +             =             =             =             on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery +             +             +             +             =
SetAvailability/south  +              +             +             +             offer_open    on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery +             +             +             +             +
SetAvailability/rest   =              =             +             +             +             on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery on_a_delivery =             =             =             =             +
OfferDelivery          unknown_driver +             +             +             =             +             +             +             +             +             +             +             +             +             +             +             +
OfferDelivery/other    unknown_driver +             +             +             +             +             +             +             +             +             +             +             +             +             +             +             +
OfferDelivery/south    unknown_driver +             +             +             +             +             +             +             +             +             +             +             +             +             +             +             +
AcceptOffer            unknown_driver no_such_offer no_such_offer no_such_offer +             =             =             =             =             =             =             =             no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer
AcceptOffer/other      unknown_driver no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer
RejectOffer            unknown_driver no_such_offer no_such_offer =             +             no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer =             no_such_offer no_such_offer no_such_offer
RejectOffer/other      unknown_driver no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer
ExpireOffer            unknown_driver =             =             =             +             =             =             =             =             =             =             =             =             =             =             =             =
ExpireOffer/earlier    unknown_driver =             =             =             =             =             =             =             =             =             =             =             =             =             =             =             =
WithdrawOffer          unknown_driver =             =             =             +             =             =             =             =             =             =             =             =             =             =             =             =
WithdrawOffer/other    unknown_driver =             =             =             =             =             =             =             =             =             =             =             =             =             =             =             =
GiveUpDelivery         unknown_driver not_assigned  not_assigned  =             not_assigned  +             picked_up     picked_up     picked_up     picked_up     +             picked_up     not_assigned  =             not_assigned  not_assigned  not_assigned
GiveUpDelivery/other   unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned
ReleaseDriver          unknown_driver =             =             =             +             +             +             +             +             =             +             +             =             =             =             =             =
ReleaseDriver/leave    unknown_driver =             =             =             +             +             +             +             +             +             +             +             =             =             =             =             =
ReleaseDriver/other    unknown_driver =             =             =             =             =             =             =             =             =             =             =             =             =             =             =             =
RecallGoods            unknown_driver =             =             =             =             +             +             +             +             =             +             +             =             =             =             =             =
RecallGoods/other      unknown_driver =             =             =             =             =             =             =             =             =             =             =             =             =             =             =             =
ReportPickup           unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  +             =             =             =             =             +             =             not_assigned  not_assigned  =             =             =
ReportPickup/other     unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned
ReportDropoff          unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_picked_up +             +             code_locked   returning     not_picked_up +             not_assigned  not_assigned  =             =             =
ReportDropoff/wrong    unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_picked_up +             +             code_locked   returning     not_picked_up +             not_assigned  not_assigned  =             =             =
ReportDropoff/bare     unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_picked_up code_needed   +             code_needed   returning     not_picked_up code_needed   not_assigned  not_assigned  =             =             =
ReportDropoff/other    unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned
ReportFailure          unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_picked_up +             +             +             =             not_picked_up +             not_assigned  not_assigned  not_assigned  not_assigned  not_assigned
ReportFailure/other    unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned
ReportReturn           unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_returning not_returning not_returning not_returning +             not_returning not_returning not_assigned  not_assigned  =             =             =
ReportReturn/other     unknown_driver not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned  not_assigned
LiftCode               unknown_driver =             =             =             +             +             +             =             +             +             +             +             =             =             =             =             =
LiftCode/other         unknown_driver =             =             =             =             =             =             =             =             =             =             =             =             =             =             =             =
CheckSilence           unknown_driver =             =             =             =             +             +             +             +             +             =             =             =             =             =             =             =
CheckSilence/earlier   unknown_driver =             =             =             =             =             =             =             =             =             =             =             =             =             =             =             =
ConfirmSilence         unknown_driver =             =             =             =             =             =             =             =             =             +             =             =             =             =             =             =
ConfirmSilence/earlier unknown_driver =             =             =             =             =             =             =             =             =             =             =             =             =             =             =             =
ReportLocation         unknown_driver +             +             +             +             +             +             +             +             +             +             +             +             +             +             +             +
ReportLocation/ahead   unknown_driver clock_ahead   clock_ahead   clock_ahead   clock_ahead   clock_ahead   clock_ahead   clock_ahead   clock_ahead   clock_ahead   +             +             clock_ahead   clock_ahead   clock_ahead   clock_ahead   clock_ahead
TakeDriverSnapshot     unknown_driver =             =             =             =             =             =             =             =             =             =             =             =             =             =             =             =
"""  # noqa: E501


@pytest.mark.parametrize(("command", "situation", "word"), cells(TABLE))
def test_an_impossible_command_is_refused_and_told_and_a_possible_one_counts_once(
    command: str, situation: str, word: str
) -> None:
    """Under another id too: what the state says of itself needs no memory of ids.

    A declined offer may be made again later, and a wrong code named again is one more. Who is to
    take goods back, and has vanished, is let go when it is released once more.
    """
    outcome = driver(situation).when(COMMANDS[command])
    assert outcome_word(outcome) == word
    if word == "+":
        after = outcome.accepted()
        is_more = command == "ReportDropoff/wrong" or (command, situation) == (
            "ReleaseDriver",
            "silent",
        )
        if not isinstance(COMMANDS[command], OfferDelivery) and not is_more:
            assert outcome_word(after.when(COMMANDS[command])) != "+"
    elif word != "=":
        outcome.rejected(word)


def test_every_command_and_every_status_has_cells() -> None:
    """A message or a status that is new needs its answers here."""
    assert {name for name, *_ in cells(TABLE)} == set(COMMANDS)
    assert {situation for _, situation, _ in cells(TABLE)} == set(SITUATIONS)
    for name, command in COMMANDS.items():
        assert name.split("/")[0] == type(command).__name__
    assert {type(command) for command in COMMANDS.values()} == set(get_args(DriverCommand))
    known = [name for name in SITUATIONS if name != "unknown"]
    assert {driver(name).state.status for name in known} == set(DriverStatus)
