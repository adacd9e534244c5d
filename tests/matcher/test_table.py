"""A region in its table: what lies in the store is the fold of its log."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.common import ids
from services.common.accepted import accept
from services.common.codec import MATCHER
from services.common.decider import Rejected
from services.common.event_table import Appended, TablePartition
from services.common.messages.matcher import TakeRegionSnapshot
from services.matcher.region import Region, snapshot
from tests.common.table_folds import Journaling
from tests.given import Given, command_envelope, deterministic, given
from tests.matcher.past import DECIDER
from tests.matcher.test_invariants import STEPS, Step, step

LIMITS = st.sampled_from([(1, 1), (1, 3), (600, 4)])


def logged(steps: list[Step | None]) -> list[tuple[Appended, Given[Region, Any, Any]]]:
    """The log that commands lead to, None for a snapshot; and the region after each event."""
    story: Given[Region, Any, Any] = given(DECIDER)
    log: list[tuple[Appended, Given[Region, Any, Any]]] = []
    for number, each in enumerate(steps):
        command = TakeRegionSnapshot("north") if each is None else step(story, each)
        outcome = story.when(command).result
        if each is None and story.row is not None:
            outcome = snapshot("north", story.row)
        if outcome is None or isinstance(outcome, Rejected):
            continue
        envelope = command_envelope(command, command_id=ids.derive("command", str(number)))
        taken = accept(DECIDER, story.row, envelope, outcome)
        story = Given(DECIDER, taken.after)
        log.append((Appended(len(log), taken.envelope, taken.event, taken.value), story))
    return log


@settings(deterministic, max_examples=40)
@for_all(
    steps=st.lists(st.one_of(STEPS, STEPS, STEPS, st.none()), max_size=30),
    limits=LIMITS,
    reopened_at=st.sets(st.integers(0, 30)),
)
def test_a_region_comes_back_from_the_store_as_it_was(
    steps: list[Step | None], limits: tuple[int, int], reopened_at: set[int]
) -> None:
    """At any offset, by whole rows and by what lies behind them."""
    large_bytes_min, events_max = limits
    with (
        tempfile.TemporaryDirectory() as directory,
        Journaling(large_bytes_min, events_max).limits(),
    ):
        table = TablePartition[Region](Path(directory), DECIDER, MATCHER.decode_event)
        for event, story in logged(steps):
            table.apply([event])
            if event.offset in reopened_at:
                table.close()
                table = TablePartition[Region](Path(directory), DECIDER, MATCHER.decode_event)
            assert table.row("north") == story.row
        table.close()
