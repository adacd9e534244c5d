"""Every command has an answer in every situation of an order, and this is which."""

from itertools import product
from typing import get_args

import pytest

from services.common.messages.order import OrderCommand
from services.order.domain import OrderStatus
from tests.given import cells, outcome_word
from tests.order.stories import COMMANDS, SITUATIONS, order, told

# + is one event, = a repeat, - impossible now, . too late because final, ! refused by the
# restaurant, ? and ~ unknown; other words are reasons.
WORDS = {
    "-": "impossible_now",
    ".": "final",
    "!": "refused",
    "?": "unknown_order",
    "~": "unknown_refund",
}

UNTIL_COOKED = """
                          unknown created     admitted    unpaid      scheduled   asked       printed     refused undone accepted    cooking     unwilling
SubmitOrder               +       =           =           =           =           =           =           =       =      =           =           =
ConfirmAdmission          ?       +           =           =           =           =           =           =       =      =           =           =
RefuseAdmission           ?       +           -           -           -           -           -           -       -      -           -           -
ConfirmPayment            ?       -           +           +           =           =           =           =       =      =           =           =
second_charge             ?       -           +           +           -           -           -           -       -      -           -           -
DeclinePayment            ?       -           +           +           -           -           -           -       -      -           -           -
ReportPaymentDelay        ?       =           +           =           =           =           =           =       =      =           =           =
ConfirmVoid               ?       -           -           -           -           -           -           -       -      -           -           -
StartPreparation          ?       -           -           -           +           =           =           =       =      =           =           =
ConfirmTicket             ?       -           -           -           -           +           =           !       +      +           =           !
second_ticket             ?       -           -           -           -           +           -           !       +      +           -           -
ConfirmPreparation        ?       -           -           -           -           +           +           !       +      +           =           !
RefusePreparation         ?       -           -           -           -           +           -           =       +      +           -           =
ReportPreparationDelay    ?       =           =           =           =           +           +           =       +      =           =           =
AcceptOrder               ?       -           -           -           -           +           +           !       +      =           =           !
RefuseOrder               ?       -           -           -           -           +           +           =       +      +           +           =
UndoRefusal               ?       not_refused not_refused not_refused not_refused not_refused not_refused +       =      not_refused not_refused +
ExpireAcceptance          ?       =           =           =           =           +           +           =       +      =           =           =
CloseRefusal              ?       =           =           =           =           =           =           +       =      =           =           +
UpdatePreparation         ?       -           -           -           -           -           -           -       -      +           +           !
FinishPreparation         ?       -           -           -           -           +           +           !       +      +           +           !
CancelOrder               ?       +           +           +           +           +           +           +       +      +           +           +
by_operator               ?       +           +           +           +           +           +           +       +      +           +           +
ConfirmTicketCancellation ?       -           -           -           -           -           -           -       -      -           -           -
RequestRefund             ?       not_paid    not_paid    not_paid    +           +           +           +       +      +           +           +
all_that_is_left          ?       not_paid    not_paid    not_paid    +           +           +           +       +      +           +           +
ConfirmRefund             ?       ~           ~           ~           ~           ~           ~           ~       ~      ~           ~           ~
of_cancellation           ?       ~           ~           ~           ~           ~           ~           ~       ~      ~           ~           ~
RefuseRefund              ?       ~           ~           ~           ~           ~           ~           ~       ~      ~           ~           ~
ReportRefundDelay         ?       ~           ~           ~           ~           ~           ~           ~       ~      ~           ~           ~
RetryRefund               ?       ~           ~           ~           ~           ~           ~           ~       ~      ~           ~           ~
RecordDriver              ?       -           -           -           -           -           -           -       -      -           -           -
second_driver             ?       -           -           -           -           -           -           -       -      -           -           -
RecordDriverLoss          ?       -           -           -           -           -           -           -       -      -           -           -
RecordEta                 ?       =           =           =           =           =           =           =       =      =           =           =
RecordPickup              ?       -           -           -           -           -           -           -       -      -           -           -
RecordDropoff             ?       -           -           -           -           -           -           -       -      -           -           -
RecordFailure             ?       -           -           -           -           -           -           -       -      -           -           -
CheckDeadline             ?       +           +           +           =           =           =           =       =      =           =           =
start_late                ?       =           =           =           +           =           =           =       =      =           =           =
preparation_overdue       ?       =           =           =           =           =           =           =       =      +           +           +
no_driver                 ?       =           =           =           =           =           =           =       =      =           =           =
pickup_late               ?       =           =           =           =           =           =           =       =      =           =           =
dropoff_late              ?       =           =           =           =           =           =           =       =      =           =           =
refund_late               ?       =           =           =           =           =           =           =       =      =           =           =
ticket_late               ?       =           =           =           =           =           =           =       =      =           =           =
"""  # noqa: E501

