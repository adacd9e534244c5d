"""Dead letters as a person reads them."""

from datetime import timedelta

import pytest

from infra.dead_letters.letters import resolve
from infra.dead_letters.replay import replay
from infra.dead_letters.text import SHOWN_BYTES_MAX, page, preview, printable, summary, table
from services.common.codec import encode_plain
from services.common.messages.shared import LetterAction
from tests.common.memory_log import MemoryLog
from tests.dead_letters.aside import (
    BAD_PRICE,
    ORDER,
    append,
    case_of,
    fold,
    put_aside,
    record,
    with_reason,
)


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (61, "1 min"), (7_300, "2 h"), (200_000, "2 d")],
)
async def test_a_line_says_where_what_and_why(seconds: int, age: str) -> None:
    """In columns under headings, a long reason shortened."""
    case = with_reason(await case_of(record(BAD_PRICE)), "bad " * 50)
    heading, line = table([case], case.put_aside_at + timedelta(seconds=seconds))
    assert heading.split() == ["id", "service", "age", "source", "key", "state", "reason"]
    for text in (case.letter.id, "order", f"  {age} ", "order.commands/0/7", "open", "bad bad"):
        assert text in line
    assert line.endswith("…")


async def test_nothing_in_a_letter_reaches_the_terminal_as_an_order() -> None:
    """Letters come from anyone."""
    evil = "\x1b]0;x\x07\r\n\x9b2J\u202e"
    value = {**ORDER, "reference": evil}
    bad = record(value, key=evil.encode())
    case = with_reason(await case_of(bad), evil)
    shown = [*table([case], case.put_aside_at), *page(case, case.put_aside_at)]
    shown += preview(replay(case, case.original_value))
    assert all(line.isprintable() for line in shown)
    assert printable("é ✓") == "é ✓"


async def test_a_page_tells_all_and_lays_json_out() -> None:
    """Also who did what about it."""
    log = MemoryLog()
    await put_aside(log, record(BAD_PRICE, key=None))
    (case,) = fold(log)
    at = case.put_aside_at
    append(log, case, resolve(case, LetterAction.REPLAYED, "ann", "ok", at, ["a/0/1"], b"{}"))
    (case,) = fold(log)
    shown = "\n".join(page(case, at))
    assert "key        -" in shown
    assert "header     traceparent: 00-abab" in shown
    assert 'price_cents": -1' in shown
    assert "replayed   2030-01-01T00:00:00Z by ann, edited, as a/0/1: ok" in shown


async def test_a_long_value_is_cut_and_said_to_be() -> None:
    """`show --raw` writes all of it."""
    case = await case_of(record(b"x" * 2_000_000))
    *_, text, last = page(case, case.put_aside_at)
    assert len(text) == SHOWN_BYTES_MAX
    assert "--raw" in last
    assert "none" in list(page(await case_of(record(None)), case.put_aside_at))[-1]


async def test_a_summary_has_the_size_of_the_value_and_not_the_value() -> None:
    """It says "value" nowhere, as null would mean that there was none."""
    case = await case_of(record(BAD_PRICE))
    found = summary(case)
    assert found["value_bytes"] == case.value_bytes
    assert not {"value", "value_base64"} & found["letter"].keys()
    assert encode_plain(found)
