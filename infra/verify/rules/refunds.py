"""What an order has promised to give back, as its own events tell it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.verify.entry import Entry
from infra.verify.identity import derived

# The refund of all that is left of a cancelled order.
CANCELLATION = "cancellation"
OPEN, REFUNDED, REFUSED, SUPERSEDED = "open", "refunded", "refused", "superseded"


@dataclass(slots=True)
class Refund:
    """Money that was promised; of a superseded one it is in the refund of the cancellation."""

    amount_cents: int
    lines: Counter[int] = field(default_factory=Counter)
    status: str = OPEN
    attempt: int = 1
    refund_id: str | None = None


@dataclass(slots=True)
class Promises:
    """The refunds of one order by name, and what is wrong with its events about them."""

    order_id: str
    ordered: Sequence[tuple[int, int]] = ()
    is_paid: bool = False
    paid_cents: int = 0
    asked_cents: int = 0
    refunds: dict[str, Refund] = field(default_factory=dict)
    problems: list[tuple[Entry, str]] = field(default_factory=list)

    def cents(self, *statuses: str) -> int:
        """The sum of all refunds of these statuses."""
        return sum(each.amount_cents for each in self.refunds.values() if each.status in statuses)

    def names_by_key(self) -> dict[str, str]:
        """The refunds by the idempotency keys that the payment provider may know them by."""
        return {
            derived(self.order_id, f"refund/{name}/{attempt}"): name
            for name, refund in self.refunds.items()
            for attempt in range(1, refund.attempt + 1)
        }

    def take(self, entry: Entry) -> None:
        """Goes on to what is promised after the event."""
        match entry.type:
            case "OrderCreated":
                self.ordered = [(each["quantity"], each["price_cents"]) for each in entry["items"]]
                self.asked_cents = entry["amount_cents"]
            case "OrderScheduled":
                self.is_paid, self.paid_cents = True, self.asked_cents
            case "OrderCancelled":
                self._cancel(entry)
            case "RefundRequested":
                self._request(entry)
            case "PaymentRefunded" | "RefundRefused" | "RefundDelayed" | "RefundRetried":
                self._change(entry)

    def _cancel(self, entry: Entry) -> None:
        for refund in self.refunds.values():
            if refund.status == REFUSED:
                refund.status = SUPERSEDED
        owed, told = self.paid_cents - self.cents(OPEN, REFUNDED), entry.get("refund_cents", 0)
        if told != owed:
            self._wrong(entry, f"it is cancelled, and gives back {told} of {owed} cents owed")
        if told:
            self.refunds[CANCELLATION] = Refund(told)

    def _request(self, entry: Entry) -> None:
        name, amount = entry["refund"], entry["amount_cents"]
        if name in self.refunds or name == CANCELLATION:
            self._wrong(entry, f"a second refund is called {name}")
        lines = Counter[int]()
        for each in entry.get("items", ()):
            lines[each["line"]] += each["quantity"]
        if lines:
            cost = sum(
                self.ordered[line][1] * quantity
                for line, quantity in lines.items()
                if line < len(self.ordered)
            )
            if cost != amount:
                self._wrong(entry, f"it gives back {amount} cents for items of {cost}")
        self.refunds[name] = Refund(amount, lines)
        self._check_bounds(entry)

    def _change(self, entry: Entry) -> None:
        name = entry["refund"]
        refund = self.refunds.get(name)
        wanted = REFUSED if entry.type == "RefundRetried" else OPEN
        if refund is None or refund.status != wanted:
            known = "not known" if refund is None else refund.status
            self._wrong(entry, f"{entry.type} of the refund {name}, which is {known}")
        if refund is None:
            return
        match entry.type:
            case "PaymentRefunded":
                refund.status, refund.refund_id = REFUNDED, entry["refund_id"]
                if entry["amount_cents"] != refund.amount_cents:
                    text = f"{entry['amount_cents']} of {refund.amount_cents} cents of {name}"
                    self._wrong(entry, f"{text} are given back")
            case "RefundRefused":
                refund.status = REFUSED
            case "RefundRetried":
                refund.status = OPEN
                refund.attempt += 1
                if entry["attempt"] != refund.attempt:
                    self._wrong(entry, f"attempt {entry['attempt']} of {name} is the next one")
                refund.attempt = max(refund.attempt, entry["attempt"])
                self._check_bounds(entry)

    def _check_bounds(self, entry: Entry) -> None:
        """Neither more money nor more of a line is given back than there was."""
        promised = self.cents(OPEN, REFUNDED)
        if promised > self.paid_cents:
            self._wrong(entry, f"it promises {promised} of {self.paid_cents} cents paid")
        given_back = Counter[int]()
        for refund in self.refunds.values():
            if refund.status in (OPEN, REFUNDED):
                given_back.update(refund.lines)
        for line, quantity in sorted(given_back.items()):
            ordered = self.ordered[line][0] if line < len(self.ordered) else 0
            if quantity > ordered:
                self._wrong(entry, f"it gives back {quantity} of line {line}, which has {ordered}")

    def _wrong(self, entry: Entry, text: str) -> None:
        self.problems.append((entry, text))


def promises_of(order_id: str, history: Sequence[Entry]) -> Promises:
    """What the events of an order promise to give back."""
    promises = Promises(order_id)
    for entry in history:
        promises.take(entry)
    return promises
