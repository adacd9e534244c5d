"""What a stack of this machine is given."""

from pathlib import Path

from infra.stack import SECRET_FILE, Stack, StackPlan, track_secret


def test_links_outlive_a_restart_and_are_each_stacks_own(tmp_path: Path) -> None:
    """Their secret is made once, and only its owner may read it."""
    one = track_secret(tmp_path / "one" / SECRET_FILE)
    assert len(one) >= 32
    assert track_secret(tmp_path / "one" / SECRET_FILE) == one
    assert track_secret(tmp_path / "other" / SECRET_FILE) != one
    assert (tmp_path / "one" / SECRET_FILE).stat().st_mode & 0o077 == 0


def test_the_web_front_is_given_the_secret(tmp_path: Path) -> None:
    """It has none of its own."""
    stack = Stack(StackPlan.on_free_ports(tmp_path, with_web=True))
    given = stack.programs["web"].environment["TIFFIN_TRACK_SECRET"]
    assert given == track_secret(tmp_path / SECRET_FILE)
