"""Agendas of states seen lately: table, timers and calls ask for the same one after each event."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.common.decider import Decider

# Of some kilobytes each; most are held as rows anyway.
STATES_MAX = 1_000


def with_memory(decider: Decider[Any, Any, Any]) -> Decider[Any, Any, Any]:
    """The decider, whose agenda of a state is made once while it is asked for again soon."""
    return replace(decider, agenda=_remembered(decider.agenda))


def _remembered(agenda: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
    known: dict[int, tuple[Any, tuple[Any, ...]]] = {}

    def ask(state: Any) -> tuple[Any, ...]:
        # A state is held with what is known of it, so that no other gets its identity meanwhile.
        found = known.get(id(state))
        if found is None:
            if len(known) >= STATES_MAX:
                known.clear()
            found = known[id(state)] = (state, agenda(state))
        return found[1]

    return ask
