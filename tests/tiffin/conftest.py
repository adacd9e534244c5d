"""The command as in an environment that says nothing of Tiffin."""

import os

import pytest


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes away what would say where services and Kafka are."""
    for name in list(os.environ):
        if name.startswith("TIFFIN_"):
            monkeypatch.delenv(name)
