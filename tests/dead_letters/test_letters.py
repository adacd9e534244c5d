"""The state of the dead letters is the fold of their topics."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from infra.dead_letters.letters import (
    NOTE_CHARS_MAX,
    Case,
    DeadLetterError,
    Letters,
    resolve,
    the_one,
)
from services.common.log import TEXT_BYTES_MAX
from services.common.messages.shared import DeadLetterResolved, LetterAction
from tests.common.memory_log import EPOCH_MS, LogRecord, MemoryLog
from tests.dead_letters.aside import BAD_PRICE, append, case_of, fold, put_aside, record

AT = datetime(2030, 1, 31, 12, tzinfo=UTC)


def discarded(case: Case, by: str = "ann", at: datetime = AT) -> DeadLetterResolved:
    """A resolution of the case."""
    return resolve(case, LetterAction.DISCARDED, by, "a test of a partner", at)


async def test_a_letter_is_open_until_someone_resolves_it() -> None:
    """The letter itself stays, with who did what and why."""
    log = MemoryLog()
    await put_aside(log, record(BAD_PRICE))
    (case,) = fold(log)
    assert case.is_open
    append(log, case, discarded(case))
    (case,) = fold(log)
    assert not case.is_open
    assert case.letter.reason == "it is bad"
    (resolved,) = case.resolutions
    assert (resolved.action, resolved.by) == (LetterAction.DISCARDED, "ann")
    assert resolved.note == "a test of a partner"
    assert resolved.causation_id == resolved.letter_id == case.letter.id
    assert resolved.correlation_id == case.letter.correlation_id


async def test_the_original_is_kept_byte_for_byte() -> None:
    """Text, bytes that are no text, long values, and nothing at all."""
    values = [b'{"a": 1}', b"\xff\xfe\x00", b"", None, b"x" * (TEXT_BYTES_MAX + 1)]
    for key in (b"k", b"\xff", b"", None):
        for value in values:
            case = await case_of(record(value, key=key))
            assert (case.original_key, case.original_value) == (key, value)
            assert case.original_headers == tuple(record(value).headers)
            assert case.source == "order.commands/0/7"


async def test_letters_come_oldest_first_whatever_the_order_of_the_partitions() -> None:
    """A resolution finds its letter before and after it; a second letter changes nothing."""
    log = MemoryLog()
    await put_aside(log, record(b"old", offset=1))
    await put_aside(log, record(b"new", offset=2))
    await put_aside(log, record(b"old", offset=1))
    old, new = fold(log)
    append(log, new, discarded(new, "bob", AT + timedelta(hours=1)))
    append(log, new, discarded(new, "ann"))
    append(log, new, discarded(new, "ann"))
    for records in permutations(log.read("order.dead-letters")):
        letters = Letters("")
        for each in records:
            letters.take("order", each)
        first, second = letters.cases()
        assert (first.letter.id, second.letter.id) == (old.letter.id, new.letter.id)
        assert first.put_aside_at == old.put_aside_at
        assert first.is_open
        assert [each.by for each in second.resolutions] == ["ann", "bob"]


async def test_a_list_holds_no_values_but_their_sizes() -> None:
    """All the letters of 30 days may be more than the memory holds."""
    log = MemoryLog()
    await put_aside(log, record(b"x" * 2_000_000))
    (case,) = fold(log, wanted=None)
    assert case.value_bytes == 2_000_000
    assert (case.letter.value, case.letter.value_base64) == (None, None)


@pytest.mark.parametrize(
    "value",
    [None, b"", b"junk", b"\xff", b"[]", b'{"type":"Other"}', b'{"type":"DeadLetter"}'],
)
async def test_what_is_no_letter_is_counted_and_passed_over(value: bytes | None) -> None:
    """Anyone may write to a topic."""
    letters = Letters()
    letters.take("order", LogRecord("order.dead-letters", 0, 0, EPOCH_MS, None, value))
    assert (letters.unreadable, letters.cases()) == (1, [])


async def test_a_letter_with_broken_base64_is_passed_over() -> None:
    """It stops no other letter."""
    log = MemoryLog()
    await put_aside(log, record(b"\xff"))
    (good,) = log.values("order.dead-letters")
    letters = Letters()
    bad = good.replace(b'"value_base64":"/w=="', b'"value_base64":"/"')
    letters.take("order", LogRecord("order.dead-letters", 0, 0, EPOCH_MS, None, bad))
    assert (letters.unreadable, letters.cases()) == (1, [])


async def test_two_services_may_put_the_same_event_aside() -> None:
    """The letters have the same id; what is done about one says nothing of the other."""
    log = MemoryLog()
    bad = record(b"bad", topic="driver.events")
    await put_aside(log, bad, "delivery")
    await put_aside(log, bad, "matcher")
    of_delivery, of_matcher = fold(log)
    assert of_delivery.letter.id == of_matcher.letter.id
    with pytest.raises(DeadLetterError, match=r"of delivery.* of matcher.*--service"):
        the_one(fold(log), of_delivery.letter.id)
    append(log, of_delivery, discarded(of_delivery))
    assert [case.is_open for case in fold(log)] == [False, True]


async def test_an_id_may_be_shortened_as_long_as_it_is_one_letters() -> None:
    """None and many are told."""
    log = MemoryLog()
    for offset in range(40):
        await put_aside(log, record(b"bad", offset=offset))
    cases = fold(log)
    case = cases[5]
    assert the_one(cases, case.letter.id) is case
    assert the_one(cases, case.letter.id[:13]) is case
    with pytest.raises(DeadLetterError, match="dead letters have an id like"):
        the_one(cases, "")
    with pytest.raises(DeadLetterError, match="no dead letter has the id 'z'"):
        the_one(cases, "z")


async def test_an_edited_value_is_recorded_and_an_unedited_one_is_not() -> None:
    """As text where it can be."""
    case = await case_of(record(BAD_PRICE))

    def values(edited: bytes | None) -> tuple[str | None, str | None]:
        replayed = resolve(case, LetterAction.REPLAYED, "ann", "", AT, ["a/0/1"], edited)
        assert replayed.appended == ("a/0/1",)
        return replayed.value, replayed.value_base64

    assert values(None) == (None, None)
    assert values(b"{}") == ("{}", None)
    assert values(b"\xff") == (None, "/w==")


async def test_a_discard_says_why() -> None:
    """In a note of some length."""
    case = await case_of(record(BAD_PRICE))
    for note in ("", "  ", "x" * (NOTE_CHARS_MAX + 1)):
        with pytest.raises(DeadLetterError, match="note"):
            resolve(case, LetterAction.DISCARDED, "ann", note, AT)


async def test_a_resolution_has_an_id_of_its_own() -> None:
    """The same however often it is appended, and another for another person or instant."""
    case = await case_of(record(BAD_PRICE))
    assert discarded(case) == discarded(case)
    ids = {discarded(case).id, discarded(case, "bob").id, discarded(case, at=AT.replace(hour=1)).id}
    assert len(ids) == 3
