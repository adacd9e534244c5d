"""Stories of orders up to the pass of the kitchen, and of their money."""

from typing import Any

from infra.verify.entry import Entry
from infra.verify.identity import derived, order_id_of
from tests.verify.story import HERE, LATER, REGION, THERE, Story

GRILL = "grill"
COOKING_SECONDS = 900
ANSWER_SECONDS = 690


def asked_for(reference: str, **changes: Any) -> dict[str, Any]:
    """What a partner submits."""
    return {
        "partner": "acme",
        "reference": reference,
        "restaurant": {"restaurant_id": GRILL, "region": REGION, "location": HERE},
        "destination": THERE,
        "items": [{"name": "soup", "quantity": 2, "price_cents": 450}],
        "currency": "EUR",
        "payment_token": "tok",
        "delay_seconds": 0,
        **changes,
    }


def taken_in(story: Story, reference: str, code: str | None = None, **changes: Any) -> Entry:
    """An order that its restaurant was not asked about yet: its OrderCreated."""
    submitted = asked_for(reference, requires_code=code is not None, **changes)
    told = {
        **submitted,
        "order_id": order_id_of("acme", reference),
        "amount_cents": 900,
        "code": code,
    }
    del told["requires_code"]
    return story.step("order", "SubmitOrder", "OrderCreated", told, asked=submitted)


def created(story: Story, reference: str, code: str | None = None, **changes: Any) -> str:
    """An order that its restaurant has admitted, and that is to be charged; its id."""
    event = taken_in(story, reference, code, **changes)
    order_id = str(event["order_id"])
    asked = {
        "restaurant_id": GRILL,
        "order_id": order_id,
        "items": ["soup"],
        "delay_seconds": event["delay_seconds"],
        "ready_at": event.get("ready_at"),
        "zone": None,
    }
    answer = {
        "order_id": order_id,
        "zone": None,
        "preparation_seconds": COOKING_SECONDS,
        "accept_seconds_max": ANSWER_SECONDS,
    }
    granted = {"restaurant_id": GRILL, **answer}
    grant = story.step("restaurant", "AdmitOrder", "AdmissionGranted", granted, event, asked)
    story.step("order", "ConfirmAdmission", "OrderAdmitted", answer, grant)
    return order_id


def turned_away(story: Story, reference: str) -> str:
    """An order that its restaurant does not admit; its id."""
    event = taken_in(story, reference)
    order_id = str(event["order_id"])
    answer = {"order_id": order_id, "reason": "restaurant_paused", "detail": "grill is PAUSED"}
    refused = {"restaurant_id": GRILL, **answer}
    asked = {
        "restaurant_id": GRILL,
        "order_id": order_id,
        "items": ["soup"],
        "delay_seconds": 0,
        "ready_at": None,
        "zone": None,
    }
    refusal = story.step("restaurant", "AdmitOrder", "AdmissionRefused", refused, event, asked)
    story.step("order", "RefuseAdmission", "OrderRejected", answer, refusal)
    return order_id


def charge(story: Story, order_id: str, status: str = "succeeded", **changes: Any) -> None:
    """The provider's row for the order's charge."""
    row = {
        "id": f"ch-{order_id}",
        "status": status,
        "amount_cents": 900,
        "currency": "EUR",
        "payment_token": "tok",
        "idempotency_key": derived(order_id, "charge"),
        "created_at": story.now.isoformat(),
        **changes,
    }
    story.charges.append(row)


def refund(story: Story, order_id: str, key: str, cents: int = 900, **changes: Any) -> str:
    """The provider's row for a refund, by what its key derives for; its id."""
    row = {
        "id": f"re-{key}-{order_id}",
        "status": "succeeded",
        "idempotency_key": derived(order_id, key),
        "charge_idempotency_key": derived(order_id, "charge"),
        "amount_cents": cents,
        "created_at": story.now.isoformat(),
        **changes,
    }
    story.refunds.append(row)
    return str(row["id"])


def ticket(story: Story, order_id: str, status: str = "accepted", **changes: Any) -> None:
    """The point of sale's row for the order's ticket."""
    row = {
        "id": f"ticket-{order_id}",
        "order_id": order_id,
        "restaurant_id": GRILL,
        "status": status,
        "printed": int(status != "refused"),
        "idempotency_key": derived(order_id, "ticket"),
        "created_at": story.now.isoformat(),
        **changes,
    }
    story.tickets.append(row)


def paid(story: Story, reference: str, code: str | None = None, **changes: Any) -> str:
    """An order that is paid and waits for its time; its id."""
    order_id = created(story, reference, code, **changes)
    charge(story, order_id)
    told = {"order_id": order_id, "charge_id": f"ch-{order_id}"}
    command = story.command("order", "ConfirmPayment", told)
    story.event(command, "OrderScheduled", {**told, "prepare_at": command.at.isoformat()})
    return order_id


def paid_and_due(story: Story, reference: str, code: str | None = None) -> str:
    """An order that is paid and whose time has come; its id."""
    order_id = paid(story, reference, code)
    scheduled = story.find("order.events", "OrderScheduled", -1)
    asked = {"order_id": order_id, "prepare_at": scheduled["prepare_at"]}
    command = story.command("order", "StartPreparation", asked)
    accept_by = story.after(command, ANSWER_SECONDS)
    story.event(command, "PreparationDue", {"order_id": order_id, "accept_by": accept_by})
    return order_id


