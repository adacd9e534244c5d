"""What the servers of the outside world remember: deeds by idempotency key."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Deed:
    """What an idempotency key stands for: asked once, and answered so ever after."""

    key: str
    content: dict[str, Any]
    status: int
    document: dict[str, Any]


@dataclass(slots=True)
class Ledger:
    """All deeds of one kind by key, in order."""

    deeds: dict[str, Deed] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)
