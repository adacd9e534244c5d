"""What the main job says before it starts anything."""

import socket
from pathlib import Path

import pytest

from infra import run


@pytest.mark.parametrize(
    ("value", "told"), [("taken", "TIFFIN_WEB_PORT="), ("x", "TIFFIN_WEB_PORT")]
)
def test_a_port_that_can_not_be_is_told_before_anything_starts(
    value: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """With the setting that chooses another; nothing is left behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        monkeypatch.setenv("TIFFIN_WEB_PORT", port if value == "taken" else value)
        monkeypatch.setattr("sys.argv", ["run", "--directory", str(tmp_path / "state")])
        assert run.main() == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
    assert value == "x" or f"port {port}," in error
    assert not (tmp_path / "state").exists()
