"""Crashes of the command loop: what comes after one is what would have come without it."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.decider import Row
from tests.common import tally
from tests.common.loop_bench import EVENTS, INPUT, LANGUAGE, Bench, bench, put, settle
from tests.common.memory_log import MemoryLog, batches
from tests.common.tally import Add, Break, Derail, Inflate, TakeTallySnapshot, Tally


async def replay(b: Bench, committed: int) -> None:
    """Takes what was not committed and is not settled, as after a restart."""
    start = max(committed, b.pipeline.settled(INPUT))
    b.pipeline.start_at(INPUT, start)
    records = b.log.read(INPUT, 0, start)
    if records:
        await b.pipeline.take(INPUT, records)
    assert await b.pipeline.drain(5)


async def test_a_refused_command_stays_refused_after_a_crash(tmp_path: Path) -> None:
    """It is not decided again on a state that came later, though its offset was not committed."""
    log = MemoryLog()
    async with bench(tmp_path, log, is_prompt=False) as b:
        await b.take(Add("a", -1))
        b.producer.acknowledge()
        await b.take(Add("a", 5))
        b.producer.crash(1)
    async with bench(tmp_path, log) as b:
        assert b.pipeline.settled(INPUT) == 2
        await replay(b, 0)
        assert (b.total("a"), len(b.rejections())) == (5, 1)


Put = tuple[Any, str | None, int | None]


@st.composite
def inputs(draw: st.DrawFn) -> list[Put]:
    """Commands of all kinds, with repeats by id and by the sender's version, and bad ones."""
    wanted: list[Put] = []
    for _ in range(draw(st.integers(1, 20))):
        key = draw(st.sampled_from("abc"))
        kinds: list[Any] = [Add(key, draw(st.integers(-3, 5)))] * 8
        kinds += [Break(key), Derail(key), TakeTallySnapshot(key), Inflate(key, 900_000)]
        command = draw(st.sampled_from(kinds))
        repeated = draw(st.none() | st.sampled_from(["x", "y", "z"]))
        version = draw(st.integers(1, 5)) if repeated == "z" else None
        wanted.append((command, repeated, version))
    return wanted


@dataclass(frozen=True, slots=True)
class Life:
    """One run of a worker: how it reads, what is acknowledged, and how it ends."""

    cuts: list[int]
    acknowledged: list[int]
    reached: int
    commits: bool
    forgets_table: bool


lives = st.builds(
    Life,
    cuts=st.lists(st.integers(1, 5), max_size=5),
    acknowledged=st.lists(st.integers(0, 4), max_size=5),
    reached=st.integers(0, 6),
    commits=st.booleans(),
    forgets_table=st.booleans(),
)


def filled(wanted: Sequence[Put]) -> MemoryLog:
    """A log whose input holds these commands."""
    log = MemoryLog()
    for command, repeated, version in wanted:
        source = None if version is None else "other/1"
        put(log, command, None if repeated is None else f"same-{repeated}", source, version)
    return log


async def live(log: MemoryLog, directory: Path, committed: int, life: Life) -> int:
    """Runs until the crash; returns the committed offset that it leaves behind."""
    async with bench(directory, log, is_prompt=False) as b:
        start = max(committed, b.pipeline.settled(INPUT))
        b.pipeline.start_at(INPUT, start)
        acknowledged = iter(life.acknowledged)
        for batch in batches(log.read(INPUT, 0, start), life.cuts):
            if b.pipeline.is_full:
                break
            taking = asyncio.create_task(b.pipeline.take(INPUT, batch))
            await settle()
            b.producer.acknowledge(next(acknowledged, 0))
            await settle()
            if not taking.done():
                taking.cancel()
                break
        if life.commits:
            committed = b.pipeline.committable()[INPUT]
        b.producer.crash(life.reached)
        return committed


async def finish(log: MemoryLog, directory: Path, committed: int) -> dict[str, Row[Tally]]:
    """Runs undisturbed to the end of the input; returns the table."""
    async with bench(directory, log) as b:
        await replay(b, committed)
        rows = {key: b.table.row(key) for key in "abc"}
        return {key: row for key, row in rows.items() if row is not None}


@given(inputs(), st.lists(lives, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_a_crash_at_any_point_leaves_the_log_of_an_undisturbed_run(
    wanted: list[Put], crashes: list[Life]
) -> None:
    """Event for event, whatever was acknowledged, in the log unseen, committed, or kept on disk."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as root:
            calm, stormy = filled(wanted), filled(wanted)
            expected = await finish(calm, Path(root) / "calm", 0)
            committed = 0
            directory = Path(root) / "0"
            for number, life in enumerate(crashes):
                committed = await live(stormy, directory, committed, life)
                if life.forgets_table:
                    directory = Path(root) / f"{number + 1}"
            rows = await finish(stormy, directory, committed)
            assert stormy.values(EVENTS) == calm.values(EVENTS)
            assert rows == expected == tally.folded(stormy.events(LANGUAGE))
            for topic in ("tally.rejections", "tally.dead-letters"):
                assert set(stormy.values(topic)) >= set(calm.values(topic))

    asyncio.run(run())
