"""Free ports are consecutive, usable and not given twice."""

import socket
import subprocess
import sys
from pathlib import Path

from infra.ports import HOST, free_ports, port_is_free


def test_free_ports_are_consecutive_and_free() -> None:
    """A cluster takes the ports that follow its first."""
    ports = free_ports(3)
    assert ports == [ports[0], ports[0] + 1, ports[0] + 2]
    assert all(port_is_free(port) for port in ports)


def test_free_ports_are_not_given_twice_nor_taken_from_others() -> None:
    """Two callers of one process never get the same port, and excluded ports stay out."""
    first = free_ports(2)
    second = free_ports(2, besides=range(20_000, 26_000))
    assert set(first).isdisjoint(second)
    assert all(port >= 26_000 for port in second)


def test_free_ports_are_not_given_to_two_processes() -> None:
    """Nobody listens on them yet, and another process is given all others."""
    first = free_ports(3)
    code = "import infra.ports as p; p.PORT_MIN, p.PORT_MAX = {}, {}; print(*p.free_ports(1))"
    told = [
        subprocess.run(
            [sys.executable, "-c", code.format(first[0], end + 1)],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        for end in (first[2], first[2] + 60)
    ]
    assert "no 1 consecutive free ports" in told[0].stderr
    assert first[2] < int(told[1].stdout) <= first[2] + 60


def test_a_port_with_a_listener_is_not_free() -> None:
    """A listener on 127.0.0.1 or on all addresses takes the port."""
    for address in (HOST, ""):
        with socket.create_server((address, 0)) as listener:
            assert not port_is_free(listener.getsockname()[1])
