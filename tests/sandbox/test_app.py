"""The three programs as processes: start, signals, kill -9 and taken ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

START_SECONDS_MAX = 15.0
STOP_SECONDS_MAX = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(program: str, port: int, directory: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        f"TIFFIN_SANDBOX_{program.upper()}_PORT": str(port),
        "TIFFIN_SANDBOX_DATA_DIRECTORY": str(directory),
        "TIFFIN_SANDBOX_DRIVER_URL": f"http://127.0.0.1:{free_port()}",
        "TIFFIN_SANDBOX_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "services.sandbox", program],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )


@contextmanager
def started(program: str, port: int, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """The program, alive."""
    process = start(program, port, directory)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
                break
            except httpx.TransportError:
                assert process.poll() is None, "the program ended"
                assert time.monotonic() < deadline, "the program did not start in time"
                time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


@pytest.mark.parametrize("program", ["payments", "pos", "phones"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_program_well(program: str, number: signal.Signals, tmp_path: Path) -> None:
    """SIGTERM and SIGINT end every program with exit code 0, quietly."""
    with started(program, free_port(), tmp_path) as process:
        process.send_signal(number)
        assert process.wait(STOP_SECONDS_MAX) == 0
        assert process.stderr
        text = process.stderr.read()
    assert f"sandbox {program}: listens on http://127.0.0.1:" in text
    assert "Traceback" not in text


def test_kill_forgets_no_charge(tmp_path: Path) -> None:
    """What was answered before kill -9 is known after the restart."""
    port = free_port()
    call = {
        "url": f"http://127.0.0.1:{port}/charges",
        "headers": {"Idempotency-Key": "k1"},
        "json": {
            "amount_cents": 5,
            "currency": "USD",
            "payment_token": "tok_1",
            "description": "",
        },
    }
    with started("payments", port, tmp_path) as process:
        made = httpx.post(**call)  # type: ignore[arg-type]
        process.send_signal(signal.SIGKILL)
        process.wait()
    with started("payments", port, tmp_path):
        again = httpx.post(**call)  # type: ignore[arg-type]
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.content == again.content


def test_a_hanging_call_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A program ends in time although a fault keeps a caller waiting."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with started("payments", port, tmp_path) as process:
        httpx.put(f"{url}/faults", json={"delay_seconds": 60})
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}/charges", timeout=0.2)
        process.terminate()
        assert process.wait(STOP_SECONDS_MAX) == 0


def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    """A program whose port is taken says so and which setting changes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("pos", port, tmp_path)
        _, text = process.communicate(timeout=START_SECONDS_MAX)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in text
    assert "TIFFIN_SANDBOX_POS_PORT" in text
    assert "Traceback" not in text
    assert len(text.splitlines()) == 1


def test_a_directory_belongs_to_one_process(tmp_path: Path) -> None:
    """A second provider on the same directory does not start."""
    with started("payments", free_port(), tmp_path):
        process = start("payments", free_port(), tmp_path)
        _, text = process.communicate(timeout=START_SECONDS_MAX)
    assert process.returncode == 1
    assert "cannot open its file" in text
    assert len(text.splitlines()) == 1
