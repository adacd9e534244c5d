"""The state of the dead letters: a fold of the letters and of what people did about them."""

import base64
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from services.common import ids
from services.common.log import TEXT_BYTES_MAX, Record, instant_of
from services.common.messages.shared import DeadLetter, DeadLetterResolved, LetterAction

NOTE_CHARS_MAX = 1_000


class DeadLetterError(Exception):
    """What was asked can't be done; the text is one sentence that says why and what to do.

    Args:
        problem: why.
        remedy: which options of the command help, where some do.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem} ({remedy})" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Case:
    """A dead letter, where it lies in the service's topic, and what became of it."""

    service: str
    letter: DeadLetter
    partition: int
    key: bytes | None
    put_aside_at: datetime
    value_bytes: int | None
    resolutions: tuple[DeadLetterResolved, ...] = ()

    @property
    def is_open(self) -> bool:
        """True while nobody has replayed or discarded it."""
        return not self.resolutions

    @property
    def topic(self) -> str:
        """The topic that the letter and its resolutions lie on."""
        return f"{self.service}.dead-letters"

    @property
    def source(self) -> str:
        """The place of the record that was put aside: topic/partition/offset."""
        letter = self.letter
        return f"{letter.source_topic}/{letter.source_partition}/{letter.source_offset}"

    @property
    def original_key(self) -> bytes | None:
        """The key of the record that was put aside."""
        return _bytes_of(self.letter.key, self.letter.key_base64)

    @property
    def original_value(self) -> bytes | None:
        """The value of the record that was put aside."""
        return _bytes_of(self.letter.value, self.letter.value_base64)

    @property
    def original_headers(self) -> tuple[tuple[str, bytes], ...]:
        """The headers of the record that was put aside."""
        return tuple(
            (header.name, base64.b64decode(header.value_base64)) for header in self.letter.headers
        )


class _Typed(msgspec.Struct):
    type: str


_typed_decoder = msgspec.json.Decoder(_Typed)
_letter_decoder = msgspec.json.Decoder(DeadLetter)
_resolved_decoder = msgspec.json.Decoder(DeadLetterResolved)


class Letters:
    """Folds the records of dead-letter topics, in any order of the partitions.

    A letter is known by its service and its id: two services may put the same event aside. One
    that was appended again after a crash is the same letter, as old as the first.

    Args:
        wanted: how the ids of the letters that are kept begin, with their values; None: all are
            kept, without values, which may be more than the memory holds.
    """

    def __init__(self, wanted: str | None = None) -> None:
        self._wanted = wanted
        self._cases: dict[tuple[str, str], Case] = {}
        self._resolutions: dict[tuple[str, str], list[DeadLetterResolved]] = defaultdict(list)
        self.unreadable = 0

    def take(self, service: str, record: Record) -> None:
        """Takes the next record of a service's dead-letters topic; counts what it can't read."""
        value = record.value or b""
        try:
            match _typed_decoder.decode(value).type:
                case DeadLetter.__name__:
                    self._take_letter(service, record, _letter_decoder.decode(value))
                case DeadLetterResolved.__name__:
                    resolved = _resolved_decoder.decode(value)
                    self._resolutions[service, resolved.letter_id].append(resolved)
                case _:
                    self.unreadable += 1
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
            self.unreadable += 1

    def cases(self) -> list[Case]:
        """The letters with what became of them, the oldest first."""
        cases = (
            replace(case, resolutions=_in_order(self._resolutions[place]))
            for place, case in self._cases.items()
        )
        return sorted(cases, key=lambda case: (case.put_aside_at, case.service, case.letter.id))

    def _take_letter(self, service: str, record: Record, letter: DeadLetter) -> None:
        if self._wanted is not None and not letter.id.startswith(self._wanted):
            return
        original = _bytes_of(letter.value, letter.value_base64)
        case = Case(
            service=service,
            letter=letter if self._wanted is not None else _without_value(letter),
            partition=record.partition,
            key=record.key,
            put_aside_at=instant_of(record),
            value_bytes=None if original is None else len(original),
        )
        known = self._cases.get((service, letter.id))
        if known is None or case.put_aside_at < known.put_aside_at:
            self._cases[service, letter.id] = case


def the_one(cases: Sequence[Case], wanted: str) -> Case:
    """The case whose letter has this id, or the only one whose letter's id begins so.

    Raises:
        DeadLetterError: there is none, or more than one.
    """
    found = [case for case in cases if case.letter.id == wanted]
    found = found or [case for case in cases if case.letter.id.startswith(wanted)]
    if not found:
        raise DeadLetterError(f"no dead letter has the id {wanted!r}; `list --all` shows them")
    if len(found) > 1:
        names = ", ".join(f"{case.letter.id} of {case.service}" for case in found[:3])
        raise DeadLetterError(
            f"{len(found)} dead letters have an id like {wanted!r}, such as {names}; "
            "write more of it, or name the service with --service"
        )
    return found[0]


def resolve(
    case: Case,
    action: LetterAction,
    by: str,
    note: str,
    at: datetime,
    appended: Iterable[str] = (),
    edited: bytes | None = None,
) -> DeadLetterResolved:
    """The record that says what a person did about a letter.

    Args:
        appended: the places of the records that a replay led to.
        edited: the value that was replayed, where it is not the letter's own.

    Raises:
        DeadLetterError: the note is too long, or a letter is discarded without one.
    """
    if len(note) > NOTE_CHARS_MAX:
        raise DeadLetterError(f"a note has at most {NOTE_CHARS_MAX} characters, not {len(note)}")
    if action is LetterAction.DISCARDED and not note.strip():
        raise DeadLetterError("a letter is discarded with a note that says why")
    letter = case.letter
    text, text_base64 = _text_of(edited)
    return DeadLetterResolved(
        id=ids.derive(letter.id, f"{action}/{by}/{at.isoformat()}"),
        type=DeadLetterResolved.__name__,
        occurred_at=at,
        causation_id=letter.id,
        correlation_id=letter.correlation_id,
        letter_id=letter.id,
        action=action,
        by=by,
        note=note,
        appended=tuple(appended),
        value=text,
        value_base64=text_base64,
    )


def _in_order(resolutions: Iterable[DeadLetterResolved]) -> tuple[DeadLetterResolved, ...]:
    unique = {resolved.id: resolved for resolved in resolutions}
    return tuple(sorted(unique.values(), key=lambda resolved: resolved.occurred_at))


def _without_value(letter: DeadLetter) -> DeadLetter:
    return replace(letter, value=None, value_base64=None)


def _bytes_of(text: str | None, text_base64: str | None) -> bytes | None:
    if text is not None:
        return text.encode()
    return None if text_base64 is None else base64.b64decode(text_base64)


def _text_of(content: bytes | None) -> tuple[str | None, str | None]:
    """The content as a letter holds it: as text, or in base64 where it is long or not UTF-8."""
    if content is None:
        return None, None
    if len(content) <= TEXT_BYTES_MAX:
        try:
            return content.decode(), None
        except UnicodeDecodeError:
            pass  # not text: base64 keeps it
    return None, base64.b64encode(content).decode()
