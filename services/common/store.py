"""The store of one partition's table: a RocksDB in a directory of its own.

Everything that the event table asks of RocksDB beyond get, put, write, iter and close is here, so
that a simulation can put a store in memory in its place.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    IngestExternalFileOptions,
    Options,
    Rdict,
    SstFileWriter,
    WriteBatch,
)

from services.common.telemetry import log

BLOCK_CACHE_BYTES = 16 << 20
WRITE_BUFFER_BYTES = 8 << 20
WRITES_PER_STEP = 500

_moved = IngestExternalFileOptions()
_moved.set_move_files(True)


def open_store(directory: Path) -> Rdict:
    """The store in this directory; an empty one where there is none, or one that is damaged."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return Rdict(str(directory), options=_options())
    except Exception as error:
        if not _tells_damage(error):
            raise
        log.error("%s is damaged and is folded anew: %s", directory, error)
        discard_store(directory)
        return Rdict(str(directory), options=_options())


def discard_store(directory: Path) -> None:
    """Empties the directory of a closed store."""
    # Renamed first: a process that ends meanwhile leaves no half of a table behind.
    doomed = directory.with_name(f"{directory.name}.discarded")
    shutil.rmtree(doomed, ignore_errors=True)
    directory.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
    directory.mkdir()


def new_batch() -> WriteBatch:
    """Writes to be done as one."""
    return WriteBatch(raw_mode=True)


class Bulk:
    """Very many writes to be done as one."""

    def __init__(self) -> None:
        self._writes: dict[bytes, bytes | None] = {}

    def put(self, key: bytes, value: bytes) -> None:
        """Sets a key."""
        self._writes[key] = value

    def delete(self, key: bytes) -> None:
        """Removes a key."""
        self._writes[key] = None

    def take(self) -> Iterator[tuple[bytes, bytes | None]]:
        """All writes, ordered by key; None where the key is removed. None are left."""
        writes, self._writes = self._writes, {}
        return ((key, writes[key]) for key in sorted(writes))

    def __len__(self) -> int:
        return len(self._writes)


def ingest(db: Rdict, bulk: Bulk) -> Iterator[None]:
    """Does all writes of the bulk as one, in small steps; they are there once it has ended.

    They are written to a file of their own, which RocksDB takes in as it is. They then outlive the
    machine's loss of power, as does all before them that was among the same keys: RocksDB writes
    what it has of those in memory to files first.
    """
    if not len(bulk):
        return
    path = f"{db.path()}.bulk"
    Path(path).unlink(missing_ok=True)
    file = SstFileWriter(_options())
    file.open(path)
    for number, (key, value) in enumerate(bulk.take(), 1):
        if value is None:
            del file[key]
        else:
            file[key] = value
        if number % WRITES_PER_STEP == 0:
            yield
    file.finish()
    db.ingest_external_file([path], _moved)


def keys_estimate(db: Rdict) -> int:
    """About how many entries it has."""
    return db.property_int_value("rocksdb.estimate-num-keys") or 0


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_keep_log_file_num(2)
    options.set_max_open_files(128)
    blocks = BlockBasedOptions()
    blocks.set_block_cache(Cache(BLOCK_CACHE_BYTES))
    blocks.set_bloom_filter(10, False)
    options.set_block_based_table_factory(blocks)
    return options


def _tells_damage(error: Exception) -> bool:
    """True when files are missing or garbled, and not when another process has them open."""
    return any(sign in str(error) for sign in ("Corruption", "No such file"))
