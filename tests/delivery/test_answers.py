"""What a delivery answers to every command in every situation."""

from typing import Any, get_args

import pytest

from services.common.messages.delivery import (
    CheckDeliveryDeadline,
    DeliveryCommand,
    StartDelivery,
)
from services.delivery.domain import DeliveryStatus
from tests.delivery.past import COMMANDS, DECIDER, LATE, SITUATIONS, delivery
from tests.given import NOON, cells, given, outcome_word

# + is one event, = a repeat, any other word the reason of the refusal. Deadlines are checked a
# day later, everything else at noon.
BEFORE_PICKUP = """
waiting        lost           assigned       waived         cancelling
StartDelivery          =              =              =              =              =
AssignDriver           +              +              =              =              =
AssignDriver_other     +              +              +              +              +
UnassignDriver         not_its_driver not_its_driver +              +              +
UnassignDriver_other   not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmRelease         =              =              +              +              +
ConfirmRelease_other   =              =              =              =              =
ReportSilence          +              +              not_picked_up  not_picked_up  +
ReportSilence_other    +              +              +              +              +
ReportWrongCodes       not_its_driver not_its_driver not_picked_up  not_picked_up  not_picked_up
ReportWrongCodes_other not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
TrackDriver            not_its_driver not_its_driver +              +              =
TrackDriver_other      not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmPickup          not_its_driver not_its_driver +              +              +
ConfirmPickup_other    not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmDropoff         not_its_driver not_its_driver not_picked_up  not_picked_up  not_picked_up
ConfirmDropoff_other   not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
FailDelivery           not_its_driver not_its_driver not_picked_up  not_picked_up  not_picked_up
FailDelivery_other     not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmReturn          not_its_driver not_its_driver not_returning  not_returning  not_returning
ConfirmReturn_other    not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
CancelDelivery         +              +              +              +              =
ReassignDelivery       impossible_now impossible_now +              +              impossible_now
ReassignDelivery_other impossible_now impossible_now another_driver another_driver impossible_now
WriteOffDelivery       impossible_now impossible_now impossible_now impossible_now +
WaiveCode              no_driver      no_driver      +              =              no_driver
no_driver              +              +              =              =              =
pickup_late            =              =              +              +              =
dropoff_late           =              =              =              =              =
return_late            =              =              =              =              =
cancellation_late      =              =              =              =              +
"""
WITH_GOODS = """
                       driven         locked         silent         failed         recalled
StartDelivery          =              =              =              =              =
AssignDriver           =              =              =              =              =
AssignDriver_other     +              +              +              +              +
UnassignDriver         picked_up      picked_up      picked_up      picked_up      picked_up
UnassignDriver_other   not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmRelease         =              =              =              =              =
ConfirmRelease_other   =              =              =              =              =
ReportSilence          +              +              =              +              +
ReportSilence_other    +              +              +              +              +
ReportWrongCodes       +              =              +              =              =
ReportWrongCodes_other not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
TrackDriver            +              +              +              =              =
TrackDriver_other      not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmPickup          =              =              =              =              =
ConfirmPickup_other    not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmDropoff         +              +              +              returning      +
ConfirmDropoff_other   not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
FailDelivery           +              +              +              =              =
FailDelivery_other     not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmReturn          not_returning  not_returning  not_returning  +              +
ConfirmReturn_other    not_its_driver not_its_driver not_its_driver not_its_driver not_its_driver
CancelDelivery         +              +              +              =              =
ReassignDelivery       +              +              +              impossible_now impossible_now
ReassignDelivery_other another_driver another_driver another_driver impossible_now impossible_now
WriteOffDelivery       impossible_now impossible_now impossible_now +              +
WaiveCode              +              +              +              no_driver      no_driver
no_driver              =              =              =              =              =
pickup_late            =              =              =              =              =
dropoff_late           +              +              +              =              =
return_late            =              =              =              +              +
cancellation_late      =              =              =              =              =
"""
ENDED = """
                       delivered      returned       cancelled      written_off
StartDelivery          =              =              =              =
AssignDriver           +              +              +              +
AssignDriver_other     +              +              +              +
UnassignDriver         final          final          final          final
UnassignDriver_other   final          final          final          final
ConfirmRelease         =              =              =              =
ConfirmRelease_other   =              =              =              =
ReportSilence          +              +              +              +
ReportSilence_other    +              +              +              +
ReportWrongCodes       final          final          final          final
ReportWrongCodes_other final          final          final          final
TrackDriver            =              =              not_its_driver =
TrackDriver_other      not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmPickup          =              =              not_its_driver =
ConfirmPickup_other    not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmDropoff         =              final          not_its_driver final
ConfirmDropoff_other   not_its_driver not_its_driver not_its_driver not_its_driver
FailDelivery           final          final          not_its_driver final
FailDelivery_other     not_its_driver not_its_driver not_its_driver not_its_driver
ConfirmReturn          final          =              not_its_driver final
ConfirmReturn_other    not_its_driver not_its_driver not_its_driver not_its_driver
CancelDelivery         final          =              =              =
ReassignDelivery       impossible_now impossible_now impossible_now impossible_now
ReassignDelivery_other impossible_now impossible_now impossible_now impossible_now
WriteOffDelivery       final          final          final          =
WaiveCode              final          final          final          final
no_driver              =              =              =              =
pickup_late            =              =              =              =
dropoff_late           =              =              =              =
return_late            =              =              =              =
cancellation_late      =              =              =              =
"""
CELLS = [*cells(BEFORE_PICKUP), *cells(WITH_GOODS), *cells(ENDED)]


def decided_at(command: Any) -> Any:
    """When the tables have the command decided."""
    return LATE if isinstance(command, CheckDeliveryDeadline) else NOON


@pytest.mark.parametrize(("command", "situation", "word"), CELLS)
def test_every_command_has_an_answer_in_every_situation(
    command: str, situation: str, word: str
) -> None:
    """Accepted, refused with a reason, or a repeat; accepted once, the same again is nothing."""
    outcome = delivery(situation).when(COMMANDS[command], decided_at(COMMANDS[command]))
    assert outcome_word(outcome) == word
    if word == "+":
        outcome.accepted()
    elif word != "=":
        outcome.rejected(word)


@pytest.mark.parametrize("name", COMMANDS)
def test_only_a_start_begins_a_delivery(name: str) -> None:
    """Whatever else comes to a delivery that nobody knows is refused and told."""
    outcome = given(DECIDER).when(COMMANDS[name], decided_at(COMMANDS[name]))
    if isinstance(COMMANDS[name], StartDelivery):
        outcome.accepted()
    else:
        outcome.rejected("unknown_delivery")


def test_the_tables_leave_no_command_and_no_status_out() -> None:
    """A new command or status has no cell, and fails here."""
    types = {type(command) for command in COMMANDS.values()}
    assert types == set(get_args(DeliveryCommand))
    statuses = {delivery(situation).state.status for situation in SITUATIONS}
    assert statuses == set(DeliveryStatus)
    asked = [(command, situation) for command, situation, _ in CELLS]
    assert sorted(asked) == sorted((name, place) for name in COMMANDS for place in SITUATIONS)
