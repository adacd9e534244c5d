"""Settings of the driver service; the only reader of its environment."""

from dataclasses import dataclass

from services.common.settings import CommonSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """How often a twin is written to the log whole; well below the retention of the log."""

    port: int = 8004
    snapshot_hours: float = 24.0
