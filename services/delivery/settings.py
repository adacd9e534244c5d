"""Settings of the delivery service; the only reader of its environment."""

from dataclasses import dataclass

from services.common.settings import CommonSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """How drivers are expected to travel: metres per second, and the least change that is told."""

    port: int = 8002
    driver_speed_mps: float = 8.3
    eta_change_seconds_min: float = 1.0
