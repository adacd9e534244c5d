"""Free TCP ports on 127.0.0.1."""

import random
import socket
from collections.abc import Collection

HOST = "127.0.0.1"
# Below the range that Linux and macOS hand to outgoing connections, which could take a port
# between the check and its use.
PORT_MIN = 20_000
PORT_MAX = 32_000
ATTEMPTS_MAX = 1_000

_given: set[int] = set()


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
    """Consecutive free ports, never the same twice in one process.

    Args:
        count: how many.
        besides: ports not to choose, although nobody listens there yet.

    Raises:
        OSError: no such run of ports was found in ATTEMPTS_MAX tries.
    """
    for _ in range(ATTEMPTS_MAX):
        first = random.randrange(PORT_MIN, PORT_MAX - count)
        ports = list(range(first, first + count))
        unusable = _given.union(besides)
        if unusable.isdisjoint(ports) and all(port_is_free(port) for port in ports):
            _given.update(ports)
            return ports
    raise OSError(f"no {count} consecutive free ports between {PORT_MIN} and {PORT_MAX}")
