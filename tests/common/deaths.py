"""Stands in for the end of the process, so that a test can go on and see why it would have been."""

from dataclasses import dataclass, field
from typing import NoReturn

import pytest

MODULES = (
    "api",
    "command_loop",
    "connections",
    "front",
    "lease",
    "partitions",
    "reactions",
    "worker",
)


class DiedError(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


@dataclass(slots=True)
class Deaths:
    """The exit codes and reasons, in order."""

    codes: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def die(self, code: int, reason: str) -> NoReturn:
        """Notes the end, and ends the caller."""
        self.codes.append(code)
        self.reasons.append(reason)
        raise DiedError(reason)


def replace_die(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    """Every module of the runtime dies here from now on."""
    deaths = Deaths()
    for module in MODULES:
        monkeypatch.setattr(f"services.common.{module}.die", deaths.die, raising=False)
    return deaths
