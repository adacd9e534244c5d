"""What a worker says about itself: log lines, counters, and the trace that a record belongs to."""

import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NoReturn

from services.common import durations

EXIT_APPEND_FAILED = 70
EXIT_LOG_SKIPPED = 71
EXIT_STALLED = 72
EXIT_TABLE_FAILED = 73
EXIT_LOOP_FAILED = 74
EXIT_CONNECT_FAILED = 75

TRACEPARENT = "traceparent"
Headers = list[tuple[str, bytes]]

_TRACEPARENT = re.compile(
    rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}"
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Logger(logging.Logger):
    """A logger that does not look for who called it: no line of ours tells that."""

    def findCaller(  # noqa: N802 - the standard library's name
        self, stack_info: bool = False, stacklevel: int = 1
    ) -> tuple[str, int, str, str | None]:
        return "", 0, "", None


def _logger(name: str) -> logging.Logger:
    before = logging.getLoggerClass()
    logging.setLoggerClass(_Logger)
    try:
        return logging.getLogger(name)
    finally:
        logging.setLoggerClass(before)


log = _logger("tiffin")

end_process: Callable[[int], NoReturn] = os._exit


REASONS_MAX = 200


class Counters:
    """How often each named thing happened since the worker started, and how long things took."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.command_seconds = durations.command_seconds()
        self.status_seconds = durations.status_seconds()
        self.effect_seconds = durations.effect_seconds()

    def add(self, name: str, count: int = 1) -> None:
        """Counts `count` more."""
        self._counts[name] += count

    def add_reason(self, reason: str) -> None:
        """Counts one more command that was refused for this reason."""
        is_one_too_many = reason not in self.reasons and len(self.reasons) >= REASONS_MAX
        self.reasons[durations.OTHER if is_one_too_many else reason] += 1

    def snapshot(self) -> dict[str, int]:
        """All counts by name."""
        return dict(sorted(self._counts.items()))


def die(code: int, reason: str) -> NoReturn:
    """Ends the process at once, so that a restart replays what was not committed."""
    log.critical("exit %d: %s", code, reason)
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stderr.flush()
    end_process(code)


def trace_headers(
    correlation_id: str,
    message_id: str,
    incoming: Iterable[tuple[str, bytes]] = (),
    order_id: str | None = None,
) -> Headers:
    """The W3C trace context of a record (W3C Trace Context, level 1).

    The trace is that of the order which the record names; else that of what it follows from; else
    one of its correlation. All ids are derived, so that a repeated record repeats its trace.
    """
    trace = trace_id(correlation_id, incoming, order_id)
    return [(TRACEPARENT, f"00-{trace}-{hex_of(message_id)[:16]}-01".encode())]


def trace_id(
    correlation_id: str, incoming: Iterable[tuple[str, bytes]] = (), order_id: str | None = None
) -> str:
    """The trace that a record belongs to: of its order, of what it follows from, or its own."""
    if order_id is not None:
        return hex_of(order_id)
    found = trace_of(incoming)
    return hex_of(correlation_id) if found is None else found[0]


def trace_of(headers: Iterable[tuple[str, bytes]]) -> tuple[str, str] | None:
    """The trace and the span that headers name, in hexadecimal digits; None where they do not."""
    last = None
    for name, value in headers:
        found = _TRACEPARENT.fullmatch(value) if name == TRACEPARENT and value else None
        if found is not None:
            last = found
    return None if last is None else (last[1].decode(), last[2].decode())


def hex_of(name: str) -> str:
    """The 32 hexadecimal digits of a UUID, or those that any other name leads to."""
    if _UUID.fullmatch(name):
        return name.replace("-", "")
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
