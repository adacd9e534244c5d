"""The catalogue of topics and their settings, read from schemas/topics.toml."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic: its owner, what its key means and how the broker keeps it."""

    name: str
    owner: str
    key: str
    cleanup: str
    retention_hours: int
    record_bytes_max: int
    append_time: bool

    def config(self) -> dict[str, str]:
        """The broker's settings for this topic, as the admin protocol wants them."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_hours * 3_600_000),
            "max.message.bytes": str(self.record_bytes_max),
            "message.timestamp.type": "LogAppendTime" if self.append_time else "CreateTime",
        }


@cache
def catalogue() -> dict[str, TopicSpec]:
    """All topics by name.

    Raises:
        ValueError: the catalogue has a topic with an unknown or missing setting.
    """
    with (SCHEMAS / "topics.toml").open("rb") as file:
        document = tomllib.load(file)
    defaults = document["defaults"]
    return {name: _spec(name, {**defaults, **own}) for name, own in document["topics"].items()}


def _spec(name: str, settings: dict[str, object]) -> TopicSpec:
    timestamp = settings.pop("timestamp", "create")
    if timestamp not in ("append", "create"):
        raise ValueError(
            f"topics.toml: {name}: timestamp is 'append' or 'create', not {timestamp!r}"
        )
    try:
        return TopicSpec(name=name, append_time=timestamp == "append", **settings)  # type: ignore[arg-type]
    except TypeError as error:
        raise ValueError(f"topics.toml: {name}: {error}") from error
