"""Rule: every cent that was charged is accounted for."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import derived
from infra.verify.rules.charges import SUCCEEDED, Row
from infra.verify.rules.refunds import OPEN, REFUNDED, REFUSED, Promises, promises_of
from infra.verify.rules.statuses import status_of
from infra.verify.verdict import Finding, Findings, Verdict, of_order

MOVES_MONEY = frozenset(
    {
        "OrderScheduled",
        "OrderDelivered",
        "OrderCancelled",
        "PaymentVoided",
        "RefundRequested",
        "PaymentRefunded",
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """The money of one order, in cents of its currency."""

    charged: int
    refunded: int
    delivered: int
    open: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What the payment provider says of one order; refused refunds are left out."""

    charge: Row | None
    refunds: Sequence[Row]
    void: Row | None

    @property
    def charged(self) -> int:
        """What the customer was charged."""
        is_charged = self.charge is not None and self.charge["status"] == SUCCEEDED
        return int(self.charge["amount_cents"]) if self.charge is not None and is_charged else 0

    @property
    def refunded(self) -> int:
        """What the customer has back."""
        return sum(refund["amount_cents"] for refund in self.refunds)


def check_money(evidence: Evidence) -> Verdict:
    """charged = delivered + refunded + open, for each order and in total by currency.

    Every refund of the provider has its reason in the log, and every one in the log is made.
    """
    found = Findings()
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    skipped = {derived(order_id, "charge") for order_id in evidence.chains["order"].cut}
    refunds = _refunds_by_charge(evidence, found)
    charges = {charge["idempotency_key"]: charge for charge in evidence.ledgers.charges}
    voids = {void["idempotency_key"]: void for void in evidence.ledgers.voids}
    for order_id, history in evidence.histories("order").items():
        key = derived(order_id, "charge")
        if not all(evidence.is_told(entry) for entry in history if entry.type in MOVES_MONEY):
            skipped.add(key)
            continue
        if history[0].type != "OrderCreated":
            continue
        found.checked += 1
        void = voids.get(derived(order_id, "void"))
        statement = Statement(charges.get(key), refunds.get(key, ()), void)
        promises = promises_of(order_id, history)
        account = account_of(history, promises, statement)
        for entry, text in _problems(account, history, promises, statement):
            found.violations.append(of_order(order_id, text, entry))
        total = totals[history[0]["currency"]]
        total.update(delivered=account.delivered, refunded=account.refunded, open=account.open)
    _add_totals(evidence, found, totals, skipped)
    return found.verdict("money", "charged = delivered + refunded + open, per order and in total")


def account_of(history: Sequence[Entry], promises: Promises, statement: Statement) -> Account:
    """Where the money of an order is: what the provider did, and what the log says is to come."""
    charged, refunded = statement.charged, statement.refunded
    types = {entry.type for entry in history}
    delivered, to_come = 0, charged
    match status_of(history):
        case "REJECTED":
            to_come = 0
        case "CANCELLED":
            # Of a void that was told nothing is to come, nor where nothing was to be charged.
            is_voiding = "OrderAdmitted" in types and "PaymentVoided" not in types
            to_come = charged if is_voiding else 0
            if promises.is_paid:
                to_come = promises.cents(OPEN, REFUNDED, REFUSED)
        case "DELIVERED":
            to_come = promises.cents(OPEN, REFUNDED)
            delivered = promises.paid_cents - to_come
    return Account(charged, refunded, delivered, max(0, to_come - refunded))


def _problems(
    account: Account, history: Sequence[Entry], promises: Promises, statement: Statement
) -> Iterator[tuple[Entry, str]]:
    last = history[-1]
    yield from promises.problems
    if account.refunded > account.charged:
        yield last, f"refunded {account.refunded} of {account.charged} cents charged"
    if account.charged != account.delivered + account.refunded + account.open:
        yield (
            last,
            f"charged {account.charged}, but delivered {account.delivered}, refunded "
            f"{account.refunded} and open {account.open} cents",
        )
    yield from ((last, text) for text in _without_reason(history, promises, statement))
    made = {refund["id"]: refund for refund in statement.refunds}
    for entry in history:
        if entry.type not in ("PaymentRefunded", "PaymentVoided") or entry["refund_id"] is None:
            continue
        refund = made.get(entry["refund_id"])
        if refund is None:
            yield entry, f"it names refund {entry['refund_id']}, which the provider has not"
        elif entry.get("amount_cents", refund["amount_cents"]) != refund["amount_cents"]:
            yield entry, f"it tells another amount than {refund['amount_cents']} cents, as refunded"
    voided = [entry for entry in history if entry.type == "PaymentVoided"]
    if voided and statement.void is None:
        yield voided[0], "its charge counts as void, but the provider has no void of it"


def _without_reason(
    history: Sequence[Entry], promises: Promises, statement: Statement
) -> Iterator[str]:
    """What the provider has done for an order that did not ask for it."""
    names = promises.names_by_key()
    by_name = Counter[str]()
    is_voided = any(entry.type == "OrderCancelled" for entry in history) and not promises.is_paid
    void_key = derived(promises.order_id, "void")
    for refund in statement.refunds:
        key = refund["idempotency_key"]
        name = names.get(key)
        if name is not None:
            by_name[name] += refund["amount_cents"]
        elif key != void_key or not is_voided:
            yield f"a refund of {refund['amount_cents']} cents, {refund['id']}, has no reason"
    for name, cents in sorted(by_name.items()):
        if cents != promises.refunds[name].amount_cents:
            yield f"{cents} of {promises.refunds[name].amount_cents} cents of {name} are refunded"
    if statement.void is not None and not is_voided:
        yield "its charge was voided, but it was not cancelled before it was paid"


def _refunds_by_charge(evidence: Evidence, found: Findings) -> Mapping[str, Sequence[Row]]:
    by_charge: dict[str, list[Row]] = defaultdict(list)
    for refund in evidence.ledgers.refunds:
        if refund.get("status", SUCCEEDED) != SUCCEEDED:
            continue
        key = refund["charge_idempotency_key"]
        by_charge[key].append(refund)
        if key not in evidence.order_of_charge and not evidence.is_cut("order.events"):
            text = f"a refund of {refund['amount_cents']} cents is of no order in the log"
            found.violations.append(Finding(text, f"refund/{refund['id']}"))
    return by_charge


def _add_totals(
    evidence: Evidence, found: Findings, totals: dict[str, Counter[str]], skipped: set[str]
) -> None:
    for charge in evidence.ledgers.charges:
        key = charge["idempotency_key"]
        is_known = key in evidence.order_of_charge or not evidence.is_cut("order.events")
        if charge["status"] == SUCCEEDED and is_known and key not in skipped:
            totals[charge["currency"]]["charged"] += charge["amount_cents"]
    for currency, total in sorted(totals.items()):
        finding = Finding(_sum(total), f"total/{currency}")
        is_even = total["charged"] == total["delivered"] + total["refunded"] + total["open"]
        (found.notes if is_even else found.violations).append(finding)


def _sum(total: Counter[str]) -> str:
    return (
        f"charged {total['charged']}, delivered {total['delivered']}, "
        f"refunded {total['refunded']}, open {total['open']} cents"
    )
