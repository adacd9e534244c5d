"""One record of a topic, as the rules see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from infra.verify.identity import derived
from services.common.codec import LANGUAGES, BadRecordError
from services.common.decider import Envelope

# The owners of topics, and the field of their messages that names the aggregate.
OWNERS: Mapping[str, str] = {
    "order": "order_id",
    "restaurant": "restaurant_id",
    "delivery": "delivery_id",
    "matcher": "region",
    "driver": "driver_id",
}
# The topics that an owner takes commands from.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "order": ("order.commands",),
    "restaurant": ("restaurant.commands",),
    "delivery": ("delivery.commands",),
    "matcher": ("matcher.commands",),
    "driver": ("driver.commands", "driver.locations"),
}
TOPICS = (
    *(f"{owner}.{kind}" for owner in OWNERS for kind in ("events", "rejections", "dead-letters")),
    *(topic for topics in INPUTS.values() for topic in topics),
)
_OWNER_OF_INPUT = {topic: owner for owner, topics in INPUTS.items() for topic in topics}

Typed = tuple[Envelope, Any]
WRITER = "writer"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who has appended an event: a worker, since it took the partition.

    generation: of the service's consumer group.
    """

    worker: str
    generation: int
    since: datetime

    def __str__(self) -> str:
        return f"{self.worker} of generation {self.generation}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A record: its place, the broker's or the producer's instant, and its JSON.

    Args:
        content: empty where the value is no JSON object.
        problem: why the codec can't read it as a message of its topic.
        writer: of an event, where its headers say so.
    """

    topic: str
    partition: int
    offset: int
    at: datetime
    key: bytes | None
    content: Mapping[str, Any]
    problem: str | None = None
    writer: Writer | None = None

    def __getitem__(self, name: str) -> Any:
        return self.content[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A field, or the default where the record has none."""
        return self.content.get(name, default)

    @property
    def place(self) -> str:
        """topic/partition/offset"""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def type(self) -> str:
        """The message's type; empty where it names none."""
        return str(self.get("type", ""))

    @property
    def id(self) -> str:
        """The record's own id; that of a command without one derives from its place."""
        return str(self.get("id") or derived(self.place, "command"))

    def instant(self, name: str) -> datetime:
        """A field as an instant."""
        return datetime.fromisoformat(self.content[name])


def read_entry(
    topic: str,
    partition: int,
    offset: int,
    timestamp: int,
    key: bytes | None,
    value: bytes | None,
    headers: Iterable[tuple[str, bytes]] = (),
) -> tuple[Entry, Typed | None]:
    """A record, and its message where it is a readable event.

    Args:
        timestamp: milliseconds since the epoch.
    """
    try:
        at = datetime.fromtimestamp(timestamp / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        at = datetime.min.replace(tzinfo=UTC)
    problem: str | None = None
    typed: Typed | None = None
    try:
        if topic.endswith(".events"):
            typed = LANGUAGES[topic.removesuffix(".events")].decode_event(value)
        elif topic in _OWNER_OF_INPUT:
            place = f"{topic}/{partition}/{offset}"
            LANGUAGES[_OWNER_OF_INPUT[topic]].decode_command(value, place, at)
    except BadRecordError as error:
        problem = str(error)
    writer = _writer(headers) if topic.endswith(".events") else None
    return Entry(topic, partition, offset, at, key, _content(value), problem, writer), typed


def _writer(headers: Iterable[tuple[str, bytes]]) -> Writer | None:
    for name, value in headers:
        if name == WRITER:
            try:
                return msgspec.json.decode(value, type=Writer)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return None
    return None


def _content(value: bytes | None) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(value or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
