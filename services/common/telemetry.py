"""What a worker says about itself: log lines, counters, and the trace that a record belongs to."""

import logging
import os
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NoReturn
from uuid import UUID

from services.common.codec import encode_plain

EXIT_APPEND_FAILED = 70
EXIT_LOG_SKIPPED = 71
EXIT_STALLED = 72
EXIT_TABLE_FAILED = 73
EXIT_LOOP_FAILED = 74
EXIT_CONNECT_FAILED = 75

TRACEPARENT = "traceparent"
Headers = list[tuple[str, bytes]]

log = logging.getLogger("tiffin")


class Counters:
    """How often each named thing happened since the worker started."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        """Counts `count` more."""
        self._counts[name] += count

    def snapshot(self) -> dict[str, int]:
        """All counts by name."""
        return dict(sorted(self._counts.items()))


def die(code: int, reason: str) -> NoReturn:
    """Ends the process at once, so that a restart replays what was not committed."""
    log.critical("exit %d: %s", code, reason)
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stderr.flush()
    os._exit(code)


def set_up_logging(service: str, level: str, as_json: bool) -> None:
    """One line per record on standard error: for people, or as JSON for machines."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        _JsonFormatter(service)
        if as_json
        else logging.Formatter(f"%(asctime)s {service} %(levelname)s %(message)s")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for quiet in ("aiokafka", "httpx", "httpcore", "uvicorn.access", "mode", "faust"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


def trace_headers(
    correlation_id: str, message_id: str, incoming: Iterable[tuple[str, bytes]] = ()
) -> Headers:
    """The W3C trace context of a record: the incoming trace, or else the one of the correlation id.

    Both ids are derived, so that a repeated record repeats its trace (W3C Trace Context, level 1).
    """
    trace = None
    for name, value in incoming:
        parts = value.split(b"-")
        if name == TRACEPARENT and len(parts) == 4 and len(parts[1]) == 32:
            trace = parts[1].decode("ascii", "replace")
    parent = f"00-{trace or _hex(correlation_id)}-{_hex(message_id)[:16]}-01"
    return [(TRACEPARENT, parent.encode())]


def _hex(text: str) -> str:
    try:
        return UUID(text).hex
    except ValueError:
        return text.encode().hex()[:32].ljust(32, "0")


class _JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "service": self._service,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return encode_plain(line).decode()
