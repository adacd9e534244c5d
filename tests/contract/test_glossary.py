"""The README's glossary is that of the definitions."""

from enum import StrEnum
from pathlib import Path

import pytest

from infra.glossary import (
    BEGIN,
    END,
    STATUS_MEANINGS,
    GlossaryError,
    glossary,
    is_current,
    main,
    with_glossary,
)
from services.common.catalogue import SCHEMAS, catalogue

from .language import MESSAGES

README = SCHEMAS.parent / "README.md"


def test_the_readme_holds_the_glossary_of_the_definitions() -> None:
    assert is_current(README.read_text()), "run python -m infra.glossary --write README.md"


def test_every_message_has_one_row() -> None:
    lines = glossary().splitlines()
    for message in MESSAGES:
        (line,) = (each for each in lines if each.startswith(f"| `{message.type.__name__}` |"))
        assert line.endswith(". |")


@pytest.mark.parametrize("kind", STATUS_MEANINGS)
def test_every_status_has_a_meaning(kind: type[StrEnum]) -> None:
    assert list(STATUS_MEANINGS[kind]) == [status.value for status in kind]


def test_every_topic_has_a_row() -> None:
    assert all(f"| `{topic}` |" in glossary() for topic in catalogue())


def test_no_cell_breaks_its_table() -> None:
    tables = glossary().split("\n\n### ")
    assert len(tables) == 5
    for table in tables:
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) == 1


def test_only_the_text_between_the_marks_changes() -> None:
    written = with_glossary(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert written == f"before\n{BEGIN}\n{glossary()}\n{END}\nafter\n"
    assert with_glossary(written) == written


@pytest.mark.parametrize("document", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_document_without_marks_is_told(document: str) -> None:
    with pytest.raises(GlossaryError, match="needs the marks"):
        with_glossary(document)


def test_the_program_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"{BEGIN}\nold\n{END}\n")
    assert main(["--check", str(document)]) == 1
    assert "--write" in capsys.readouterr().err
    assert main(["--write", str(document)]) == 0
    assert main(["--check", str(document)]) == 0


def test_the_program_tells_of_a_missing_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", str(tmp_path / "README.md")]) == 1
    assert "README.md" in capsys.readouterr().err
