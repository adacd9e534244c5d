"""Settings of the three sandbox programs, and the only reader of the environment."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from os import environ
from pathlib import Path

PREFIX = "TIFFIN_SANDBOX_"
SIGNED = ("seed", "region_latitude", "region_longitude")
POSITIVE = (
    "callback_attempts_max",
    "callback_refusals_max",
    "callbacks_at_once_max",
    "location_seconds",
    "locations_buffered_max",
    "tick_seconds",
    "speed_mps",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set; each field is read from TIFFIN_SANDBOX_ and its name in capitals."""

    host: str = "127.0.0.1"
    data_directory: Path = Path(".tiffin/sandbox")
    seed: int = 1

    payments_port: int = 9001
    payments_faults: str = "{}"

    pos_port: int = 9002
    pos_faults: str = "{}"
    preparation_seconds: float = 5.0
    callback_attempts_max: int = 60
    callback_refusals_max: int = 10
    callback_backoff_seconds: float = 0.2
    callback_backoff_seconds_max: float = 5.0
    callback_timeout_seconds: float = 5.0
    callbacks_at_once_max: int = 32

    phones_port: int = 9003
    phones_faults: str = "{}"
    driver_url: str = "http://127.0.0.1:8004"
    order_url: str = "http://127.0.0.1:8001"
    driver_timeout_seconds: float = 5.0
    driver_backoff_seconds: float = 0.5
    driver_backoff_seconds_max: float = 5.0
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    location_seconds: float = 5.0
    locations_buffered_max: int = 3600
    driver_count: int = 2
    drivers_max: int = 200
    region: str = "san-jose"
    region_latitude: float = 37.3382
    region_longitude: float = -121.8863
    region_spread_degrees: float = 0.0675
    tick_seconds: float = 1.0
    pause_seconds: float = 2.0
    speed_mps: float = 400.0
    availability_repeat_seconds: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int | float) or field.name in SIGNED:
                continue
            is_in_range = 0 < value < math.inf or (value == 0 and field.name not in POSITIVE)
            if not is_in_range:
                raise ValueError(f"{PREFIX}{field.name.upper()} is out of range: {value}")
        if self.driver_count > self.drivers_max:
            raise ValueError(
                f"{PREFIX}DRIVER_COUNT is {self.driver_count}, "
                f"and {PREFIX}DRIVERS_MAX is {self.drivers_max}"
            )

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = environ) -> "Settings":
        """The settings of this process.

        Raises:
            ValueError: a variable cannot be read as its field's type or is out of range.
        """
        defaults = cls()
        given: dict[str, object] = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if (text := environment.get(name)) is None:
                continue
            try:
                given[field.name] = type(getattr(defaults, field.name))(text)
            except ValueError as error:
                raise ValueError(f"{name} cannot be read: {error}") from error
        return cls(**given)  # type: ignore[arg-type]
