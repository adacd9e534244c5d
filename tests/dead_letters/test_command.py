"""The command line tells what is wrong in one sentence, and by its exit code."""

import pytest

from infra import tiffin


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bury"],
        ["list", "--service", "kitchen"],
        ["show"],
        ["show", "x", "--json", "--raw"],
        ["replay", "x", "--edit", "--value", "f"],
        ["discard", "x"],
    ],
)
def test_a_wrong_use_ends_with_2(words: list[str]) -> None:
    """As argparse has it."""
    with pytest.raises(SystemExit) as ended:
        tiffin.main(["dead-letters", *words])
    assert ended.value.code == 2


@pytest.mark.parametrize("words", [["list"], ["show", "x"], ["discard", "x", "--note", "n"]])
def test_a_broker_that_does_not_answer_is_told(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, with 1."""
    assert tiffin.main(["dead-letters", *words, "--bootstrap", "127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == "error: no broker answers at 127.0.0.1:1\n"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TIFFIN_APPEND_SECONDS_MAX", "soon", "TIFFIN_APPEND_SECONDS_MAX"),
        ("TIFFIN_SECURITY_PROTOCOL", "CARRIER_PIGEON", "can't be used"),
        ("TIFFIN_BOOTSTRAP", "127.0.0.1:1", "no broker answers at 127.0.0.1:1"),
    ],
)
def test_settings_come_from_the_environment_as_for_a_worker(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    told: str,
) -> None:
    """A bad one is told in one line."""
    monkeypatch.setenv(name, value)
    assert tiffin.main(["dead-letters", "list"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_missing_certificate_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """TLS is set by the same variables as for a worker."""
    monkeypatch.setenv("TIFFIN_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("TIFFIN_TLS_CA_FILE", "/no/such/file")
    assert tiffin.main(["dead-letters", "list"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "No such file" in line
