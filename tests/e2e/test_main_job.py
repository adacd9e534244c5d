"""The README's two commands: the stack as one job, and the demo that shows it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from infra.stack import SANDBOX, SERVICES
from tests.e2e.conftest import FAST

READY_SECONDS_MAX = 90


@pytest.mark.timeout(240)
def test_the_main_job_runs_the_demo_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    """Addresses and commands to try are shown, each step of each order, and nothing is left."""
    output = tmp_path / "output"
    with output.open("wb") as file:
        job = subprocess.Popen(
            [sys.executable, "-m", "infra.run", "--free-ports", "--directory", tmp_path / "state"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **FAST, "COLUMNS": "200"},
        )
    try:
        until = time.monotonic() + READY_SECONDS_MAX
        while "Ctrl-C stops all" not in (shown := output.read_text()):
            assert job.poll() is None, shown
            assert time.monotonic() < until, shown
            time.sleep(0.2)
        for name in SERVICES:
            assert f"{name} service" in shown
        for name in SANDBOX:
            assert f"sandbox {name}" in shown
        urls = dict(re.findall(r"(\w+) service +(http://\S+)", shown))
        demo = subprocess.run(
            [sys.executable, "-m", "infra.demo", "--url", urls["order"], "--orders", "2"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert demo.returncode == 0, demo.stdout + demo.stderr
        assert "2 of 2 orders were delivered." in demo.stdout
        assert "OrderDelivered" in output.read_text()
    finally:
        job.send_signal(signal.SIGINT)
        code = job.wait(60)
    assert code == 0
    for url in urls.values():
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health/live")
