"""How a record is read, and what of it is shown."""

from datetime import UTC, datetime

from services.common.masking import MASK
from services.web.records import read
from tests.web.written import AT, CREATED, ORDER_ID, SUBMIT, Log


def test_a_submitted_order_is_known_by_partner_and_reference() -> None:
    """Its record names no order yet."""
    record = Log().command("order", SUBMIT, "c1")
    assert (record.order_id, record.kind, record.owner) == (ORDER_ID, "command", "order")


def test_what_could_charge_a_customer_or_open_a_door_is_never_shown() -> None:
    """The token and the code are hidden, also inside a dead letter."""
    log = Log()
    content = log.event("order", CREATED).view()["content"]
    assert content["payment_token"] == content["code"] == MASK
    letter = log.plain("order.dead-letters", {"value": '{"payment_token": "tok", "partner": "a"}'})
    assert "tok" not in letter.shown_content()["value"].replace("payment_token", "")
    assert "partner" in letter.shown_content()["value"]


def test_bytes_that_are_no_message_are_shown_by_their_place() -> None:
    """They are no reason to stop."""
    record = read(Log().raw("order.commands", b"\xff{"))
    assert record is not None
    assert (record.type, record.id, record.order_id) == (
        "unreadable",
        "order.commands/0/0",
        None,
    )
    assert read(Log().raw("somebody.elses", b"{}")) is None


def test_json_that_our_encoder_can_not_write_is_shortened() -> None:
    """Deep nesting and endless numbers come from whoever writes to a topic of commands."""
    deep = b"[" * 200 + b"]" * 200
    record = Log().record("order.commands", b'{"a": %s, "b": 1%s}' % (deep, b"0" * 30), AT)
    content = record.shown_content()
    assert content["b"] == "1" + "0" * 30
    assert "..." in str(content["a"])


def test_a_call_is_told_when_it_was_made() -> None:
    """It is written when it is over; one that says no instant is told when it was written."""
    call = {"type": "CallMade", "key": ORDER_ID, "occurred_at": "2029-12-31T23:59:59.5Z"}
    record = Log().plain("order.calls", call)
    assert (record.kind, record.order_id, record.owner) == ("call", ORDER_ID, "order")
    assert record.at == datetime(2029, 12, 31, 23, 59, 59, 500_000, UTC)
    for wrong in ("yesterday", None, 7, "2029-12-31T23:59:59"):
        log = Log()
        assert log.plain("order.calls", {**call, "occurred_at": wrong}).at == log.at
