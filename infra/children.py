"""Processes that end with the one that started them, however that one ended."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
ON_LINUX = sys.platform == "linux"

_libc = ctypes.CDLL(None)
# Linux ends a child when the thread that started it is gone, not only the process: so one thread
# starts all, and stays as long as the process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter-of-processes")


def start_child(
    command: Sequence[str],
    directory: Path,
    output: IO[bytes],
    end_signal: signal.Signals,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own, so that Ctrl-C reaches only its starter.

    Args:
        directory: where it runs.
        output: what it prints, errors included.
        end_signal: what it gets when this process is gone without having stopped it; on Linux
            only, elsewhere it stays.
        environment: all that it has of one; this process's own by default.
    """
    parent = os.getpid()

    def end_with_parent() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, end_signal)
        if os.getppid() != parent:
            # It was gone before Linux was told.
            os.kill(os.getpid(), end_signal)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent if ON_LINUX else None,
        )

    return _starter.submit(start).result()
