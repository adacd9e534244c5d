"""An agenda is made once for a state, and is never another state's."""

import gc
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from services.common.decider import Decider
from services.common.remembered import STATES_MAX, with_memory
from tests.common import tally
from tests.common.tally import Tally

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def noting() -> tuple[Decider[Any, Any, Any], list[int]]:
    """A decider whose agenda of a tally is its total, and what it was made for."""
    made: list[int] = []

    def agenda(state: Tally) -> tuple[int, ...]:
        made.append(state.total)
        return (state.total,)

    return with_memory(replace(tally.decider(), agenda=agenda)), made


def state_of(total: int) -> Tally:
    """A state; no two are the same object."""
    return Tally("a", total, "red", NOW, NOW)


def test_an_agenda_is_made_once_for_each_state() -> None:
    """States that are equal are told apart: that costs less than to compare them."""
    decider, made = noting()
    one, other = state_of(1), state_of(1)
    assert [decider.agenda(one) for _ in range(3)] == [(1,)] * 3
    assert decider.agenda(other) == (1,)
    assert made == [1, 1]


def test_a_state_that_came_after_many_others_gets_its_own() -> None:
    """Also where it lies in memory where another one did."""
    decider, made = noting()
    for total in range(5 * STATES_MAX):
        assert decider.agenda(state_of(total)) == (total,)
        if total % 500 == 0:
            gc.collect()
    assert made == list(range(5 * STATES_MAX))


def test_only_so_many_are_remembered() -> None:
    """The memory has a bound."""
    decider, made = noting()
    states = [state_of(total) for total in range(STATES_MAX + 1)]
    for state in [*states, states[-1], states[0]]:
        decider.agenda(state)
    assert made == [*range(STATES_MAX + 1), 0]
