"""A sender asks for no more than its share, and no other sender feels it."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.admission import Admission, FloodError, SenderLimits

LIMITS = SenderLimits(per_second_max=2.0, burst_max=3, open_max=2, known_max=4)


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def is_admitted(admission: Admission, name: str) -> bool:
    """Whether a request is taken, that is answered at once."""
    try:
        with admission.admitted(name):
            return True
    except FloodError:
        return False


@given(st.lists(st.floats(0, 3), min_size=1, max_size=80))
def test_a_sender_is_served_at_its_rate_after_its_burst(pauses: list[float]) -> None:
    """However it spreads its requests: in no stretch of time more than burst + rate * seconds."""
    clock = Clock()
    admission = Admission(LIMITS, clock)
    served = []
    for pause in pauses:
        clock.seconds += pause
        if is_admitted(admission, "a"):
            served.append(clock.seconds)
        elif pause >= 1 / LIMITS.per_second_max:
            raise AssertionError("refused although a token was due")
    for first, begin in enumerate(served):
        for last in range(first, len(served)):
            most = LIMITS.burst_max + (served[last] - begin) * LIMITS.per_second_max
            assert last - first + 1 <= most + 1e-6


def test_a_flood_says_when_to_ask_again() -> None:
    """After that time, and no earlier, a request is taken."""
    clock = Clock()
    admission = Admission(SenderLimits(per_second_max=0.25, burst_max=1), clock)
    assert is_admitted(admission, "a")
    with pytest.raises(FloodError, match=r"a asks more often than 0\.25 times") as flood:
        admission.admitted("a").__enter__()
    assert flood.value.retry_after_seconds == 4
    clock.seconds += 3
    assert not is_admitted(admission, "a")
    clock.seconds += 1
    assert is_admitted(admission, "a")


def test_a_rate_of_nothing_is_no_error() -> None:
    """The sender is told to come back late."""
    admission = Admission(SenderLimits(per_second_max=0.0, burst_max=1), Clock())
    assert is_admitted(admission, "a")
    with pytest.raises(FloodError) as flood:
        admission.admitted("a").__enter__()
    assert flood.value.retry_after_seconds == 3_600


def test_a_sender_has_so_many_requests_open() -> None:
    """Others have theirs; an answer of any kind makes room."""
    admission = Admission(LIMITS, Clock())
    with ExitStack() as open_:
        for _ in range(LIMITS.open_max):
            open_.enter_context(admission.admitted("a"))
        with pytest.raises(FloodError, match="a has 2 requests open; 2 may be"):
            admission.admitted("a").__enter__()
        assert is_admitted(admission, "b")
    with pytest.raises(KeyError), admission.admitted("a"):
        raise KeyError("the handler failed")
    assert admission._senders["a"].open == 0


def test_so_many_senders_are_remembered() -> None:
    """The one that was quiet for longest is forgotten; a flooding one is not."""
    admission = Admission(LIMITS, Clock())
    while is_admitted(admission, "flooding"):
        pass
    for number in range(100):
        assert is_admitted(admission, f"other-{number}")
        assert not is_admitted(admission, "flooding")
        assert len(admission) <= LIMITS.known_max
