"""Settings that every service has. A service's own settings.py reads them from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

PREFIX = "TIFFIN_"


class SettingsError(Exception):
    """A setting from the environment that can't be used; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonSettings:
    """Where Kafka is, where this worker keeps its table and is reached, and every limit by name."""

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: str = "PLAINTEXT"
    tls_ca_file: str = ""
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: str = ""

    data_dir: Path = Path(".tiffin/tables")
    host: str = "127.0.0.1"
    port: int = 8000
    advertised_url: str = ""
    worker: str = ""
    log_json: bool = False
    log_level: str = "INFO"

    session_seconds: float = 6.0
    rebalance_seconds_max: float = 30.0
    append_seconds_max: float = 60.0
    front_append_seconds_max: float = 0.8
    front_appends_waiting_max: int = 192
    front_connections_max: int = 400
    front_requests_open_max: int = 256
    front_request_seconds_max: float = 15.0
    sender_commands_per_second_max: float = 200.0
    sender_commands_burst_max: int = 400
    sender_requests_open_max: int = 64
    senders_known_max: int = 10_000
    forward_seconds_max: float = 5.0
    connect_seconds_max: float = 60.0
    drain_seconds_max: float = 10.0
    stall_seconds_max: float = 15.0
    stall_warn_seconds: float = 8.0
    monitor_seconds: float = 1.0
    commit_seconds: float = 0.5
    records_per_batch_max: int = 500
    steps_in_flight_max: int = 8

    recovery_records_per_read_max: int = 5_000
    recovery_rows_in_memory_max: int = 40_000
    recovery_events_per_write_max: int = 500_000
    recovery_history_bytes_max: int = 16 << 20
    recovery_silence_seconds_max: float = 30.0
    recovery_told_seconds: float = 5.0

    effects_concurrent_max: int = 64
    effects_per_target_max: int = 8
    effects_held_max: int = 50_000
    effects_held_per_user_max: int = 2_000
    timers_held_max: int = 100_000
    effect_timeout_seconds: float = 10.0
    effect_backoff_seconds: float = 0.5
    effect_backoff_seconds_max: float = 30.0
    effect_attempts_before_flag: int = 5
    # Whether each attempt of a call is told on the topic of calls, for people to read.
    calls_told: bool = True
    calls_waiting_max: int = 256
    calls_waiting_seconds_max: float = 5.0

    otlp_endpoint: str = ""
    otlp_spans_held_max: int = 20_000
    otlp_spans_per_export_max: int = 512
    otlp_export_seconds: float = 1.0
    otlp_answer_seconds_max: float = 5.0
    otlp_pause_seconds_max: float = 30.0
    # How drivers move: some ten spans a second for each order on the road.
    otlp_quiet: str = (
        "ReportLocation,DriverLocated,TrackDriver,DeliveryEtaChanged,RecordEta,OrderEtaChanged"
    )

    @property
    def heartbeat_seconds(self) -> float:
        """How often a group member tells the broker that it lives."""
        return self.session_seconds / 4

    @property
    def away_seconds_max(self) -> float:
        """How long a worker may be stopped and still know that its partitions are its own."""
        return self.session_seconds - self.heartbeat_seconds

    @property
    def url(self) -> str:
        """Where other workers reach this worker's front."""
        return self.advertised_url or f"http://{self.host}:{self.port}"

    @property
    def worker_name(self) -> str:
        """The name that a restarted worker comes back with, to get its partitions back at once."""
        return self.worker or f"{self.host}:{self.port}"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """The settings with what the environment says in TIFFIN_<NAME>.

        Raises:
            SettingsError: a value is not of the setting's type.
        """
        values: dict[str, Any] = {}
        for field in fields(cls):
            text = environ.get(PREFIX + field.name.upper())
            if text is not None:
                values[field.name] = _parse(field.name, text, field.default)
        return cls(**values)


def _parse(name: str, text: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "0": False, "false": False}[text.lower()]
        value = type(default)(text)
        if isinstance(value, int | float) and not 0 <= value < float("inf"):
            raise ValueError("no limit, interval or port is negative or endless")
        return value
    except (KeyError, ValueError) as error:
        kind = type(default).__name__
        if isinstance(default, int | float) and not isinstance(default, bool):
            kind += " from 0 on"
        raise SettingsError(f"{PREFIX}{name.upper()} is {text!r}; a {kind} is wanted") from error
