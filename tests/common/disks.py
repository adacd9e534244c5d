"""What the disk has of a store that is open."""

import shutil
from pathlib import Path

COPIES_MAX = 50


def copy_disk(directory: Path, to: Path) -> None:
    """Copies a store as another process would find it, while RocksDB works on its files.

    A copy that a compaction has come into is no moment of the disk, and is made again.
    """
    for _ in range(COPIES_MAX):
        shutil.rmtree(to, ignore_errors=True)
        try:
            before = _files(directory)
            shutil.copytree(directory, to)
            if _files(directory) == before:
                return
        except (shutil.Error, FileNotFoundError):
            continue  # a file went meanwhile
    raise AssertionError(f"{directory} never rests")


def _files(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in directory.iterdir()}
