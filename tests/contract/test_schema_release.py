"""A release is written once and says what programs see of the schemas."""

import json
from pathlib import Path

import pytest

from infra.schema_release import (
    ReleaseError,
    current_schemas,
    project_version,
    released_schemas,
    write_release,
)

SCHEMA = {"type": "record", "namespace": "tiffin.order", "name": "Praise", "fields": []}
NAME = "tiffin.order.Praise"


def test_a_release_holds_the_schemas_by_name(tmp_path: Path) -> None:
    write_release("1.0.0", {NAME: SCHEMA}, tmp_path)
    assert released_schemas(tmp_path) == {"1.0.0": {NAME: SCHEMA}}


def test_all_of_the_language_can_be_released(tmp_path: Path) -> None:
    write_release("1.0.0", current_schemas(), tmp_path)
    assert released_schemas(tmp_path)["1.0.0"].keys() == current_schemas().keys()


def test_repeating_a_release_changes_nothing(tmp_path: Path) -> None:
    path, _ = write_release("1.0.0", {NAME: SCHEMA}, tmp_path)
    assert write_release("1.0.0", {NAME: SCHEMA}, tmp_path) == (path, False)


def test_another_wording_is_no_other_release(tmp_path: Path) -> None:
    write_release("1.0.0", {NAME: SCHEMA | {"doc": "Someone liked it."}}, tmp_path)
    _, is_new = write_release("1.0.0", {NAME: SCHEMA | {"doc": "It was liked."}}, tmp_path)
    assert not is_new


def test_a_release_is_not_overwritten(tmp_path: Path) -> None:
    path, _ = write_release("1.0.0", {NAME: SCHEMA}, tmp_path)
    before = path.read_text()
    with pytest.raises(ReleaseError, match="holds other schemas"):
        write_release("1.0.0", {}, tmp_path)
    assert path.read_text() == before


def test_the_version_is_that_of_the_project(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "x"\nversion = "4.5.6"\n')
    assert project_version(project) == "4.5.6"


def test_a_release_has_one_line_per_message(tmp_path: Path) -> None:
    path, _ = write_release("1.0.0", current_schemas(), tmp_path)
    lines = path.read_text().splitlines()[1:-1]
    assert [json.loads("{" + line.rstrip(",") + "}") for line in lines]
    assert len(lines) == len(current_schemas())
