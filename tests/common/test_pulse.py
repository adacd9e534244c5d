"""Pulses: who stands, for how long, and what is forgiven."""

import pytest

from services.common import clock
from services.common.pulse import Pulses


class Boot:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> Boot:
    """The clock that pulses go by."""
    boot = Boot()
    monkeypatch.setattr(clock, "since_boot", boot)
    return boot


def test_a_pulse_that_beats_is_not_overdue(boot: Boot) -> None:
    """However long it was begun ago."""
    pulses = Pulses()
    pulse = pulses.begin("timers")
    boot.seconds += 60
    pulse.beat()
    boot.seconds += 2
    assert pulse.idle_seconds == 2
    assert pulses.overdue(2) == []


def test_the_longest_overdue_is_named_first(boot: Boot) -> None:
    """Those within the limit are left out."""
    pulses = Pulses()
    pulses.begin("longest")
    boot.seconds += 3
    pulses.begin("longer")
    boot.seconds += 5
    pulses.begin("short")
    boot.seconds += 1
    assert [pulse.name for pulse in pulses.overdue(4)] == ["longest", "longer"]


def test_grace_is_for_one_step(boot: Boot) -> None:
    """The next beat ends it; idle is idle all the same."""
    pulses = Pulses()
    pulse = pulses.begin("reactions")
    pulse.beat(grace_seconds=60)
    boot.seconds += 65
    assert (pulse.idle_seconds, pulse.overdue_seconds) == (65, 5)
    pulse.beat()
    boot.seconds += 6
    assert pulses.overdue(5) == [pulse]


def test_what_has_ended_is_not_missed(boot: Boot) -> None:
    """A partition that went to another worker gives nothing more."""
    pulses = Pulses()
    pulses.begin("order.commands/0")
    pulses.end("order.commands/0")
    pulses.end("order.commands/0")
    boot.seconds += 60
    assert pulses.overdue(1) == []
