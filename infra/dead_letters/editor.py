"""Editing the value of a letter in the person's own editor."""

import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from infra.dead_letters.letters import DeadLetterError


def edit(value: bytes | None, environ: Mapping[str, str]) -> tuple[bytes, Path]:
    """The value as the person leaves it, and the file that it is in; JSON is laid out first.

    Raises:
        DeadLetterError: the editor can't be started or fails, or nothing was changed.
    """
    before = laid_out(value or b"")
    with tempfile.NamedTemporaryFile(
        prefix="tiffin-letter-", suffix=".json", delete=False
    ) as written:
        written.write(before)
    path = Path(written.name)
    editor = environ.get("VISUAL") or environ.get("EDITOR") or "vi"
    try:
        ended = subprocess.run([*shlex.split(editor), str(path)], check=False)
        after = path.read_bytes()
    except (OSError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise DeadLetterError(f"the editor {editor!r} can't be used: {error}") from error
    if ended.returncode != 0:
        raise DeadLetterError(
            f"the editor {editor!r} ended with {ended.returncode}, so nothing is replayed; "
            f"what was edited is in {path}"
        )
    if after == before:
        path.unlink()
        raise DeadLetterError("nothing was changed, so nothing is replayed")
    return after, path


def laid_out(value: bytes) -> bytes:
    """The value over several lines where it is JSON, every number and text as it was."""
    try:
        # The text is laid out and not read, so that nothing in it can change; but it must be JSON.
        msgspec.json.decode(value, type=msgspec.Raw)
        return msgspec.json.format(value, indent=2) + b"\n"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return value
