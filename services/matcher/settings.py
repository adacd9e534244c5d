"""Settings of the matcher; the only reader of its environment."""

from dataclasses import dataclass

from services.common.settings import CommonSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """How often a region is written to the log whole; well below the retention of the log."""

    port: int = 8003
    snapshot_hours: float = 24.0
