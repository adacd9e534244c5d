"""The schemas of the published language, and a copy of them for each release.

As a program: python -m infra.schema_release writes schemas/releases/<version>.json for the version
in pyproject.toml. tests/contract holds the schemas against every release.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from services.common.catalogue import SCHEMAS

RELEASES = SCHEMAS / "releases"
PROJECT = SCHEMAS.parent / "pyproject.toml"

# An Avro schema as JSON says it.
Schema = Mapping[str, Any]


class ReleaseError(Exception):
    """The release cannot be written; the text says why and what to do."""


def schema_files(directory: Path = SCHEMAS) -> dict[Path, Schema]:
    """Every schema by its file, in the order of the files' names."""
    return {path: json.loads(path.read_text()) for path in sorted(directory.glob("*/*.avsc"))}


def full_name(schema: Schema) -> str:
    """The namespace and the name, such as tiffin.order.SubmitOrder."""
    return f"{schema['namespace']}.{schema['name']}"


def current_schemas() -> dict[str, Schema]:
    """Every schema of the working tree by its full name."""
    return {full_name(schema): schema for schema in schema_files().values()}


def released_schemas(directory: Path = RELEASES) -> dict[str, dict[str, Schema]]:
    """By version, the schemas of every release by their full names."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))}


def write_release(
    version: str, schemas: Mapping[str, Schema], directory: Path = RELEASES
) -> tuple[Path, bool]:
    """The file of the release, and whether it was written now; repeating it changes nothing.

    Raises:
        ReleaseError: the file exists and says something else.
    """
    path = directory / f"{version}.json"
    text = _release_text(schemas)
    if path.exists():
        if path.read_text() == text:
            return path, False
        raise ReleaseError(
            f"{path} holds other schemas. Raise the version in pyproject.toml; only where "
            f"{version} was never released, delete the file and run this again."
        )
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path, True


def project_version(project: Path = PROJECT) -> str:
    """The version that is being worked on."""
    with project.open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _release_text(schemas: Mapping[str, Schema]) -> str:
    """One line per message, so that a diff shows which ones differ."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(_without_docs(schema), ensure_ascii=False)}"
        for name, schema in sorted(schemas.items())
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _without_docs(part: Any) -> Any:
    """The same schema as programs see it: a better wording is no other release."""
    match part:
        case dict():
            return {name: _without_docs(each) for name, each in part.items() if name != "doc"}
        case list():
            return [_without_docs(each) for each in part]
        case _:
            return part


def main(words: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    argparse.ArgumentParser(
        prog="python -m infra.schema_release",
        description="Writes schemas/releases/<version>.json for the version in pyproject.toml.",
    ).parse_args(words)
    schemas = current_schemas()
    try:
        path, is_new = write_release(project_version(), schemas)
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{path}: {len(schemas)} schemas, {'written' if is_new else 'unchanged'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
