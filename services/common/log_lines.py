"""Log lines: one per record on standard error, for people, or as JSON for machines."""

import asyncio
import logging
import re
import time
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from services.common.codec import encode_plain
from services.common.telemetry import trace_id

SELDOM_SECONDS = 10.0
# How long a decision's line may wait for others, to be written with them.
TOGETHER_SECONDS = 0.05
# These say the same many times a second while a broker is away.
CHATTY = ("aiokafka", "kafka")
QUIET = ("httpx", "httpcore", "uvicorn", "mode", "faust")

_VALUE = re.compile(r""" ?(?<!\w)b?['"].*|, not .*""", re.DOTALL)


def logging_config(service: str, level: str, as_json: bool) -> dict[str, Any]:
    """The configuration of `logging`, in the form of logging.config.dictConfig.

    What no line of ours tells, a record need not find out.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    here = __name__
    people = f"%(asctime)s {service} %(levelname)s %(message)s"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "people": {"format": people},
            "machines": {"()": f"{here}.JsonFormatter", "service": service},
        },
        "filters": {"seldom": {"()": f"{here}.Seldom"}},
        "handlers": {
            "all": {
                "()": f"{here}.Together",
                "formatter": "machines" if as_json else "people",
                "filters": ["seldom"],
            }
        },
        "root": {"level": level, "handlers": ["all"]},
        "loggers": {name: {"level": "WARNING"} for name in (*CHATTY, *QUIET)},
    }


@dataclass(slots=True, kw_only=True)
class Decision:
    """One decision of a command loop, made into text only where it is written.

    It names its order and what happened, and says nothing of what an order has in it.
    `correlation_id` is the order's id in all that an order leads to, also in other services.

    result: the event and its version, or the reason of a refusal.
    headers: of the command's record.
    """

    outcome: str
    command: str
    aggregate: str
    key: str
    result: str | None
    correlation_id: str
    headers: Iterable[tuple[str, bytes]]

    def __str__(self) -> str:
        """For people, on one line."""
        result = "" if self.result is None else f": {self.result}"
        order = "" if self.correlation_id == self.key else f" for {_line(self.correlation_id)}"
        subject = f"{self.aggregate} {self.key} {self.outcome}"
        return f"{subject} {self.command}{result}{order} [{self._trace_id}]"

    def facts(self) -> dict[str, str | None]:
        """For machines, by name."""
        return {
            "outcome": self.outcome,
            "command": self.command,
            "aggregate": self.aggregate,
            "key": self.key,
            "result": self.result,
            "correlation_id": self.correlation_id,
            "trace_id": self._trace_id,
        }

    @property
    def _trace_id(self) -> str:
        order_id = self.key if self.aggregate == "order" else None
        return trace_id(self.correlation_id, self.headers, order_id)


def without_values(reason: str) -> str:
    """What is wrong with a record, without what stands in it.

    The record's own text stands in quotes, or behind ", not "; the rest goes with it.
    """
    return _VALUE.sub(" ...", reason)


def _line(text: str) -> str:
    """A text from outside as one that begins no line of its own."""
    return text if text.isprintable() else ascii(text)


class Seldom(logging.Filter):
    """Lets each line of a chatty library through once in a while, and counts the rest."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at: dict[tuple[str, int], float] = {}
        self._untold: dict[tuple[str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True for a line that is to be written."""
        if not record.name.startswith(CHATTY):
            return True
        place = (record.pathname, record.lineno)
        now = time.monotonic()
        if now - self._told_at.get(place, float("-inf")) < SELDOM_SECONDS:
            self._untold[place] = self._untold.get(place, 0) + 1
            return False
        self._told_at[place] = now
        untold = self._untold.pop(place, 0)
        if untold:
            record.msg = f"{record.getMessage()} (and {untold} like it)"
            record.args = ()
        return True


class Together(logging.StreamHandler[TextIO]):
    """Writes decisions together with those that follow soon, where an event loop turns.

    A line costs more between other work than among its like. Any other line is written at once,
    after all that came before it.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._decisions: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a line."""
        loop = _loop() if isinstance(record.msg, Decision) else None
        if loop is None:
            self._write()
            super().emit(record)
            return
        if not self._decisions:
            loop.call_later(TOGETHER_SECONDS, self.flush)
        self._decisions.append(record)

    def flush(self) -> None:
        """Writes what waits."""
        with self.lock or nullcontext():
            self._write()
            super().flush()

    def _write(self) -> None:
        decisions, self._decisions = self._decisions, []
        if not decisions:
            return
        try:
            lines = [self.format(each) + self.terminator for each in decisions]
            self.stream.write("".join(lines))
        except Exception:
            self.handleError(decisions[-1])


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "service": self._service,
            "message": record.getMessage(),
        }
        if isinstance(record.msg, Decision):
            line |= record.msg.facts()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return encode_plain(line).decode()
