"""The payment provider and the points of sale, and the calls and answers on their way.

What a server has done it has done, whether or not its answer is heard. A call that an order no
longer waits for may be on its way still.
"""

from dataclasses import dataclass, field
from typing import Any, assert_never

from services.common.decider import Wakeup
from services.common.messages.order import (
    ConfirmPayment,
    ConfirmPreparation,
    ConfirmRefund,
    ConfirmTicket,
    ConfirmTicketCancellation,
    ConfirmVoid,
    DeclinePayment,
    OrderCommand,
    RefusalReason,
    RefusePreparation,
    RefuseRefund,
)
from services.order.domain import (
    CancelTicket,
    ChargePayment,
    RefundPayment,
    RequestPreparation,
    VoidPayment,
)
from tests.process.world import World

DECLINED, REFUND_REFUSED, VISA = "tok_declined", "tok_refund_refused", "tok_visa"
CLOSED, ASKS, SILENT, TAKES = "closed", "asks", "silent", "trattoria"


@dataclass
class Charge:
    """What a key of a charge stands for."""

    order_id: str
    amount_cents: int
    token: str
    is_made: bool


@dataclass
class Refund:
    """What a key of a refund or a void stands for."""

    charge_key: str
    amount_cents: int
    is_made: bool


class Provider:
    """Charges, refunds and voids by idempotency key."""

    def __init__(self) -> None:
        self.charges: dict[str, Charge] = {}
        self.refunds: dict[str, Refund] = {}
        self.voided: set[str] = set()
        self._refused: set[tuple[str, str]] = set()

    def charge(self, name: str, call: ChargePayment) -> OrderCommand:
        """Charges once by key, unless it was declined or voided."""
        key = call.idempotency_key
        is_good = call.payment_token != DECLINED and key not in self.voided
        new = Charge(name, call.amount_cents, call.payment_token, is_good)
        if self.charges.setdefault(key, new).is_made:
            return ConfirmPayment(name, f"charge-{key}")
        return DeclinePayment(name, "insufficient funds")

    def refund(self, name: str, call: RefundPayment) -> OrderCommand:
        """Gives money back once by key; a difficult card's refunds are refused at first."""
        key, charge_key = call.idempotency_key, call.charge_idempotency_key
        charge = self.charges[charge_key]
        assert charge.is_made, "a refund of what was never charged"
        if key not in self.refunds:
            first = (charge_key, call.refund)
            is_refused = charge.token == REFUND_REFUSED and first not in self._refused
            self._refused.add(first)
            self.refunds[key] = Refund(charge_key, call.amount_cents, not is_refused)
        if self.refunds[key].is_made:
            return ConfirmRefund(name, call.refund, f"refund-{key}")
        return RefuseRefund(name, call.refund, "card closed")

    def void(self, name: str, call: VoidPayment) -> OrderCommand:
        """Sees to it that the charge is never made, or gives back what is left of it."""
        charge_key, key = call.charge_idempotency_key, call.idempotency_key
        self.voided.add(charge_key)
        charge = self.charges.get(charge_key)
        if charge is None or not charge.is_made:
            return ConfirmVoid(name, None, None)
        left = charge.amount_cents - self.given_back(charge_key)
        self.refunds.setdefault(key, Refund(charge_key, left, True))
        return ConfirmVoid(name, f"charge-{charge_key}", f"refund-{key}")

    def charged(self, order_id: str) -> list[tuple[str, Charge]]:
        """The charges of an order that were made, by key."""
        return [
            (key, each)
            for key, each in self.charges.items()
            if each.order_id == order_id and each.is_made
        ]

    def given_back(self, charge_key: str) -> int:
        """How much of a charge was given back."""
        refunds = (each for each in self.refunds.values() if each.charge_key == charge_key)
        return sum(each.amount_cents for each in refunds if each.is_made)


@dataclass
class Ticket:
    """What a key of a ticket stands for; status is accepted, received, refused or cancelled."""

    order_id: str
    status: str
    round: int
    printed: int = 0


class PointsOfSale:
    """Tickets by idempotency key."""

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}

    def request(self, name: str, call: RequestPreparation) -> OrderCommand:
        """Prints a ticket once by key; a restaurant that has thought again is asked anew."""
        key = call.idempotency_key
        ticket = self.tickets.get(key)
        if ticket is None or (ticket.status == "refused" and ticket.round < call.round):
            ticket = self.tickets[key] = Ticket(name, _decision(call), call.round)
            ticket.printed += ticket.status in ("accepted", "received")
        match ticket.status:
            case "accepted":
                return ConfirmPreparation(name, f"ticket-{key}")
            case "received":
                return ConfirmTicket(name, f"ticket-{key}")
            case "cancelled":
                return RefusePreparation(name, RefusalReason.OTHER, "cancelled")
            case _:
                return RefusePreparation(name, RefusalReason.CLOSED)

    def cancel(self, name: str, call: CancelTicket) -> OrderCommand:
        """Cancels the ticket, or sees to it that it is never printed."""
        ticket = self.tickets.setdefault(call.idempotency_key, Ticket(name, "cancelled", 0))
        ticket.status = "cancelled"
        return ConfirmTicketCancellation(name)

    def of(self, order_id: str) -> list[Ticket]:
        """The tickets of an order."""
        return [each for each in self.tickets.values() if each.order_id == order_id]


def _decision(call: RequestPreparation) -> str:
    match call.restaurant_id:
        case name if name == CLOSED and call.round == 0:
            return "refused"
        case name if name in (ASKS, SILENT):
            return "received"
        case _:
            return "accepted"


@dataclass
class Outside:
    """The servers, the calls on their way there, and the answers on their way back."""

    world: World
    provider: Provider = field(default_factory=Provider)
    pos: PointsOfSale = field(default_factory=PointsOfSale)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, Any, OrderCommand]] = field(default_factory=list)

    def waited_for(self, order_id: str) -> list[Any]:
        """The calls that an order waits for."""
        order = self.world.state("order", order_id)
        agenda = () if order is None else self.world.services["order"].decider.agenda(order)
        return [each for each in agenda if not isinstance(each, Wakeup)]

    def make(self, order_id: str, call: Any) -> OrderCommand:
        """A server does what it is asked for; the answer."""
        match call:
            case ChargePayment():
                return self.provider.charge(order_id, call)
            case RefundPayment():
                return self.provider.refund(order_id, call)
            case VoidPayment():
                return self.provider.void(order_id, call)
            case RequestPreparation():
                return self.pos.request(order_id, call)
            case CancelTicket():
                return self.pos.cancel(order_id, call)
            case _:
                assert_never(call)

    def answer(self, order_id: str) -> None:
        """All calls that an order waits for are made, and their answers heard."""
        for call in self.waited_for(order_id):
            self.world.report(order_id, call, self.make(order_id, call))

    def call(self, order_id: str) -> None:
        """The calls that an order waits for set out."""
        self.calls += [(order_id, call) for call in self.waited_for(order_id)]

    def arrive(self, number: int) -> None:
        """A call arrives; its answer sets out."""
        if self.calls:
            order_id, call = self.calls.pop(number % len(self.calls))
            self.answers.append((order_id, call, self.make(order_id, call)))

    def hear(self, number: int) -> None:
        """An answer is heard, or gets lost."""
        if self.answers:
            order_id, call, command = self.answers.pop(number // 4 % len(self.answers))
            if number % 4:
                self.world.report(order_id, call, command)

    def deliver_all(self) -> None:
        """All calls that are on their way arrive, and all answers are heard."""
        while self.calls:
            self.arrive(0)
        while self.answers:
            self.hear(1)
