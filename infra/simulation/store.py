"""Stores in memory, with the few calls that the event table makes of a RocksDB.

A store outlives its process. One that is deleted is empty when it is opened again, and one whose
machine lost its power is what it was some writes before.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.common.store import Bulk


class Batch:
    """Writes to be done as one."""

    def __init__(self) -> None:
        self.writes: list[tuple[bytes, bytes | None]] = []

    def put(self, key: bytes, value: bytes) -> None:
        """Sets a key."""
        self.writes.append((key, value))

    def delete(self, key: bytes) -> None:
        """Removes a key."""
        self.writes.append((key, None))


@dataclass(slots=True)
class Disk:
    """What lies in one directory, and how it was some writes ago."""

    content: dict[bytes, bytes] = field(default_factory=dict)
    synced: dict[bytes, bytes] = field(default_factory=dict)
    writes_since: int = 0


class Cursor:
    """Goes over the keys in their order, as they were when it was made."""

    def __init__(self, content: dict[bytes, bytes], keys: list[bytes]) -> None:
        self._content = content
        self._keys = keys
        self._place = 0

    def seek(self, key: bytes) -> None:
        """Goes to the first key that is not before this one."""
        self._place = bisect_left(self._keys, key)

    def valid(self) -> bool:
        """True while it stands at a key."""
        return self._place < len(self._keys)

    def key(self) -> bytes:
        """The key that it stands at."""
        return self._keys[self._place]

    def value(self) -> bytes:
        """The value of the key that it stands at."""
        return self._content[self._keys[self._place]]

    def next(self) -> None:
        """Goes to the next key."""
        self._place += 1


class MemoryStore:
    """One store that is open."""

    def __init__(
        self, disk: Disk, directory: Path, wrote: Callable[[Path, bytes, bytes], None]
    ) -> None:
        self._disk = disk
        self._directory = directory
        self._wrote = wrote
        self._keys = sorted(disk.content)

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        return self._disk.content.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Sets one key."""
        batch = Batch()
        batch.put(key, value)
        self.write(batch)

    def write(self, batch: Batch) -> None:
        """Does all writes of the batch; they outlive the process."""
        disk = self._disk
        disk.writes_since += 1
        if disk.writes_since % 8 == 0:
            disk.synced = dict(disk.content)
        content = disk.content
        for key, value in batch.writes:
            if value is None:
                if content.pop(key, None) is not None:
                    del self._keys[bisect_left(self._keys, key)]
                continue
            if key not in content:
                insort(self._keys, key)
            content[key] = value
            self._wrote(self._directory, key, value)

    def ingest(self, bulk: Bulk) -> Iterator[None]:
        """Does all writes of the bulk; they and all before outlive a loss of power."""
        batch = Batch()
        batch.writes = list(bulk.take())
        yield
        self.write(batch)
        self._disk.synced = dict(self._disk.content)

    def iter(self) -> Cursor:
        """A cursor over all keys."""
        return Cursor(dict(self._disk.content), list(self._keys))

    def close(self) -> None:
        """Lets go of the disk."""


class Disks:
    """The disks of all machines, by directory."""

    def __init__(self) -> None:
        self._disks: dict[Path, Disk] = {}
        self.wrote: Callable[[Path, bytes, bytes], None] = lambda directory, key, value: None

    def open(self, directory: Path) -> MemoryStore:
        """The store in this directory."""
        return MemoryStore(self._disks.setdefault(directory, Disk()), directory, self.wrote)

    def discard(self, directory: Path) -> None:
        """Empties the directory of a closed store."""
        self._disks[directory] = Disk()

    def delete_all(self, parent: Path) -> None:
        """Deletes all directories of a worker."""
        for directory in [each for each in self._disks if parent in each.parents]:
            del self._disks[directory]

    def lose_power(self, parent: Path) -> None:
        """The last writes of a worker were not on the disk yet."""
        for directory, disk in self._disks.items():
            if parent in directory.parents:
                disk.content = dict(disk.synced)
