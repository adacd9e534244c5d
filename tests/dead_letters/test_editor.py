"""A value is edited in the person's own editor, and nothing that was edited is lost."""

from pathlib import Path

import pytest

from infra.dead_letters.editor import edit, laid_out
from infra.dead_letters.letters import DeadLetterError


def test_json_is_laid_out_and_what_is_changed_comes_back() -> None:
    """The editor may have options."""
    value, path = edit(b'{"price_cents":-1,"n":1}', {"EDITOR": "sed -i s/-1/450/"})
    assert value == b'{\n  "price_cents": 450,\n  "n": 1\n}\n'
    assert path.read_bytes() == value
    path.unlink()


def test_the_visual_editor_comes_first() -> None:
    """As everywhere."""
    environ = {"VISUAL": "sed -i s/1/2/", "EDITOR": "sed -i s/1/3/"}
    value, path = edit(b"1", environ)
    assert value.strip() == b"2"
    path.unlink()


def test_a_value_that_is_left_as_it_was_is_not_replayed() -> None:
    """To leave without a change is to think better of it."""
    with pytest.raises(DeadLetterError, match="nothing was changed"):
        edit(b'{"a":1}', {"EDITOR": "true"})


def test_a_failed_editor_leaves_the_file() -> None:
    """And tells where it is."""
    with pytest.raises(DeadLetterError, match="ended with 1") as told:
        edit(None, {"EDITOR": "false"})
    path = Path(str(told.value).rpartition(" ")[2])
    assert path.read_bytes() == b""
    path.unlink()


@pytest.mark.parametrize("editor", ["/no/such/editor", "'", "/"])
def test_an_editor_that_can_not_be_started_is_told(editor: str) -> None:
    """By name."""
    with pytest.raises(DeadLetterError, match="can't be used"):
        edit(b"{}", {"EDITOR": editor})


@pytest.mark.parametrize(
    "value", [b"", b"junk", b"\xff", b"{", b'{"a":1}{', b'{"a"', b"[" * 100_000]
)
def test_what_is_no_json_stays_as_it_is(value: bytes) -> None:
    """Byte for byte."""
    assert laid_out(value) == value


@pytest.mark.parametrize("text", ["1e400", "12345678901234567890123", "0.10", '"\\u00e9"', "-0.0"])
def test_every_number_and_text_stays_as_it_was(text: str) -> None:
    """It is laid out, not read."""
    assert laid_out(f'{{"a":{text}}}'.encode()) == f'{{\n  "a": {text}\n}}\n'.encode()
