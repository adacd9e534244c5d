"""Java programs that pretend."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# A stand-in for Java: it tells its version, prepares a directory, and as a broker does `as_broker`
# in the directory of that broker.
FAKE_JAVA = """\
#!{python}
import os, pathlib, signal, sys, time
if sys.argv[1:] == ["-version"]:
    print('openjdk version "{version}" 2018-09-25', file=sys.stderr)
if "kafka.Kafka" in sys.argv:
    directory = pathlib.Path(sys.argv[-1]).parent
    {as_broker}
"""

MakeJava = Callable[[str, str], Path]


@pytest.fixture
def make_java(tmp_path: Path) -> MakeJava:
    """Makes an executable that answers as a Java of some version."""

    def make(version: str, as_broker: str) -> Path:
        path = tmp_path / "java-home" / "bin" / "java"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = FAKE_JAVA.format(python=sys.executable, version=version, as_broker=as_broker)
        path.write_text(text)
        path.chmod(0o755)
        return path

    return make
