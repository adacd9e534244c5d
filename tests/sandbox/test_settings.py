"""Settings from the environment."""

from pathlib import Path

import pytest

from services.sandbox.settings import Settings


def test_defaults_need_no_environment() -> None:
    """An empty environment gives the seed's world."""
    settings = Settings.from_env({})
    assert (settings.payments_port, settings.pos_port, settings.phones_port) == (9001, 9002, 9003)
    assert (settings.driver_count, settings.preparation_seconds) == (2, 5.0)
    assert (settings.order_url, settings.location_seconds) == ("http://127.0.0.1:8001", 5.0)


def test_variables_are_read_as_their_types() -> None:
    """Each field is read from its variable."""
    settings = Settings.from_env(
        {
            "TIFFIN_SANDBOX_DRIVER_COUNT": "20",
            "TIFFIN_SANDBOX_TICK_SECONDS": "0.5",
            "TIFFIN_SANDBOX_DATA_DIRECTORY": "/tmp/x",
            "TIFFIN_SANDBOX_REGION_LONGITUDE": "-70",
        }
    )
    assert settings == Settings(
        driver_count=20, tick_seconds=0.5, data_directory=Path("/tmp/x"), region_longitude=-70.0
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TIFFIN_SANDBOX_PAYMENTS_PORT", "http"),
        ("TIFFIN_SANDBOX_TICK_SECONDS", "0"),
        ("TIFFIN_SANDBOX_PAUSE_SECONDS", "nan"),
        ("TIFFIN_SANDBOX_DRIVER_COUNT", "-1"),
        ("TIFFIN_SANDBOX_LOCATION_SECONDS", "0"),
        ("TIFFIN_SANDBOX_CALLBACK_REFUSALS_MAX", "0"),
    ],
)
def test_bad_values_are_refused_by_name(name: str, text: str) -> None:
    """A variable that cannot be right is named."""
    with pytest.raises(ValueError, match=name):
        Settings.from_env({name: text})
