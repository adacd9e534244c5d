"""Programs of the stack as processes of this machine: start, watch, pause, kill, stop."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.children import start_child

STOP_SECONDS_MAX = 20.0
READY_SECONDS_MAX = 90.0
READY_NAP_SECONDS = 0.1
ASK_SECONDS_MAX = 2.0
ROOT = Path(__file__).resolve().parents[1]


class ProgramError(Exception):
    """A program did not do what was asked; the text says which, and where its log is."""


@dataclass(slots=True)
class Program:
    """One Python module that runs as a process of its own.

    Args:
        arguments: the module and its arguments, as for `python -m`.
        ready_url: answers 200 when the program does its work.
        log: where its output goes; appended to over restarts.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    ready_url: str
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        """True while the process is there, also while it is paused."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended, or None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Begins the process; on Linux it ends with this one."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = start_child(
                [sys.executable, "-m", *self.arguments],
                ROOT,
                output,
                signal.SIGTERM,
                {**os.environ, **self.environment},
            )

    def wait_ready(self, seconds_max: float = READY_SECONDS_MAX) -> None:
        """Returns when the program does its work.

        Raises:
            ProgramError: it ended, or was not ready in time.
        """
        until = time.monotonic() + seconds_max
        while not self.is_ready():
            if not self.is_running:
                raise ProgramError(
                    f"{self.name} ended with {self.exit_code}: {self.last_line()} ({self.log})"
                )
            if time.monotonic() > until:
                raise ProgramError(f"{self.name} was not ready in {seconds_max} s ({self.log})")
            time.sleep(READY_NAP_SECONDS)

    def is_ready(self) -> bool:
        """True when the program says so itself."""
        try:
            with urllib.request.urlopen(self.ready_url, timeout=ASK_SECONDS_MAX) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, seconds_max: float = STOP_SECONDS_MAX) -> None:
        """Asks the process to end, and ends it when it does not."""
        if self._process is None or not self.is_running:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends the process at once, as a crash would."""
        if self._process is not None and self.is_running:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Freezes the process."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a frozen process go on."""
        self._send(signal.SIGCONT)

    def last_line(self) -> str:
        """The last line of its log."""
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self.is_running:
            self._process.send_signal(number)
