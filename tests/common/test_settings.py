"""Settings: read from the environment, or refused in one sentence that names the setting."""

from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from services.common.ownership import READ_SECONDS_MAX
from services.common.settings import CommonSettings, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """What a service adds, and sets otherwise."""

    port: int = 8009
    speed_mps: float = 8.3


def test_an_empty_environment_gives_the_defaults() -> None:
    """Every setting has one."""
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({"PATH": "/bin", "PORT": "1", "port": "1"}).port == 8009


def test_every_setting_is_read_under_its_name_in_its_type() -> None:
    """TIFFIN_ and the name in capitals."""
    settings = Settings.from_env(
        {
            "TIFFIN_BOOTSTRAP": "a:1,b:2",
            "TIFFIN_PORT": "9000",
            "TIFFIN_SPEED_MPS": "1e1",
            "TIFFIN_DATA_DIR": "/data/x",
            "TIFFIN_LOG_JSON": "True",
            "TIFFIN_SESSION_SECONDS": "8",
            "TIFFIN_SASL_PASSWORD": " p ",
        }
    )
    assert settings.bootstrap == "a:1,b:2"
    assert (settings.port, settings.speed_mps) == (9000, 10.0)
    assert settings.data_dir == Path("/data/x")
    assert settings.log_json is True
    assert (settings.heartbeat_seconds, settings.away_seconds_max) == (2.0, 6.0)
    assert settings.sasl_password == " p "


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "http"),
        ("PORT", ""),
        ("PORT", "1.5"),
        ("PORT", "-1"),
        ("SPEED_MPS", "fast"),
        ("SPEED_MPS", "nan"),
        ("SPEED_MPS", "inf"),
        ("COMMIT_SECONDS", "-0.1"),
        ("LOG_JSON", "maybe"),
        ("LOG_JSON", ""),
    ],
)
def test_a_value_that_can_not_be_used_is_refused_with_its_name(name: str, text: str) -> None:
    """And with what is wanted in its place."""
    with pytest.raises(SettingsError, match=f"TIFFIN_{name} is {text!r}; a .* is wanted"):
        Settings.from_env({f"TIFFIN_{name}": text})


def test_every_limit_is_above_nothing() -> None:
    """No default switches a limit off."""
    for field in fields(Settings):
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert field.default > 0, field.name


def test_the_defaults_fit_each_other() -> None:
    """A worker knows that it was away before the group does, and drains before it is given up."""
    settings = CommonSettings()
    assert settings.heartbeat_seconds * 3 <= settings.session_seconds
    assert settings.away_seconds_max < settings.session_seconds
    assert settings.drain_seconds_max < settings.rebalance_seconds_max
    assert settings.drain_seconds_max < settings.stall_seconds_max


def test_the_defaults_of_a_front_fit_each_other() -> None:
    """No sender takes all places of writers, nor writers all places; a second is kept."""
    settings = CommonSettings()
    assert settings.sender_requests_open_max < settings.front_appends_waiting_max
    assert settings.front_appends_waiting_max < settings.front_requests_open_max
    assert settings.front_requests_open_max < settings.front_connections_max
    assert settings.front_append_seconds_max + READ_SECONDS_MAX < 1
    assert settings.front_append_seconds_max < settings.front_request_seconds_max


def test_a_worker_is_named_and_reached_by_its_address_unless_told_otherwise() -> None:
    """The name outlives a restart, so that the partitions come back."""
    settings = CommonSettings(host="h", port=1)
    assert (settings.url, settings.worker_name) == ("http://h:1", "h:1")
    settings = CommonSettings(advertised_url="https://x", worker="w-0")
    assert (settings.url, settings.worker_name) == ("https://x", "w-0")
