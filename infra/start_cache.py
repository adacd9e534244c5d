"""A cache of loaded Java classes that halves the start-up time of a broker.

Java 25 and newer write an ahead-of-time cache (JEP 514), older ones an archive of class data (JEP
350). Java writes it when a broker that was started for it ends; it goes to a temporary name first,
so that two brokers never write the same file, and is used once it has its final name.
"""

import hashlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.kafka_files import Java

AHEAD_OF_TIME_VERSION_MIN = 25
TEMPORARY_SECONDS_MAX = 3600
QUIET = ("-Xlog:disable", "-Xlog:all=error:stderr")


@dataclass(frozen=True, slots=True)
class StartCache:
    """The cache file of one Java with one class path and one set of flags."""

    file: Path
    ahead_of_time: bool

    @classmethod
    def of(cls, java: Java, class_path: str, flags: Sequence[str], directory: Path) -> "StartCache":
        """The cache of this Java, class path and flags, which need not exist yet."""
        parts = (java.description, str(java.path), class_path, *flags)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        ahead_of_time = java.version >= AHEAD_OF_TIME_VERSION_MIN
        suffix = "aot" if ahead_of_time else "jsa"
        return cls(directory / f"kafka-start-{key}.{suffix}", ahead_of_time)

    def new_temporary_file(self) -> Path:
        """A name in the same directory that nobody else uses; forgotten files are deleted."""
        for left in self.file.parent.glob(f".{self.file.stem}*"):
            # Java writes one in seconds: a broker that lost its supervisor left it for nobody.
            if time.time() - left.stat().st_mtime > TEMPORARY_SECONDS_MAX:
                left.unlink(missing_ok=True)
        return self.file.with_name(f".{self.file.name}-{uuid.uuid4().hex}")

    def flags_to_use(self) -> list[str]:
        """Java's flags that start from the cache."""
        option = "AOTCache" if self.ahead_of_time else "SharedArchiveFile"
        return [*QUIET, f"-XX:{option}={self.file}"]

    def flags_to_write(self, temporary: Path) -> list[str]:
        """Java's flags that write the cache, under a temporary name, when Java ends."""
        option = "AOTCacheOutput" if self.ahead_of_time else "ArchiveClassesAtExit"
        return [*QUIET, f"-XX:{option}={temporary}"]

    def adopt(self, temporary: Path) -> None:
        """Give the temporary file, if Java wrote it, its final name."""
        if temporary.exists() and temporary.stat().st_size > 0:
            temporary.replace(self.file)

    def discard(self) -> None:
        """Delete the cache; the next broker writes a new one."""
        self.file.unlink(missing_ok=True)
