"""What a region answers to every command in every situation."""

from typing import get_args

import pytest

from services.common.messages.matcher import MatcherCommand
from tests.given import cells, outcome_word
from tests.matcher.past import COMMANDS, SITUATIONS, region

# + is one event, = a repeat, any other word the reason of the refusal. A delivery that has its
# driver is forgotten here; that its request was applied is known to the row by its source.
BEFORE_THE_ANSWER = """
unknown       d1_waits      v1_waits      offered       confirmed
RequestDriver      +             =             +             +             +
CancelRequest      =             +             =             +             =
RegisterDriver     +             +             =             =             +
WithdrawDriver     =             =             +             =             =
ConfirmOffer       no_such_offer no_such_offer no_such_offer +             no_such_offer
ConfirmOffer_other no_such_offer no_such_offer no_such_offer no_such_offer no_such_offer
DeclineOffer       =             =             =             +             =
DeclineOffer_stays +             +             =             +             +
DeclineOffer_other =             =             =             =             =
TakeRegionSnapshot =             =             =             =             =
"""
AFTER_THE_ANSWER = """
                   declined      excluded      cancelled     withdrawn
RequestDriver      =             =             +             +
CancelRequest      +             +             =             =
RegisterDriver     +             =             +             +
WithdrawDriver     =             +             =             =
ConfirmOffer       no_such_offer no_such_offer no_such_offer no_such_offer
ConfirmOffer_other no_such_offer no_such_offer no_such_offer no_such_offer
DeclineOffer       =             =             =             =
DeclineOffer_stays +             =             +             +
DeclineOffer_other =             =             =             =
TakeRegionSnapshot =             =             =             =
"""
CELLS = [*cells(BEFORE_THE_ANSWER), *cells(AFTER_THE_ANSWER)]


@pytest.mark.parametrize(("command", "situation", "word"), CELLS)
def test_every_command_has_an_answer_in_every_situation(
    command: str, situation: str, word: str
) -> None:
    """Accepted, refused with a reason, or a repeat; accepted once, the loop knows it again."""
    outcome = region(situation).when(COMMANDS[command])
    assert outcome_word(outcome) == word
    if word == "+":
        outcome.accepted()
    elif word != "=":
        outcome.rejected(word)


def test_the_tables_leave_no_command_out() -> None:
    """A new command has no cell, and fails here."""
    assert {type(command) for command in COMMANDS.values()} == set(get_args(MatcherCommand))
    asked = [(command, situation) for command, situation, _ in CELLS]
    assert sorted(asked) == sorted((name, place) for name in COMMANDS for place in SITUATIONS)
