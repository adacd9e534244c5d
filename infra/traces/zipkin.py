"""Zipkin as a local process: found or downloaded, started, stopped."""

import signal
import subprocess
import time
from pathlib import Path

import httpx

from infra.children import start_child
from infra.errors import BrokerError
from infra.kafka_files import find_java
from infra.ports import HOST
from infra.traces import ZIPKIN_PORT

GROUP, ARTIFACT, VERSION = "io.zipkin", "zipkin-server", "3.6.1"
SPANS_MAX = 200_000
READY_SECONDS_MAX = 120.0
READY_NAP_SECONDS = 0.2
ASK_SECONDS_MAX = 2.0
STOP_SECONDS_MAX = 10.0
JAVA_FLAGS = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class TracesError(Exception):
    """The trace UI can't be brought up; the text says why."""


class ZipkinServer:
    """One Zipkin that keeps its spans in memory, up to SPANS_MAX."""

    def __init__(self, log: Path, port: int = ZIPKIN_PORT) -> None:
        self.url = f"http://{HOST}:{port}"
        self._log = log
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and returns when it answers.

        Raises:
            TracesError: there is no Java, no jar, or it ends.
        """
        try:
            java = find_java()
        except BrokerError as error:
            raise TracesError(str(error)) from error
        jar = zipkin_jar()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = start_child(
                [
                    *(str(java.path), *JAVA_FLAGS, "-jar", str(jar)),
                    f"--armeria.ports[0].port={self._port}",
                    f"--armeria.ports[0].ip={HOST}",
                    "--armeria.ports[0].protocols[0]=http",
                    f"--zipkin.storage.mem.max-spans={SPANS_MAX}",
                    "--zipkin.self-tracing.enabled=false",
                    "--logging.level.root=WARN",
                ],
                self._log.parent,
                output,
                signal.SIGTERM,
            )
        until = time.monotonic() + READY_SECONDS_MAX
        while not self._answers():
            self.check()
            if time.monotonic() > until:
                self.stop()
                raise TracesError(
                    f"Zipkin was not ready in {READY_SECONDS_MAX:.0f} s ({self._log})"
                )
            time.sleep(READY_NAP_SECONDS)

    def check(self) -> None:
        """Returns while it runs.

        Raises:
            TracesError: it has ended.
        """
        if self._process is not None and (code := self._process.poll()) is not None:
            raise TracesError(f"Zipkin ended with {code} ({self._log})")

    def stop(self) -> None:
        """Ends it; its spans are gone."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/health", timeout=ASK_SECONDS_MAX, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.is_success


def zipkin_jar() -> Path:
    """Zipkin's jar, which has all that it needs; downloaded when it is not here yet.

    Raises:
        TracesError: it could not be downloaded.
    """
    # Imported only when needed: jgo and requests slow down every start.
    from infra.jar_resolver import whole_jar

    try:
        return whole_jar(GROUP, ARTIFACT, VERSION, "exec")
    # jgo names no errors of its own: what it raises ranges from OSError to AssertionError.
    except Exception as error:
        raise TracesError(
            f"Zipkin {VERSION} could not be downloaded from Maven Central ({error}); try again "
            "when the network is there."
        ) from error