UNTIL_DELIVERED = """
                          cooked      waiting     left        driven      stranded    delivered   refunding   refunded    kept
SubmitOrder               =           =           =           =           =           =           =           =           =
ConfirmAdmission          =           =           =           =           =           =           =           =           =
RefuseAdmission           -           -           -           -           -           .           .           .           .
ConfirmPayment            =           =           =           =           =           =           =           =           =
second_charge             -           -           -           -           -           .           .           .           .
DeclinePayment            -           -           -           -           -           .           .           .           .
ReportPaymentDelay        =           =           =           =           =           .           .           .           .
ConfirmVoid               -           -           -           -           -           .           .           .           .
StartPreparation          =           =           =           =           =           =           =           =           =
ConfirmTicket             =           =           =           =           =           =           =           =           =
second_ticket             -           -           -           -           -           .           .           .           .
ConfirmPreparation        =           =           =           =           =           =           =           =           =
RefusePreparation         -           -           -           -           -           .           .           .           .
ReportPreparationDelay    =           =           =           =           =           .           .           .           .
AcceptOrder               =           =           =           =           =           =           =           =           =
RefuseOrder               -           -           -           -           -           .           .           .           .
UndoRefusal               not_refused not_refused not_refused not_refused not_refused not_refused not_refused not_refused not_refused
ExpireAcceptance          =           =           =           =           =           =           =           =           =
CloseRefusal              =           =           =           =           =           =           =           =           =
UpdatePreparation         -           -           -           -           -           .           .           .           .
FinishPreparation         =           =           =           =           =           =           =           =           =
CancelOrder               +           +           +           picked_up   picked_up   .           .           .           .
by_operator               +           +           +           +           +           .           .           .           .
ConfirmTicketCancellation -           -           -           -           -           .           .           .           .
RequestRefund             +           +           +           +           +           +           =           =           =
all_that_is_left          +           +           +           +           +           +           +           +           +
ConfirmRefund             ~           ~           ~           ~           ~           ~           +           =           -
of_cancellation           ~           ~           ~           ~           ~           ~           ~           ~           ~
RefuseRefund              ~           ~           ~           ~           ~           ~           +           -           =
ReportRefundDelay         ~           ~           ~           ~           ~           ~           +           =           =
RetryRefund               ~           ~           ~           ~           ~           ~           =           -           +
RecordDriver              +           =           +           =           +           =           =           =           =
second_driver             +           -           +           -           +           .           .           .           .
RecordDriverLoss          -           +           =           +           =           .           .           .           .
RecordEta                 =           +           +           +           +           =           =           =           =
RecordPickup              -           +           -           =           =           =           =           =           =
RecordDropoff             -           -           -           +           +           =           =           =           =
RecordFailure             -           -           -           +           -           .           .           .           .
CheckDeadline             =           =           =           =           =           =           =           =           =
start_late                =           =           =           =           =           =           =           =           =
preparation_overdue       =           =           =           =           =           =           =           =           =
no_driver                 +           =           =           =           =           =           =           =           =
pickup_late               =           +           +           =           =           =           =           =           =
dropoff_late              =           =           =           +           +           =           =           =           =
refund_late               =           =           =           =           =           =           +           =           =
ticket_late               =           =           =           =           =           =           =           =           =
"""  # noqa: E501

