"""Rule: an order is charged at most once, and only once its restaurant has admitted it."""

from collections.abc import Mapping, Sequence
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
        if charge is not None:
            problems += _reason_problems(history)
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


def _reason_problems(history: Sequence[Entry]) -> list[str]:
    if any(entry.type == "OrderAdmitted" for entry in history):
        return []
    return ["it has a charge, but its restaurant has not admitted it"]


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
