"""Settings of the driver service; the only reader of its environment."""

from dataclasses import dataclass

from services.common.settings import CommonSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """How patient a twin is, and what one phone may write, and how often.

    snapshot_hours: how often a twin is written to the log whole; well below the log's retention.
    location_interval_seconds_min: a location less than this after the last counts for nothing.
    offer_seconds_max: how long a driver may think about an offer.
    silence_minutes_max: how long a driver with a delivery may be unheard before it is suspected.
    silence_grace_seconds: how long what is on its way then has, to say otherwise.
    wrong_codes_max: so many wrong codes lock the drop-off; from 1 to 10.
    """

    port: int = 8004
    snapshot_hours: float = 24.0
    location_interval_seconds_min: float = 0.5
    offer_seconds_max: float = 30.0
    silence_minutes_max: float = 10.0
    silence_grace_seconds: float = 30.0
    wrong_codes_max: int = 5
    sender_commands_per_second_max: float = 10.0
    sender_commands_burst_max: int = 40
    sender_requests_open_max: int = 8
