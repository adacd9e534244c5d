"""Log lines: one per record on standard error, for people, or as JSON for machines."""

import logging
import time
from datetime import UTC, datetime
from typing import Any

from services.common.codec import encode_plain

SELDOM_SECONDS = 10.0
# These say the same many times a second while a broker is away.
CHATTY = ("aiokafka", "kafka")
QUIET = ("httpx", "httpcore", "uvicorn", "mode", "faust")


def logging_config(service: str, level: str, as_json: bool) -> dict[str, Any]:
    """The configuration of `logging`, in the form of logging.config.dictConfig."""
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
                "class": "logging.StreamHandler",
                "formatter": "machines" if as_json else "people",
                "filters": ["seldom"],
            }
        },
        "root": {"level": level, "handlers": ["all"]},
        "loggers": {name: {"level": "WARNING"} for name in (*CHATTY, *QUIET)},
    }


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
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return encode_plain(line).decode()
