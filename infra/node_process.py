"""One broker as an operating-system process."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from infra.children import start_child
from infra.errors import BrokerError
from infra.kafka_files import Java
from infra.node_plan import BRIEF_JAVA_FLAGS, PROPERTIES_FILE, NodePlan
from infra.start_cache import StartCache

MAIN_CLASS = "kafka.Kafka"
FORMAT_CLASS = "kafka.tools.StorageTool"
FORMAT_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
# Without a quorum a broker cannot say goodbye, and would try for minutes.
STOP_WITHOUT_QUORUM_SECONDS_MAX = 3
# Writing the start cache is part of the stop of the broker that was started for it.
CACHE_WRITE_SECONDS_MAX = 60
EXIT_POLL_SECONDS = 0.02
CRASH_SIGNALS = (signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGSEGV)
NO_SPACE = "No space left on device"
EXCEPTION_LINE = re.compile(r"(Caused by: )?[\w.$]+(Exception|Error): ")
LOG_TAIL_BYTES = 64 * 1024
REASON_CHARACTERS_MAX = 300


class NodeProcess:
    """A broker that can be started, paused, stopped and killed, and says why it ended."""

    def __init__(
        self,
        plan: NodePlan,
        java: Java,
        class_path: str,
        cache: StartCache,
        java_flags: Sequence[str] = BRIEF_JAVA_FLAGS,
    ) -> None:
        self.plan = plan
        self.paused = False
        self._java = java
        self._class_path = class_path
        self._cache = cache
        self._java_flags = java_flags
        self._process: subprocess.Popen[bytes] | None = None
        self._cache_temporary: Path | None = None
        self._cache_used = False
        self._log_start_bytes = 0

    @property
    def node(self) -> int:
        """The broker's number, from 1."""
        return self.plan.node

    @property
    def pid(self) -> int:
        """The process id, 0 when the broker was not started or was ended by us."""
        return self._process.pid if self._process else 0

    @property
    def started(self) -> bool:
        """Whether the broker was started and was not ended by us."""
        return self._process is not None

    @property
    def exit_code(self) -> int | None:
        """The exit code of a broker that ended by itself."""
        return self._process.poll() if self._process else None

    def format(self, cluster_id: str) -> None:
        """Prepare an empty data directory; a prepared one stays as it is."""
        if (self.plan.records_directory / "meta.properties").exists():
            return
        try:
            result = subprocess.run(
                [
                    *(
                        str(self._java.path),
                        *BRIEF_JAVA_FLAGS,
                        "-cp",
                        self._class_path,
                        FORMAT_CLASS,
                    ),
                    *("format", "--cluster-id", cluster_id, "--ignore-formatted"),
                    *("--config", str(self.plan.properties_file)),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=FORMAT_SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BrokerError(
                f"Preparing {self.plan.records_directory} took over {FORMAT_SECONDS_MAX} s."
            ) from error
        if result.returncode != 0:
            reason = _meaningful_line(f"{result.stdout}\n{result.stderr}")
            raise BrokerError(f"Preparing {self.plan.records_directory} failed: {reason}.")

    def start(self, write_cache: bool) -> None:
        """Start the process; it is not ready yet when this returns.

        Args:
            write_cache: whether to write the start cache at the end if there is none yet.
        """
        self._log_start_bytes = _size(self.plan.log_file)
        self._cache_used = self._cache.file.exists()
        self._cache_temporary = None
        flags: list[str] = []
        if self._cache_used:
            flags = self._cache.flags_to_use()
        elif write_cache:
            self._cache_temporary = self._cache.new_temporary_file()
            flags = self._cache.flags_to_write(self._cache_temporary)
        command = [
            *(str(self._java.path), *self._java_flags, *flags),
            f"-Dlog4j2.configurationFile={self.plan.logging_file}",
            *("-cp", self._class_path, MAIN_CLASS, str(self.plan.properties_file)),
        ]
        with self.plan.output_file.open("wb") as output:
            # Killed, not asked: without a quorum it would try to say goodbye for minutes.
            self._process = start_child(command, self.plan.directory, output, signal.SIGKILL)
        self.paused = False

    def restart_without_cache(self) -> bool:
        """Start again if Java itself broke down on the start cache; whether that was so."""
        code = self.exit_code
        if code is None or not self._cache_used:
            return False
        # Kafka logs why it ends; a Java that breaks down has no time to.
        if -code not in CRASH_SIGNALS and self._new_log():
            return False
        self._cache.discard()
        self.start(write_cache=False)
        return True

    def pause(self) -> None:
        """Freeze the process where it is."""
        self._signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Let a frozen process go on."""
        self._signal(signal.SIGCONT)
        self.paused = False

    def request_stop(self) -> None:
        """Ask the process to end; a frozen one wakes for it."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def wait_stopped(self, quorum: bool) -> None:
        """Wait for the end of the process, and kill it when it takes too long.

        Args:
            quorum: whether most brokers of the cluster ran when the stop was requested.
        """
        if self._process is None:
            return
        limit_seconds = STOP_SECONDS_MAX if quorum else STOP_WITHOUT_QUORUM_SECONDS_MAX
        if self._cache_temporary:
            limit_seconds = CACHE_WRITE_SECONDS_MAX
        try:
            code = self._process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return
        if self._cache_temporary and code in (0, 128 + signal.SIGTERM):
            self._cache.adopt(self._cache_temporary)
        self._forget()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is None:
            return
        if self._process.poll() is None:
            # With all that it started: Java writes its cache in a process of its own.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._forget()

    def describe_exit(self) -> str:
        """One sentence that says why the broker ended."""
        log = self._new_log()
        output = self.plan.output_file.read_text(errors="replace")
        if NO_SPACE in log or NO_SPACE in output:
            return self.describe_full_disk()
        shown = self.plan.log_file if log else self.plan.output_file
        code = self.exit_code or 0
        if code < 0 and -code not in CRASH_SIGNALS:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code}: {_meaningful_line(log or output)}"
        return f"Broker {self.node} {how} (log: {shown})."

    def describe_full_disk(self) -> str:
        """The sentence for a broker that could not write."""
        return (
            f"The disk that holds {self.plan.directory} is full: broker {self.node} reported "
            f"'{NO_SPACE}' (log: {self.plan.log_file})."
        )

    def met_full_disk(self) -> bool:
        """Whether the broker has reported a full disk since it was started."""
        return NO_SPACE in self._new_log()

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def _forget(self) -> None:
        if self._cache_temporary:
            self._cache_temporary.unlink(missing_ok=True)
        self._cache_temporary = None
        self._process = None
        self.paused = False

    def _new_log(self) -> str:
        size_bytes = _size(self.plan.log_file)
        # A file smaller than it was has been rolled over: all of it is new.
        start = self._log_start_bytes if size_bytes >= self._log_start_bytes else 0
        try:
            with self.plan.log_file.open("rb") as file:
                file.seek(max(start, size_bytes - LOG_TAIL_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""


def is_broker(pid: int, directory: Path) -> bool:
    """Whether this process is the broker whose files are in this very directory."""
    return _command_line(pid).endswith(f" {MAIN_CLASS} {directory / PROPERTIES_FILE}")


def end_leftover(pid: int, directory: Path) -> bool:
    """End a broker whose supervisor died; whether there was one under this process id."""
    if not is_broker(pid, directory):
        return False
    for number, limit_seconds in ((signal.SIGTERM, STOP_SECONDS_MAX), (signal.SIGKILL, 5)):
        try:
            os.kill(pid, number)
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return True
        limit = time.monotonic() + limit_seconds
        while time.monotonic() < limit:
            if not is_broker(pid, directory):
                return True
            time.sleep(EXIT_POLL_SECONDS)
    raise BrokerError(f"The broker in {directory} of an earlier run (pid {pid}) cannot be ended.")


def _command_line(pid: int) -> str:
    if pid <= 0:
        return ""
    if Path("/proc/self/cmdline").exists():
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        except OSError:
            return ""
        return arguments.rstrip("\0").replace("\0", " ")
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=FORMAT_SECONDS_MAX,
        check=False,
    )
    return shown.stdout.strip()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _meaningful_line(text: str) -> str:
    """The last line that names an exception, else the last that tells an error, else the last."""
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(("at ", "..."))]
    exceptions = [line for line in told if EXCEPTION_LINE.match(line)]
    errors = [line for line in told if " ERROR " in line or " FATAL " in line or "Error" in line]
    chosen = (exceptions or errors or told or ["it said nothing"])[-1]
    return chosen[:REASON_CHARACTERS_MAX].rstrip(".")
