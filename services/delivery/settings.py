"""Settings of the delivery service; the only reader of its environment."""

from dataclasses import dataclass

from services.common.settings import CommonSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """How drivers are expected to travel, and how long a delivery may be in each status.

    Metres per second, and the least change that is told; a status that lasts longer is flagged.
    """

    port: int = 8002
    driver_speed_mps: float = 8.3
    eta_change_seconds_min: float = 1.0

    match_minutes_max: float = 15.0
    pickup_seconds_max: float = 2_700.0
    dropoff_seconds_max: float = 5_400.0
    return_seconds_max: float = 5_400.0
    cancellation_seconds_max: float = 300.0
