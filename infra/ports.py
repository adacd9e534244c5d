"""Free TCP ports on 127.0.0.1."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
# Below the range that Linux and macOS hand to outgoing connections, which could take a port
# between the check and its use.
PORT_MIN = 20_000
PORT_MAX = 32_000
ATTEMPTS_MAX = 1_000

_given: set[int] = set()
_claims: dict[Path, IO[bytes]] = {}


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that closed connections of an earlier server do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int, besides: Collection[int] = ()) -> list[int]:
    """Consecutive free ports, never given twice, nor to two processes that run at the same time.

    Args:
        count: how many.
        besides: ports not to choose, although nobody listens there yet.

    Raises:
        OSError: no such run of ports was found in ATTEMPTS_MAX tries.
    """
    for _ in range(ATTEMPTS_MAX):
        first = random.randrange(PORT_MIN, PORT_MAX - count)
        ports = range(first, first + count)
        unusable = _given.union(besides)
        if unusable.isdisjoint(ports) and all(map(_take, ports)):
            _given.update(ports)
            return list(ports)
    raise OSError(f"no {count} consecutive free ports between {PORT_MIN} and {PORT_MAX}")


def _take(port: int) -> bool:
    """Whether the port is free, and this process the only one that will be given it.

    The claim is a lock on one byte of a file, which the system takes back when the process ends.
    """
    try:
        fcntl.lockf(_claims_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    return port_is_free(port)


def _claims_file() -> IO[bytes]:
    # Opened once: to close any handle of it would give up all claims of this process.
    path = Path(tempfile.gettempdir(), f"tiffin-ports-{os.getuid()}")
    if path not in _claims:
        _claims[path] = path.open("ab")
    return _claims[path]
