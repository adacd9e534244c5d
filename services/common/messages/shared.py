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


class CallOutcome(StrEnum):
    """What came of an attempt of a call.

    answered: the outcome is known. unanswered: it is not, and the call is made again. failed: the
    call could not be made. dropped: nobody waited for it any more.
    """

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class HttpExchange:
    """A request to the outside world and its response; secrets are masked, long texts are cut.

    request, response: the content of each as text, None where there is none.
    status: of the response, None where none came; `error` says why.
    """

    began_at: Instant
    duration_ms: Long
    method: str
    url: str
    request: str | None
    is_request_cut: bool
    status: Long | None
    response: str | None
    is_response_cut: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class CallMade:
    """An attempt of a call to the outside world, and what was said; on <owner>.calls.

    It is for people: nothing is folded from it, and one may be missing, where the log was away.
    `occurred_at` is when the attempt began, `command_type` and `command_id` name the command that
    reports its outcome. A call that was made before is asked for first, so there may be two
    exchanges; there is none where the call could not be made.
    """

    id: str
    type: str
    occurred_at: Instant
    causation_id: str
    correlation_id: str
    key: str
    call: str
    target: str
    attempt: Long
    outcome: CallOutcome
    error: str | None
    duration_ms: Long
    command_type: str | None
    command_id: str | None
    exchanges: tuple[HttpExchange, ...]
