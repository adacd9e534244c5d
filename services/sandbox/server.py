"""Serves one app over HTTP until a signal ends it."""

import logging
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI

logger = logging.getLogger(__name__)

# A call that a fault keeps hanging must not hold up the end of the process.
SHUTDOWN_SECONDS_MAX = 1
CONNECTIONS_WAITING_MAX = 2048


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, so that a taken port shows before anything else starts.

    Raises:
        OSError: the address cannot be bound.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        # Listening at once also tells apart two processes that both set SO_REUSEADDR.
        bound.listen(CONNECTIONS_WAITING_MAX)
    except OSError:
        bound.close()
        raise
    return bound


def exit_on_signals() -> None:
    """Makes SIGTERM and SIGINT end the process with exit code 0.

    uvicorn puts its own handlers in place while it serves, and when it has shut down it raises
    the signal again for those that were there before, which are these.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


def serve(app: FastAPI, bound: socket.socket) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code when the app cannot start."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[bound])
    return 0 if server.started else 1
