"""The store of one partition's table: a RocksDB in a directory of its own.

Everything that the event table asks of RocksDB beyond get, put, write, iter and close is here, so
that a simulation can put a store in memory in its place.
"""

import shutil
from pathlib import Path

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteOptions,
)

from services.common.telemetry import log

BLOCK_CACHE_BYTES = 16 << 20
WRITE_BUFFER_BYTES = 8 << 20


_unlogged = WriteOptions()
_unlogged.disable_wal = True  # type: ignore[assignment, method-assign]


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


def write(db: Rdict, batch: WriteBatch) -> None:
    """Does the writes of a batch as one; they outlive the process."""
    db.write(batch)


def write_unlogged(db: Rdict, batch: WriteBatch) -> None:
    """Does the writes of a batch as one; until `flush`, the end of the process undoes the last."""
    db.write(batch, _unlogged)


def flush(db: Rdict) -> None:
    """Returns once everything that was written is in files."""
    db.flush()


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
