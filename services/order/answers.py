"""What the answers of the payment provider and of a point of sale mean for an order.

Every function raises UnansweredError for an answer that does not tell the outcome.
"""

from typing import Any

import httpx

from services.common.effects import UnansweredError
from services.common.messages.order import (
    PREPARATION_SECONDS_MAX,
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

TEXT_CHARS_MAX = 200


def charge_outcome(order_id: str, answer: httpx.Response) -> OrderCommand:
    """What has become of a charge."""
    charge = _content(answer)
    match charge.get("status"):
        case "succeeded":
            return ConfirmPayment(order_id, _text(charge, "id"))
        case "declined":
            return DeclinePayment(order_id, _text(charge, "decline_reason"))
        case _:
            raise unanswered(answer)


def void_outcome(order_id: str, answer: httpx.Response) -> OrderCommand:
    """What has become of a void: the charge never comes, or is given back."""
    void = _content(answer)
    match void.get("status"):
        case "voided":
            charge_id, refund_id = _text_or_none(void, "charge_id"), None
        case "refunded":
            charge_id, refund_id = _text(void, "charge_id"), _text(void, "refund_id")
        case _:
            raise unanswered(answer)
    return ConfirmVoid(order_id, charge_id, refund_id)


def refund_outcome(order_id: str, name: str, answer: httpx.Response) -> OrderCommand:
    """What has become of the refund of this name."""
    refund = _content(answer)
    # A 422 without a reason is about the request, and says nothing of the money.
    if answer.status_code == 422 or refund.get("status") == "refused":
        return RefuseRefund(order_id, name, _text(refund, "reason"))
    if answer.status_code in (200, 201):
        return ConfirmRefund(order_id, name, _text(refund, "id"))
    raise unanswered(answer)


def ticket_outcome(order_id: str, answer: httpx.Response) -> OrderCommand:
    """What the restaurant, or its point of sale for now, says to a ticket.

    A ticket that is asked for by its key is found, though it was refused or cancelled.
    """
    ticket = _content(answer)
    status = ticket.get("status")
    if answer.status_code == 409 or status == "refused":
        return _refusal(order_id, _text(ticket, "reason"), ticket)
    if answer.status_code not in (200, 201):
        raise unanswered(answer)
    match status:
        case "accepted":
            seconds = _preparation_seconds(ticket)
            return ConfirmPreparation(order_id, _text(ticket, "id"), seconds)
        case "received":
            return ConfirmTicket(order_id, _text(ticket, "id"))
        case "cancelled":
            detail = _text_or_none(ticket, "detail") or "cancelled"
            return RefusePreparation(order_id, RefusalReason.OTHER, detail)
        case _:
            raise unanswered(answer)


def cancellation_outcome(order_id: str, answer: httpx.Response) -> OrderCommand:
    """What has become of the cancellation of a ticket."""
    if answer.status_code in (200, 201) and _content(answer).get("status") == "cancelled":
        return ConfirmTicketCancellation(order_id)
    raise unanswered(answer)


def unanswered(answer: httpx.Response) -> UnansweredError:
    """The error for an answer that does not tell the outcome."""
    return UnansweredError(f"{answer.request.url} answered {answer.status_code}")


def _refusal(order_id: str, reason: str, ticket: dict[str, Any]) -> RefusePreparation:
    """The refusal of a ticket; a reason that Tiffin does not know stands in the detail."""
    detail = _text_or_none(ticket, "detail") or ""
    if reason in set(RefusalReason):
        return RefusePreparation(order_id, RefusalReason(reason), detail)
    detail = f"{reason}: {detail}" if detail else reason
    return RefusePreparation(order_id, RefusalReason.OTHER, detail[:TEXT_CHARS_MAX])


def _preparation_seconds(ticket: dict[str, Any]) -> int | None:
    """How long the restaurant cooks; None where the answer does not say, or what can't be."""
    seconds = ticket.get("preparation_seconds")
    if type(seconds) is int and 0 <= seconds <= PREPARATION_SECONDS_MAX:
        return seconds
    return None


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError as error:
        raise UnansweredError(f"{answer.request.url} answered no JSON") from error
    if not isinstance(content, dict):
        raise UnansweredError(f"{answer.request.url} answered no JSON object")
    return content


def _text(content: dict[str, Any], name: str) -> str:
    value = _text_or_none(content, name)
    if value is None:
        raise UnansweredError(f"the answer has no {name}")
    return value


def _text_or_none(content: dict[str, Any], name: str) -> str | None:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        return None
    # JSON can hold half a character, which no record of ours can.
    return value[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode()
