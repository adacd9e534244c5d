"""Settings of the sandbox for tests: short times and a directory of the test's own."""

from pathlib import Path

import pytest

from services.sandbox.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_directory=tmp_path,
        preparation_seconds=0.02,
        callback_backoff_seconds=0.01,
        callback_backoff_seconds_max=0.02,
        driver_backoff_seconds=0.01,
        driver_backoff_seconds_max=0.02,
        tick_seconds=0.01,
        pause_seconds=0.05,
        speed_mps=200_000.0,
    )
