"""Records that every owner writes besides its commands and events."""

from dataclasses import dataclass
from enum import StrEnum

from services.common.values import Instant, Long


@dataclass(frozen=True, slots=True)
class CommandRejected:
    """A command that was refused; on <owner>.rejections."""

    id: str
    type: str
    occurred_at: Instant
    causation_id: str
    correlation_id: str
    key: str
    command_type: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """One header of a record; its bytes in base64."""

    name: str
    value_base64: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be taken as a command or event; on <owner>.dead-letters.

    The original value is in `value` where it is text of moderate length, else in `value_base64`;
    the key likewise. Both are None where the record had none.
    """

    id: str
    type: str
    occurred_at: Instant
    causation_id: str
    correlation_id: str
    reason: str
    source_topic: str
    source_partition: Long
    source_offset: Long
    key: str | None
    key_base64: str | None
    value: str | None
    value_base64: str | None
    headers: tuple[RecordHeader, ...]


class LetterAction(StrEnum):
    """What a person did about a dead letter."""

    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class DeadLetterResolved:
    """A person has replayed or discarded a dead letter; on <owner>.dead-letters, after the letter.

    `appended` names the records that the replay led to, as topic/partition/offset. The value that
    was replayed is in `value` or `value_base64` as in DeadLetter, where it is not the letter's own.
    """

    id: str
    type: str
    occurred_at: Instant
    causation_id: str
    correlation_id: str
    letter_id: str
    action: LetterAction
    by: str
    note: str
    appended: tuple[str, ...]
    value: str | None
    value_base64: str | None