ENDED = """
                          unadmitted  declined    dropped     voiding     voided      cancelled   settled     failed      superseded
SubmitOrder               =           =           =           =           =           =           =           =           =
ConfirmAdmission          .           =           .           =           =           =           =           =           =
RefuseAdmission           =           .           .           .           .           .           .           .           .
ConfirmPayment            .           .           .           .           .           =           =           =           =
second_charge             .           .           .           .           .           .           .           .           .
DeclinePayment            .           =           .           .           .           .           .           .           .
ReportPaymentDelay        .           .           .           .           .           .           .           .           .
ConfirmVoid               =           .           =           +           =           .           .           .           .
StartPreparation          .           .           .           .           .           =           =           =           =
ConfirmTicket             .           .           .           .           .           .           .           .           .
second_ticket             .           .           .           .           .           .           .           .           .
ConfirmPreparation        .           .           .           .           .           .           .           .           .
RefusePreparation         .           .           .           .           .           =           =           .           =
ReportPreparationDelay    .           .           .           .           .           .           .           .           .
AcceptOrder               .           .           .           .           .           .           .           .           .
RefuseOrder               .           .           .           .           .           =           =           .           =
UndoRefusal               not_refused not_refused not_refused not_refused not_refused not_refused not_refused not_refused not_refused
ExpireAcceptance          =           =           =           =           =           =           =           =           =
CloseRefusal              =           =           =           =           =           =           =           =           =
UpdatePreparation         .           .           .           .           .           .           .           .           .
FinishPreparation         .           .           .           .           .           .           .           .           .
CancelOrder               .           .           =           =           =           =           =           =           =
by_operator               .           .           =           =           =           =           =           =           =
ConfirmTicketCancellation .           .           .           .           .           +           =           +           +
RequestRefund             .           .           .           .           .           .           .           .           =
all_that_is_left          .           .           .           .           .           .           .           .           .
ConfirmRefund             ~           ~           ~           ~           ~           ~           ~           ~           -
of_cancellation           ~           ~           ~           ~           ~           +           =           +           +
RefuseRefund              ~           ~           ~           ~           ~           ~           ~           ~           -
ReportRefundDelay         ~           ~           ~           ~           ~           ~           ~           ~           =
RetryRefund               ~           ~           ~           ~           ~           ~           ~           ~           -
RecordDriver              .           .           .           .           .           .           .           =           .
second_driver             .           .           .           .           .           .           .           .           .
RecordDriverLoss          .           .           .           .           .           .           .           .           .
RecordEta                 =           =           =           =           =           =           =           =           =
RecordPickup              .           .           .           .           .           .           .           .           .
RecordDropoff             .           .           .           .           .           .           .           .           .
RecordFailure             .           .           .           .           .           .           .           =           .
CheckDeadline             =           =           =           =           =           =           =           =           =
start_late                =           =           =           =           =           =           =           =           =
preparation_overdue       =           =           =           =           =           =           =           =           =
no_driver                 =           =           =           =           =           =           =           =           =
pickup_late               =           =           =           =           =           =           =           =           =
dropoff_late              =           =           =           =           =           =           =           =           =
refund_late               =           =           =           +           =           +           =           +           +
ticket_late               =           =           =           =           =           +           =           +           +
"""  # noqa: E501
TABLE = [cell for table in (UNTIL_COOKED, UNTIL_DELIVERED, ENDED) for cell in cells(table)]


@pytest.mark.parametrize(("command", "situation", "word"), TABLE)
def test_every_command_has_an_answer_in_every_situation(
    command: str, situation: str, word: str
) -> None:
    """Accepted, refused with a reason, or a repeat; accepted once, the same again is nothing."""
    outcome = told(situation, command)
    assert outcome_word(outcome) == WORDS.get(word, word)
    if word == "+":
        outcome.accepted().when(outcome.command, outcome.at).nothing()
    elif word != "=":
        outcome.rejected(WORDS.get(word, word))


def test_no_cell_is_missing_or_told_twice() -> None:
    """The tables have every command in every situation."""
    pairs = [(command, situation) for command, situation, _ in TABLE]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == set(product(COMMANDS, SITUATIONS))


def test_every_command_and_every_status_is_in_the_tables() -> None:
    """NEW is what an acknowledged order is called before it is decided, no state of it."""
    assert {type(command) for command in COMMANDS.values()} == set(get_args(OrderCommand))
    statuses = {order(situation).state.status for situation in SITUATIONS if situation != "unknown"}
    assert statuses == set(OrderStatus) - {OrderStatus.NEW}
