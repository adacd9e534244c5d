"""The directory of a local cluster: its lock, its record and what a killed run left in it."""

import fcntl
import logging
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from infra.errors import BrokerError
from infra.node_process import end_leftover, is_broker

FREE_BYTES_MIN = 200 * 1024 * 1024
LOCK_FILE = "lock"
RECORD_FILE = "cluster.json"
# Whoever only looks at the lock holds it for an instant.
LOCK_ATTEMPTS_MAX = 5
LOCK_RETRY_SECONDS = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """What a data directory says of its cluster; a pid is 0 where no broker runs."""

    cluster_id: str
    ports: tuple[int, ...]
    pids: tuple[int, ...]


def node_directory(directory: Path, node: int) -> Path:
    """Where one broker keeps all that it has."""
    return directory / f"node-{node}"


def lock_directory(directory: Path) -> IO[str]:
    """Make the directory if it is missing and take it for this process until the file is closed.

    Raises:
        BrokerError: it cannot be written, or another run has it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / LOCK_FILE).open("a+")
    except OSError as error:
        raise _not_writable(directory, error) from error
    try:
        for _ in range(LOCK_ATTEMPTS_MAX):
            if _take(file):
                file.truncate(0)
                file.write(str(os.getpid()))
                file.flush()
                return file
            time.sleep(LOCK_RETRY_SECONDS)
    except OSError as error:
        file.close()
        raise _not_writable(directory, error) from error
    holder = _holder(file)
    file.close()
    raise BrokerError(f"The data directory {directory} is in use by another run (pid {holder}).")


def running_supervisor(directory: Path) -> int | None:
    """The process that has the directory now, if there is one."""
    try:
        file = (directory / LOCK_FILE).open("r+")
    except OSError:
        return None
    with file:
        return None if _take(file) else _holder(file)


def read_record(directory: Path) -> ClusterRecord | None:
    """What the last run wrote; nothing in a new directory.

    Raises:
        BrokerError: the record cannot be understood.
    """
    file = directory / RECORD_FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=ClusterRecord)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise BrokerError(
            f"The record {file} cannot be read ({error}): delete the directory {directory} to "
            "start anew."
        ) from error


def write_record(directory: Path, record: ClusterRecord) -> None:
    """Replace the record as a whole."""
    temporary = directory / f".{RECORD_FILE}"
    temporary.write_bytes(msgspec.json.encode(record))
    temporary.replace(directory / RECORD_FILE)


def leftover_pids(directory: Path, record: ClusterRecord) -> list[int]:
    """The recorded brokers that still run."""
    return [
        pid
        for node, pid in enumerate(record.pids, start=1)
        if is_broker(pid, node_directory(directory, node))
    ]


def end_leftovers(directory: Path, record: ClusterRecord) -> int:
    """End the brokers whose supervisor was killed, and say how many there were.

    Only for who has locked the directory: then no living run owns these brokers.
    """
    ended = sum(
        end_leftover(pid, node_directory(directory, node))
        for node, pid in enumerate(record.pids, start=1)
    )
    if ended:
        log.warning("Ended %d broker(s) that a killed run had left in %s.", ended, directory)
    return ended


def check_space(directory: Path) -> None:
    """Return when there is room to work.

    Raises:
        BrokerError: less than FREE_BYTES_MIN is free.
    """
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < FREE_BYTES_MIN:
        raise BrokerError(
            f"The disk that holds {directory} is full: {free_bytes // 2**20} MB are free, a broker "
            f"needs {FREE_BYTES_MIN // 2**20} MB."
        )


def _take(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> int:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdecimal() else 0


def _not_writable(directory: Path, error: OSError) -> BrokerError:
    return BrokerError(
        f"The data directory {directory} cannot be written: {error.strerror or error}."
    )
