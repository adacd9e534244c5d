"""Free ports are consecutive, usable and not given twice."""

import socket

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


def test_a_port_with_a_listener_is_not_free() -> None:
    """A listener on 127.0.0.1 or on all addresses takes the port."""
    for address in (HOST, ""):
        with socket.create_server((address, 0)) as listener:
            assert not port_is_free(listener.getsockname()[1])
