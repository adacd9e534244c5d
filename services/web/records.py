"""A record of any topic, as the pages are shown it: nothing that could charge a customer."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.common import ids
from services.common.log import Record
from services.common.masking import MASK, SECRET_FIELDS
from services.common.values import Instant

KINDS = {
    "events": "event",
    "commands": "command",
    "rejections": "rejection",
    "dead-letters": "dead-letter",
    "calls": "call",
    "locations": "location",
}
NOT_SHOWN = frozenset({"sources"})
DEPTH_MAX = 32

_decoder = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class LogRecord:
    """Where a record lies, whose it is, and what it says.

    topic_kind: events, commands, rejections, dead-letters, calls or locations.
    content: the whole record; `shown` is what of it may be shown.
    value: its bytes.
    """

    topic: str
    partition: int
    offset: int
    at: datetime
    owner: str
    topic_kind: str
    type: str
    key: str
    order_id: str | None
    content: Mapping[str, Any] = field(repr=False)
    value: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """The record's id, or its place where it names none."""
        return str(self.content.get("id") or f"{self.topic}/{self.partition}/{self.offset}")

    @property
    def kind(self) -> str:
        """event, command, rejection, dead-letter, call or location."""
        return KINDS[self.topic_kind]

    @property
    def correlation_id(self) -> str | None:
        """The id that all records of one order share, and those of one driver's word."""
        return _text(self.content.get("correlation_id"))

    @property
    def delivery_id(self) -> str | None:
        """The delivery that the record names, as the matcher does inside `delivery`."""
        delivery = self.content.get("delivery")
        inside = delivery.get("delivery_id") if isinstance(delivery, dict) else None
        return self.named("delivery_id") or _text(inside)

    def shown_content(self) -> dict[str, Any]:
        """What of the content may be shown, also of the record that a dead letter holds."""
        content: dict[str, Any] = shown(self.content)
        if self.topic_kind == "dead-letters" and isinstance(content.get("value"), str):
            content["value"] = _shown_text(content["value"])
        return content

    def named(self, name: str) -> str | None:
        """The text of this name in the content, if there is one."""
        return _text(self.content.get(name))

    def view(self) -> dict[str, Any]:
        """The record on the live stream."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "at": self.at,
            "kind": self.kind,
            "type": self.type,
            "key": self.key,
            "order_id": self.order_id,
            "content": self.shown_content(),
        }


def read(record: Record) -> LogRecord | None:
    """The record, also where it is no message of ours; None for a topic of another kind."""
    owner, _, topic_kind = record.topic.partition(".")
    if topic_kind not in KINDS:
        return None
    value = record.value or b""
    try:
        content = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        content = {}
    return LogRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        at=_at(topic_kind, record.timestamp, content),
        owner=owner,
        topic_kind=topic_kind,
        type=_text(content.get("type")) or "unreadable",
        key=(record.key or b"").decode(errors="replace"),
        order_id=_order_of(owner, topic_kind, content),
        content=content,
        value=value,
    )


def _at(topic_kind: str, timestamp: int, content: Mapping[str, Any]) -> datetime:
    """The log's instant of a record; a call is told when it is over, and was made before."""
    if topic_kind == "calls":
        with suppress(msgspec.ValidationError):
            return msgspec.convert(content.get("occurred_at"), Instant)
    return datetime.fromtimestamp(max(0, timestamp) / 1000, UTC)


def shown(content: Any, depth: int = 0) -> Any:
    """The content without what only the payment provider or the customer may know.

    What JSON can hold and our encoder can't is shortened: anyone may write to a topic of commands.
    """
    if depth > DEPTH_MAX:
        return "..."
    if isinstance(content, Mapping):
        return {
            name: MASK if name in SECRET_FIELDS and value is not None else shown(value, depth + 1)
            for name, value in content.items()
            if name not in NOT_SHOWN
        }
    if isinstance(content, list):
        return [shown(each, depth + 1) for each in content]
    if isinstance(content, int) and abs(content) >= 2**63:
        return str(content)
    return content


def _order_of(owner: str, topic_kind: str, content: Mapping[str, Any]) -> str | None:
    """The order that the record names; matcher's records name none, and share its correlation."""
    if named := _text(content.get("order_id")):
        return named
    if owner != "order":
        return None
    if topic_kind in ("rejections", "calls"):
        return _text(content.get("key"))
    partner, reference = _text(content.get("partner")), _text(content.get("reference"))
    if content.get("type") == "SubmitOrder" and partner and reference:
        return ids.order_id(partner, reference)
    return None


def _shown_text(value: str) -> str:
    try:
        return msgspec.json.encode(shown(msgspec.json.decode(value))).decode()
    except (msgspec.MsgspecError, RecursionError):
        return value  # no JSON, so nothing in it has a name


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
