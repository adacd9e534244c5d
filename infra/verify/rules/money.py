"""Rules: an order is charged at most once, and every cent is accounted for."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.verify.entry import Entry
from infra.verify.evidence import Evidence
from infra.verify.identity import derived
from infra.verify.verdict import Finding, Findings, Verdict, of_order

Row = Mapping[str, Any]
SUCCEEDED = "succeeded"


def check_charges(evidence: Evidence) -> Verdict:
    """At most one successful charge of an order, in the log and with the provider, of its amount.

    A successful charge with a key that no order has is one that nobody asked for.
    """
    found = Findings()
    charges = {charge["idempotency_key"]: charge for charge in evidence.ledgers.charges}
    for order_id, history in evidence.histories("order").items():
        found.checked += 1
        created = history[0]
        charge = charges.get(derived(order_id, "charge"))
        problems = [] if created.type != "OrderCreated" else _amount_problems(created, charge)
        found.violations += [of_order(order_id, text, created) for text in problems]
        scheduled = [entry for entry in history if entry.type == "OrderScheduled"]
        found.violations += [
            of_order(order_id, "it is charged twice: a second OrderScheduled", again)
            for again in scheduled[1:]
        ]
        for entry in scheduled[:1]:
            if not evidence.is_told(entry):
                continue
            text = None
            if charge is None or charge["status"] != SUCCEEDED:
                text = "it counts as paid, but the provider has no successful charge"
            elif charge["id"] != entry["charge_id"]:
                text = f"it names charge {entry['charge_id']}, the provider {charge['id']}"
            if text is not None:
                found.violations.append(of_order(order_id, text, entry))
    _find_foreign(evidence, found)
    return found.verdict("charges", "an order has at most one successful charge, of its amount")


def _amount_problems(created: Entry, charge: Row | None) -> list[str]:
    problems = []
    asked = sum(item["quantity"] * item["price_cents"] for item in created["items"])
    if created["amount_cents"] != asked:
        problems.append(f"its amount is {created['amount_cents']} cents, its items cost {asked}")
    for name in ("amount_cents", "currency", "payment_token"):
        if charge is not None and charge[name] != created[name]:
            problems.append(f"its charge has {name} {charge[name]!r}, it has {created[name]!r}")
    return problems


def _find_foreign(evidence: Evidence, found: Findings) -> None:
    for charge in evidence.ledgers.charges:
        key = charge["idempotency_key"]
        if key in evidence.order_of_charge:
            continue
        finding = Finding(
            f"a charge of {charge['amount_cents']} {charge['currency']} cents, {charge['status']}, "
            f"with key {key}, is of no order in the log",
            f"charge/{charge['id']}",
        )
        is_explained = charge["status"] != SUCCEEDED or evidence.is_cut("order.events")
        (found.notes if is_explained else found.violations).append(finding)


@dataclass(frozen=True, slots=True)
class Account:
    """The money of one order, in cents of its currency."""

    charged: int
    refunded: int
    delivered: int
    open: int


def check_money(evidence: Evidence) -> Verdict:
    """charged = delivered + refunded + open, for each order and in total by currency."""
    found = Findings()
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    skipped = {derived(order_id, "charge") for order_id in evidence.chains["order"].cut}
    refunds = _refunds_by_charge(evidence, found)
    charges = {charge["idempotency_key"]: charge for charge in evidence.ledgers.charges}
    for order_id, history in evidence.histories("order").items():
        if not all(evidence.is_told(entry) for entry in history if _moves_money(entry)):
            skipped.add(derived(order_id, "charge"))
            continue
        if history[0].type != "OrderCreated":
            continue
        found.checked += 1
        key = derived(order_id, "charge")
        account = _account(history, charges.get(key), refunds.get(key, ()))
        for text in _account_problems(account, history, refunds.get(key, ())):
            found.violations.append(of_order(order_id, text, history[-1]))
        total = totals[history[0]["currency"]]
        total.update(delivered=account.delivered, refunded=account.refunded, open=account.open)
    for charge in evidence.ledgers.charges:
        key = charge["idempotency_key"]
        is_known = key in evidence.order_of_charge or not evidence.is_cut("order.events")
        if charge["status"] == SUCCEEDED and is_known and key not in skipped:
            totals[charge["currency"]]["charged"] += charge["amount_cents"]
    for currency, total in sorted(totals.items()):
        finding = Finding(_sum(total), f"total/{currency}")
        is_even = total["charged"] == total["delivered"] + total["refunded"] + total["open"]
        (found.notes if is_even else found.violations).append(finding)
    return found.verdict("money", "charged = delivered + refunded + open, per order and in total")


def _sum(total: Counter[str]) -> str:
    return (
        f"charged {total['charged']}, delivered {total['delivered']}, "
        f"refunded {total['refunded']}, open {total['open']} cents"
    )


def _moves_money(entry: Entry) -> bool:
    return entry.type in ("OrderScheduled", "PaymentRefunded", "OrderDelivered", "OrderCancelled")


def _refunds_by_charge(evidence: Evidence, found: Findings) -> Mapping[str, Sequence[Row]]:
    by_charge: dict[str, list[Row]] = defaultdict(list)
    for refund in evidence.ledgers.refunds:
        key = refund["charge_idempotency_key"]
        by_charge[key].append(refund)
        if key not in evidence.order_of_charge and not evidence.is_cut("order.events"):
            text = f"a refund of {refund['amount_cents']} cents is of no order in the log"
            found.violations.append(Finding(text, f"refund/{refund['id']}"))
    return by_charge


def _account(history: Sequence[Entry], charge: Row | None, refunds: Sequence[Row]) -> Account:
    types = {entry.type for entry in history}
    is_charged = charge is not None and charge["status"] == SUCCEEDED
    charged = charge["amount_cents"] if charge is not None and is_charged else 0
    refunded = sum(refund["amount_cents"] for refund in refunds)
    is_open = not types & {"OrderDelivered", "OrderRejected", "PaymentRefunded"}
    return Account(
        charged=charged,
        refunded=refunded,
        delivered=history[0]["amount_cents"] if "OrderDelivered" in types else 0,
        open=max(0, charged - refunded) if is_open else 0,
    )


def _account_problems(
    account: Account, history: Sequence[Entry], refunds: Sequence[Row]
) -> list[str]:
    problems = []
    types = {entry.type for entry in history}
    if account.refunded > account.charged:
        problems.append(f"refunded {account.refunded} of {account.charged} cents charged")
    if account.charged != account.delivered + account.refunded + account.open:
        problems.append(
            f"charged {account.charged}, but delivered {account.delivered}, refunded "
            f"{account.refunded} and open {account.open} cents"
        )
    if refunds and "OrderCancelled" not in types:
        problems.append("it is refunded, but not cancelled")
    told = [entry for entry in history if entry.type == "PaymentRefunded"]
    for entry in told:
        if entry["refund_id"] not in [refund["id"] for refund in refunds]:
            problems.append(f"it names refund {entry['refund_id']}, which the provider has not")
    return problems
