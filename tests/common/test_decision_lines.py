"""One line per decision, for people and for machines, that tells no secret of an order."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from services.common import ids
from services.common.codec import ORDER, encode_command
from services.common.command_loop import Limits, Pipeline
from services.common.decider import Envelope
from services.common.event_table import TablePartition
from services.common.log import Appender
from services.common.log_lines import Decision, JsonFormatter, without_values
from services.common.messages.order import CancelledBy, CancelOrder, RequestRefund, SubmitOrder
from services.common.telemetry import Counters, log, trace_id
from services.common.values import GeoPoint, Item, Restaurant
from services.order.domain import order_decider
from services.order.settings import Settings
from tests.common.memory_log import EPOCH_MS, MemoryLog, MemoryProducer
from tests.common.tally import EPOCH

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())]
SECRETS = ("Ada Lovelace", "tok_secret", "45.464", "9.1895", "Pizza", "let me in", "idem-key")
SUBMIT = SubmitOrder(
    partner="acme",
    reference="Ada Lovelace",
    restaurant=Restaurant("r1", "milan", GeoPoint(45.4641, 9.1895)),
    destination=GeoPoint(45.4642, 9.18951),
    items=(Item("Pizza", 1, 900),),
    currency="EUR",
    payment_token="tok_secret",
    idempotency_key="idem-key",
    requires_code=True,
)
ORDER_ID = SUBMIT.order_id


class Lines(logging.Handler):
    """Takes all records, as text and as JSON."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Formats at once, as a handler of a worker does."""
        self.records.append(record)
        self.text.append(logging.Formatter("%(levelname)s %(message)s").format(record))
        self.text.append(JsonFormatter("order").format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What Tiffin says at any level."""
    made, level = Lines(), log.level
    log.addHandler(made)
    log.setLevel(logging.DEBUG)
    yield made
    log.removeHandler(made)
    log.setLevel(level)


async def _run(directory: Path, *commands: object) -> MemoryLog:
    """Has a pipeline of orders take these; bytes are taken as they are."""
    made, decider = MemoryLog(), order_decider(Settings().policy)
    table = TablePartition(directory / "table", decider)
    appender = Appender("order", MemoryProducer(made, True))
    pipeline = Pipeline(
        0, 1, table, ORDER, decider, appender, lambda *_: None, Counters(), Limits()
    )
    for number, command in enumerate(commands):
        value = command
        if not isinstance(value, bytes):
            name = f"c{type(command).__name__}"
            envelope = Envelope(name, type(command).__name__, EPOCH, name, ORDER_ID)
            value = encode_command(envelope, command)
        made.append("order.commands", ORDER_ID.encode(), value, 0, HEADERS)
        assert made.read("order.commands")[number].timestamp >= EPOCH_MS
    pipeline.start_at("order.commands", 0)
    await pipeline.take("order.commands", made.read("order.commands"))
    assert await pipeline.drain(5)
    await pipeline.stop()
    table.close()
    return made


async def test_each_decision_has_a_line(tmp_path: Path, lines: Lines) -> None:
    """With the outcome, the order, the trace, and what it led to; repeats at level DEBUG."""
    refund = RequestRefund(ORDER_ID, "first", "let me in", ())
    await _run(tmp_path, SUBMIT, SUBMIT, refund)
    told = [(each.levelname, each.msg) for each in lines.records if isinstance(each.msg, Decision)]
    assert [(level, each.outcome, each.command, each.result) for level, each in told] == [
        ("INFO", "accepted", "SubmitOrder", "OrderCreated v1"),
        ("DEBUG", "repeated", "SubmitOrder", None),
        ("INFO", "rejected", "RequestRefund", "not_paid"),
    ]
    # The order's own trace, also where the partner sent another; that one is linked.
    trace = ORDER_ID.replace("-", "")
    assert str(told[0][1]) == f"order {ORDER_ID} accepted SubmitOrder: OrderCreated v1 [{trace}]"
    facts = msgspec.json.decode(lines.text[1])
    assert {name: facts[name] for name in ("key", "trace_id", "outcome", "level")} == {
        "key": ORDER_ID,
        "trace_id": trace,
        "outcome": "accepted",
        "level": "INFO",
    }


async def test_no_secret_of_an_order_is_in_the_log(tmp_path: Path, lines: Lines) -> None:
    """At no level: not of orders that are taken, refused or repeated, nor of bad records."""
    good = encode_command(Envelope("x", "SubmitOrder", EPOCH, "x", ORDER_ID), SUBMIT)
    made = await _run(
        tmp_path,
        SUBMIT,
        SUBMIT,
        RequestRefund(ORDER_ID, "first", "let me in", ()),
        CancelOrder(ORDER_ID, CancelledBy.CUSTOMER, "let me in"),
        good.replace(b'"EUR"', b'"tok_secret"'),
        good.replace(b"SubmitOrder", b"Ada Lovelace"),
        good.replace(b'"acme"', b'"let me in"'),
        good.replace(b"45.4642", b"945.4642"),
        good[:-9],
        b"tok_secret",
    )
    assert len(made.values("order.dead-letters")) == 6
    code = msgspec.json.decode(made.values("order.events")[0])["code"]
    assert len(lines.text) >= 20
    for line in lines.text:
        for secret in SECRETS:
            assert secret not in line
        assert f'"{code}"' not in line
        assert f" {code}" not in line


def test_a_line_is_one_line() -> None:
    """Whatever a correlation id has in it; it shows where it is not the key itself."""
    made = Decision(
        outcome="accepted",
        command="Add",
        aggregate="tally",
        key="a",
        result="Added v1",
        correlation_id="x\nERROR forged",
        headers=(),
    )
    assert "\n" not in str(made)
    assert "ERROR forged" in str(made)


def test_a_trace_without_headers_is_that_of_the_order() -> None:
    """So that a line leads to its trace."""
    order = ids.order_id("acme", "1")
    assert trace_id(order) == order.replace("-", "")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("name is empty", "name is empty"),
        ("latitude is from -90 to 90 degrees, not 91.5", "latitude is from -90 to 90 degrees ..."),
        ("unknown type 'Ada'; known are A", "unknown type ..."),
        ("the record's key is b'Ada'", "the record's key is ..."),
        ("its event can't follow version 3", "its event can't follow version 3"),
        ('decide failed: ValueError("Ada")', "decide failed: ValueError( ..."),
    ],
)
def test_a_reason_is_told_without_values(reason: str, told: str) -> None:
    """Only what Tiffin itself says of it."""
    assert without_values(reason) == told