def refused(story: Story, order_id: str, seconds: int = 60) -> Entry:
    """The restaurant refuses an order, with some time to take that back."""
    told = {"order_id": order_id, "reason": "closed", "detail": ""}
    command = story.command("order", "RefusePreparation", told)
    final_at = story.after(command, seconds)
    return story.event(command, "OrderRefused", {**told, "final_at": final_at})


def cancelled(story: Story, reference: str) -> str:
    """An order that the restaurant refuses, and whose charge is given back; its id."""
    order_id = paid_and_due(story, reference)
    ticket(story, order_id, "refused")
    refusal = refused(story, order_id, 0)
    end = {"order_id": order_id, "by": "restaurant", "reason": "closed", "refund_cents": 900}
    asked = {"order_id": order_id, "final_at": refusal["final_at"]}
    story.step("order", "CloseRefusal", "OrderCancelled", end, asked=asked)
    about = {"order_id": order_id}
    story.step("order", "ConfirmTicketCancellation", "TicketCancelled", about)
    refund_id = refund(story, order_id, "refund/cancellation/1")
    _refunded(story, order_id, "cancellation", refund_id, 900)
    return order_id


def called_off(story: Story, reference: str) -> str:
    """A paid order that its customer ends while the kitchen has the ticket; its id."""
    order_id = paid_and_due(story, reference)
    ticket(story, order_id, "cancelled")
    told = {"order_id": order_id, "ticket_id": f"ticket-{order_id}"}
    story.step("order", "ConfirmTicket", "TicketReceived", told)
    asked = {"order_id": order_id, "by": "customer", "reason": "hungry no more"}
    story.step(
        "order", "CancelOrder", "OrderCancelled", {**asked, "refund_cents": 900}, None, asked
    )
    about = {"order_id": order_id}
    story.step("order", "ConfirmTicketCancellation", "TicketCancelled", about)
    refund_id = refund(story, order_id, "refund/cancellation/1")
    _refunded(story, order_id, "cancellation", refund_id, 900)
    return order_id


def voided(story: Story, reference: str) -> str:
    """An order that is ended while it is charged, and whose charge is taken back; its id."""
    order_id = created(story, reference)
    charge(story, order_id)
    asked = {"order_id": order_id, "by": "customer", "reason": "a mistake"}
    story.step("order", "CancelOrder", "OrderCancelled", asked)
    told = {
        "order_id": order_id,
        "charge_id": f"ch-{order_id}",
        "refund_id": refund(story, order_id, "void"),
    }
    story.voids.append(
        {
            "id": f"vo-{order_id}",
            "idempotency_key": derived(order_id, "void"),
            "charge_idempotency_key": derived(order_id, "charge"),
            "created_at": story.now.isoformat(),
        }
    )
    story.step("order", "ConfirmVoid", "PaymentVoided", told)
    return order_id


def rejected(story: Story, reference: str) -> str:
    """An order whose charge is declined; its id."""
    order_id = created(story, reference)
    charge(story, order_id, "declined")
    told = {"order_id": order_id, "reason": "payment_declined"}
    asked = {"order_id": order_id, "reason": "no"}
    story.step("order", "DeclinePayment", "OrderRejected", told, asked=asked)
    return order_id


def cooked(story: Story, reference: str, code: str | None = None) -> str:
    """An order that is refused, taken all the same, and ready to be picked up; its id."""
    order_id = paid_and_due(story, reference, code)
    about = {"order_id": order_id}
    refused(story, order_id)
    story.step("order", "UndoRefusal", "RefusalUndone", about)
    ticket(story, order_id)
    asked = {**about, "ticket_id": f"ticket-{order_id}"}
    ready_at, eta_at = story.now.isoformat(), (story.now + LATER).isoformat()
    told = {**asked, "ready_at": ready_at, "eta_at": eta_at}
    story.step("order", "ConfirmPreparation", "PreparationStarted", told, asked=asked)
    way = {
        **about,
        "delivery_id": derived(order_id, "delivery"),
        "region": REGION,
        "pickup": HERE,
        "dropoff": THERE,
        "code": code,
    }
    story.step("order", "FinishPreparation", "PreparationFinished", way, asked=about)
    return order_id


def ask_refund(story: Story, order_id: str, name: str = "cold", quantity: int = 1) -> Entry:
    """Somebody asks for the money of some soup."""
    items = [{"line": 0, "quantity": quantity}]
    asked = {"order_id": order_id, "refund": name, "reason": "it was cold", "items": items}
    told = {**asked, "amount_cents": 450 * quantity}
    return story.step("order", "RequestRefund", "RefundRequested", told, asked=asked)


def refunded(story: Story, order_id: str, name: str = "cold") -> None:
    """One soup of an order is given back, on the second attempt."""
    ask_refund(story, order_id, name)
    about = {"order_id": order_id, "refund": name}
    refund(story, order_id, f"refund/{name}/1", 450, status="refused")
    story.step("order", "RefuseRefund", "RefundRefused", {**about, "reason": "card_closed"})
    story.step("order", "RetryRefund", "RefundRetried", {**about, "attempt": 2}, asked=about)
    refund_id = refund(story, order_id, f"refund/{name}/2", 450)
    _refunded(story, order_id, name, refund_id, 450)


def _refunded(story: Story, order_id: str, name: str, refund_id: str, cents: int) -> None:
    asked = {"order_id": order_id, "refund": name, "refund_id": refund_id}
    told = {**asked, "amount_cents": cents}
    story.step("order", "ConfirmRefund", "PaymentRefunded", told, asked=asked)
