"""Rebuilds: many events folded at once are as good as one by one, wherever the process ends."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from services.common import rebuild, store
from services.common.event_table import Appended
from services.common.rebuild import RebuildLimits
from tests.common import tally
from tests.common.disks import copy_disk
from tests.common.table_folds import JOURNALINGS, Journaling, Table, check_equals_fold, logs
from tests.common.tally import Added, appended


def rebuild_with(table: Table, events: list[Appended], limits: RebuildLimits) -> None:
    """Folds the events in one rebuild."""

    async def run() -> None:
        folding = table.rebuild(limits)
        await folding.add(events)
        await folding.close()

    asyncio.run(run())


SMALL_STEPS = (patch.object(rebuild, "STEPS_MAX", 1), patch.object(store, "WRITES_PER_STEP", 1))


@dataclass(frozen=True)
class Plan:
    """A log, which part of it is taken up by a rebuild, and after how many steps all is over."""

    events: list[Appended]
    stages: tuple[int, int]
    limits: RebuildLimits
    journaling: Journaling
    steps: int

    @property
    def rebuilt(self) -> tuple[int, int]:
        """From which event of the log to which."""
        begin, end = sorted(stage % (len(self.events) + 1) for stage in self.stages)
        return begin, end


PLANS = st.builds(
    Plan,
    events=logs(),
    stages=st.tuples(st.integers(0, 25), st.integers(0, 25)),
    limits=st.builds(
        RebuildLimits,
        rows_in_memory_max=st.integers(0, 9),
        events_per_write_max=st.integers(1, 30),
        history_bytes_max=st.sampled_from((1, 500, 10_000)),
    ),
    journaling=JOURNALINGS,
    steps=st.integers(0, 150),
)


@dataclass
class Life:
    """A table that takes up a log: in a loop, in a rebuild, and in a loop again."""

    table: Table
    plan: Plan
    safe: int = 0  # so many events are in the table for good

    async def run(self) -> None:
        """From the first event to the last."""
        events, (begin, end) = self.plan.events, self.plan.rebuilt
        await self._apply(events[:begin])
        folding = self.table.rebuild(self.plan.limits)
        await folding.add(events[:end])
        await folding.close()
        self.safe = self.table.position.next_offset
        await self._apply(events[end:])

    async def _apply(self, events: list[Appended]) -> None:
        for each in events:
            self.table.apply([each])
            self.safe = each.offset + 1
            await asyncio.sleep(0)

    def run_to_its_end(self) -> None:
        """As many steps of it as are planned, with whatever is half done then."""
        running = self.run()
        for _ in range(self.plan.steps):
            try:
                running.send(None)
            except StopIteration:
                return
        running.close()

    def check(self, table: Table) -> None:
        """A table of what it left: the fold of a log that has at least what was safe."""
        position = table.position.next_offset
        assert self.safe <= position <= len(self.plan.events)
        check_equals_fold(table, self.plan.events[:position])


@contextmanager
def a_life(plan: Plan) -> Iterator[Life]:
    """One that is over, of a table at whose rebuild others had a turn after every step."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        for small in SMALL_STEPS:
            stack.enter_context(small)
        stack.enter_context(plan.journaling.limits())
        life = Life(plan.journaling.open(Path(directory) / "table"), plan)
        life.run_to_its_end()
        yield life
        life.table.close()


@given(PLANS)
@settings(max_examples=60, deadline=None)
def test_the_table_is_a_fold_of_the_log_wherever_it_crashes(plan: Plan) -> None:
    """Before, in the midst of and after a rebuild, however little it keeps in memory.

    What lies on disk at the crash is what another process would find. It goes on from there.
    """
    with a_life(plan) as life:
        directory = Path(life.table._db.path())
        left = directory.with_name("left")
        copy_disk(directory, left)
        table = plan.journaling.open(left)
        life.check(table)
        rebuild_with(table, plan.events, plan.limits)
        check_equals_fold(table, plan.events)
        assert table.position.next_offset == len(plan.events)
        table.close()


@given(PLANS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_rebuild_that_is_given_up_leaves_a_fold_of_the_log(plan: Plan, again: bool) -> None:
    """The same table goes on from there, event by event or by another rebuild."""
    with a_life(plan) as life:
        table = life.table
        life.check(table)
        if again:
            rebuild_with(table, plan.events, plan.limits)
        else:
            table.apply(plan.events)
        check_equals_fold(table, plan.events)
        assert table.position.next_offset == len(plan.events)


def test_all_that_a_table_has_survives_a_loss_of_power_after_a_rebuild(tmp_path: Path) -> None:
    """Also what was written before it, and was not on the disk yet."""
    log = [appended(n, Added(f"key-{n % 3}", n), n // 3 + 1) for n in range(30)]
    table = Journaling().open(tmp_path / "table")
    table.apply(log[:10])
    limits = RebuildLimits(rows_in_memory_max=2, events_per_write_max=9, history_bytes_max=99)
    rebuild_with(table, log, limits)
    copy_disk(tmp_path / "table", tmp_path / "left")
    table.close()
    for written_ahead in (tmp_path / "left").glob("*.log"):
        written_ahead.write_bytes(b"")  # all that RocksDB has not synced
    table = Journaling().open(tmp_path / "left")
    check_equals_fold(table, log)
    assert table.position.next_offset == len(log)
    table.close()


def test_a_rebuild_counts_losers_and_stops_at_none(table: Table) -> None:
    """As the loop does: a version that does not follow loses, and so does what can't be folded."""
    log = [
        appended(0, Added("a", 1, "red"), 1),
        appended(1, Added("a", 5, "green"), 1),
        appended(2, tally.Derailed("a"), 2),
        appended(3, Added("b", 5, "green"), 2),
        appended(4, Added("a", 1), 2),
    ]
    limits = RebuildLimits(rows_in_memory_max=9, events_per_write_max=2, history_bytes_max=999)
    rebuild_with(table, log, limits)
    assert (table.losers, table.position.next_offset) == (3, 5)
    check_equals_fold(table, [log[0], log[4]])


def test_a_rebuild_of_nothing_writes_nothing(table: Table) -> None:
    """A table that has the whole log stays as it is."""
    table.apply([appended(0, Added("a", 1), 1)])
    position, written = table.position, table._db.latest_sequence_number()
    limits = RebuildLimits(rows_in_memory_max=9, events_per_write_max=9, history_bytes_max=999)
    rebuild_with(table, [appended(0, Added("a", 1), 1)], limits)
    assert (table.position, table._db.latest_sequence_number()) == (position, written)
