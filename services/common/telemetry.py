"""What a worker says about itself: log lines, counters, and the trace that a record belongs to."""

import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NoReturn
from uuid import UUID

from services.common import durations

EXIT_APPEND_FAILED = 70
EXIT_LOG_SKIPPED = 71
EXIT_STALLED = 72
EXIT_TABLE_FAILED = 73
EXIT_LOOP_FAILED = 74
EXIT_CONNECT_FAILED = 75

TRACEPARENT = "traceparent"
Headers = list[tuple[str, bytes]]

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

log = logging.getLogger("tiffin")

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
    correlation_id: str, message_id: str, incoming: Iterable[tuple[str, bytes]] = ()
) -> Headers:
    """The W3C trace context of a record: the incoming trace, or else the one of the correlation id.

    Both ids are derived, so that a repeated record repeats its trace (W3C Trace Context, level 1).
    """
    parent = f"00-{trace_id(correlation_id, incoming)}-{_hex(message_id)[:16]}-01"
    return [(TRACEPARENT, parent.encode())]


def trace_id(correlation_id: str, incoming: Iterable[tuple[str, bytes]] = ()) -> str:
    """The trace that a record belongs to."""
    trace = None
    for name, value in incoming:
        found = _TRACEPARENT.fullmatch(value) if name == TRACEPARENT and value else None
        if found is not None:
            trace = found[1].decode()
    return trace or _hex(correlation_id)


def _hex(text: str) -> str:
    try:
        return UUID(text).hex
    except ValueError:
        return text.encode().hex()[:32].ljust(32, "0")
