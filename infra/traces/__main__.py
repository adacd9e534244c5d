"""The program that brings a trace UI up: Zipkin, and before it a receiver of OTLP.

As a program: python -m infra.traces; Ctrl-C stops it.
"""

import contextlib
import signal
import sys
from pathlib import Path

import uvicorn

from infra.kafka_files import CACHE_DIRECTORY
from infra.ports import HOST, port_is_free
from infra.traces import OTLP_PORT, ZIPKIN_PORT
from infra.traces.receiver import create_receiver
from infra.traces.zipkin import TracesError, ZipkinServer

LOG = Path("logs", "zipkin.log")


def main() -> int:
    """Runs until Ctrl-C or SIGTERM; 1 when it can't be started."""
    for port in (ZIPKIN_PORT, OTLP_PORT):
        if not port_is_free(port):
            print(f"error: port {port} of {HOST} is taken by another program", file=sys.stderr)
            return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    zipkin = ZipkinServer(CACHE_DIRECTORY / LOG)
    try:
        print("Starting Zipkin; the first time its 135 MB are downloaded ...", flush=True)
        zipkin.start()
        print(
            f"Traces are at {zipkin.url}/zipkin/; http://{HOST}:{OTLP_PORT} takes them over OTLP.\n"
            "`make run` exports to it when it is started after this; Ctrl-C stops it.",
            flush=True,
        )
        receiver = create_receiver(zipkin.url)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.run(receiver, host=HOST, port=OTLP_PORT, log_level="warning", access_log=False)
        zipkin.check()
    except KeyboardInterrupt:
        return 0
    except TracesError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        zipkin.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
