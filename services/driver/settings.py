"""Settings of the driver service; the only reader of its environment."""

from dataclasses import dataclass

from services.common.settings import CommonSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """What one phone may write, and how often.

    snapshot_hours: how often a twin is written to the log whole; well below the log's retention.
    location_interval_seconds_min: a location less than this after the last counts for nothing.
    """

    port: int = 8004
    snapshot_hours: float = 24.0
    location_interval_seconds_min: float = 0.5
    sender_commands_per_second_max: float = 10.0
    sender_commands_burst_max: int = 40
    sender_requests_open_max: int = 8
