"""Dead letters as the services put them aside, on a log in memory."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from infra.dead_letters.letters import Case, Letters
from services.common.codec import encode_plain
from services.common.log import Appender
from services.common.messages.shared import DeadLetterResolved
from tests.common.memory_log import EPOCH_MS, LogRecord, MemoryLog, MemoryProducer

TRACE = ("traceparent", b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01")
ORDER: dict[str, Any] = {
    "type": "SubmitOrder",
    **msgspec.json.decode(Path("infra/examples/order.json").read_bytes()),
}
BAD_PRICE = {**ORDER, "items": [{"name": "Taco", "quantity": 1, "price_cents": -1}]}


def record(
    value: Any,
    topic: str = "order.commands",
    key: bytes | None = b"k",
    offset: int = 7,
) -> LogRecord:
    """A record that a client has sent: bytes, None, or what is put into JSON."""
    content = value if value is None or isinstance(value, bytes) else msgspec.json.encode(value)
    return LogRecord(topic, 0, offset, EPOCH_MS, key, content, [TRACE])


async def put_aside(log: MemoryLog, bad: LogRecord, service: str = "order") -> None:
    """Puts a record aside as the runtime does."""
    await Appender(service, MemoryProducer(log)).dead_letter(bad, "it is bad")


def append(log: MemoryLog, case: Case, resolved: DeadLetterResolved) -> None:
    """Appends what became of a letter, behind it."""
    log.append(case.topic, case.key, encode_plain(resolved), case.partition)


def fold(log: MemoryLog, wanted: str | None = "") -> list[Case]:
    """The letters of all services as the log in memory tells them."""
    letters = Letters(wanted)
    for (topic, _), records in log.records.items():
        for each in records:
            letters.take(topic.removesuffix(".dead-letters"), each)
    assert letters.unreadable == 0
    return letters.cases()


async def case_of(bad: LogRecord, service: str = "order") -> Case:
    """The one letter of a record that was put aside."""
    log = MemoryLog()
    await put_aside(log, bad, service)
    (case,) = fold(log)
    return case


def with_reason(case: Case, reason: str) -> Case:
    """The case, put aside for another reason."""
    return replace(case, letter=replace(case.letter, reason=reason))
