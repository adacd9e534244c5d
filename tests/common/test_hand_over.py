"""Partitions that go: what was taken is finished and committed, and nothing is skipped."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from services.common.telemetry import EXIT_LOOP_FAILED
from tests.common.deaths import Deaths, DiedError
from tests.common.loop_bench import INPUT, put
from tests.common.member import MORE, PLACE, member
from tests.common.tally import Add


async def test_revoking_finishes_and_commits_what_was_taken(tmp_path: Path) -> None:
    """Then the table is let go; the next owner begins where this one has ended."""
    async with member(tmp_path) as m:
        m.producer.is_prompt = False
        await m.assign(0)
        await m.until_open()
        put(m.log, Add("a", 1))
        await m.until(lambda: len(m.producer.waiting) == 1)
        revoking = asyncio.create_task(m.revoke())
        await asyncio.sleep(0.05)
        assert (revoking.done(), m.closed) == (False, [])
        m.producer.acknowledge()
        await asyncio.wait_for(revoking, 5)
        assert (m.consumer.kept, m.closed) == ({PLACE: 1}, [0])
        assert m.partitions.open_partitions == frozenset()
        await m.assign(0)
        await m.until_open()
        assert (m.total(), m.consumer.positions[PLACE]) == (1, 1)


async def test_revoking_ends_also_while_the_loop_waits_for_a_full_pipeline(tmp_path: Path) -> None:
    """The loop holds what the hand-over needs until the log has made room."""
    async with member(tmp_path, (INPUT, MORE)) as m:
        m.producer.is_prompt = False
        await m.assign(0)
        await m.until_open()
        for _ in range(2):  # a record of each input: two steps of one read
            for topic in (INPUT, MORE):
                put(m.log, Add("a", 1), topic=topic)
            await m.until(lambda: m.pipelines[0].is_full)
        m.producer.acknowledge(1)
        await m.until(lambda: m.partitions._taking.locked())
        revoking = asyncio.create_task(m.revoke())
        await asyncio.sleep(0.05)
        assert not revoking.done()
        m.producer.is_prompt = True
        m.producer.acknowledge()
        await asyncio.wait_for(revoking, 5)
        assert len(m.log.read("tally.events")) == sum(m.consumer.kept.values())


async def test_a_partition_that_can_not_be_drained_ends_the_process(
    tmp_path: Path, deaths: Deaths
) -> None:
    """Another owner must not begin while events are on their way."""
    async with member(tmp_path) as m:
        m.producer.is_prompt = False
        await m.assign(0)
        await m.until_open()
        put(m.log, Add("a", 1))
        await m.until(lambda: len(m.producer.waiting) == 1)
        with pytest.raises(DiedError):
            await m.revoke()
        assert deaths.codes == [EXIT_LOOP_FAILED]
        assert m.consumer.kept.get(PLACE, 0) == 0


async def test_a_partition_that_is_revoked_while_it_opens_is_closed(tmp_path: Path) -> None:
    """It never opens, and can be opened again."""
    async with member(tmp_path) as m:
        put(m.log, Add("a", 1))
        m.opening = asyncio.Event().wait
        await m.assign(0)
        await asyncio.sleep(0.01)
        await asyncio.wait_for(m.revoke(), 5)
        assert (m.closed, m.partitions.open_partitions) == ([0], frozenset())
        m.opening = None
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)


async def test_no_pipeline_is_left_running_of_a_partition_that_did_not_open(
    tmp_path: Path,
) -> None:
    """Revoked between the table and the first offset."""
    async with member(tmp_path) as m:
        gate = asyncio.Event()
        asked = m.consumer.committed

        async def slow(place: TopicPartition) -> int | None:
            await gate.wait()
            return await asked(place)

        m.consumer.committed = slow  # type: ignore[method-assign]
        await m.assign(0)
        await m.until(lambda: bool(m.pipelines))
        await asyncio.sleep(0.01)
        await asyncio.wait_for(m.revoke(), 5)
        assert m.pipelines[0]._applying.done()
        assert m.closed == [0]


async def test_records_read_under_an_earlier_assignment_are_read_again(tmp_path: Path) -> None:
    """A read that was on its way while the partition went and came back skips nothing."""
    async with member(tmp_path) as m:
        await m.assign(0)
        await m.until_open()
        m.consumer.hold = asyncio.Event()
        for _ in range(4):
            put(m.log, Add("a", 1))
        await m.until(lambda: m.consumer.positions[PLACE] == 2)
        await m.revoke()
        await m.assign(0)
        await m.until_open()
        m.consumer.hold.set()
        await m.until(lambda: m.consumer.kept.get(PLACE) == 4)
        assert m.total() == 4


async def test_the_loop_turns_while_the_group_rebalances(tmp_path: Path) -> None:
    """The client's call may hang until the next assignment; the loop does not hang with it."""
    async with member(tmp_path) as m:
        await m.assign(0)
        await m.until_open()
        m.consumer.is_rebalancing = True
        idle = 0.0
        for _ in range(150):
            await asyncio.sleep(0.01)
            idle = max(idle, m.lease.idle_seconds)
        assert idle < 1.3
        revoking = asyncio.create_task(m.revoke())
        await asyncio.wait_for(revoking, 5)
        m.consumer.is_rebalancing = False
        put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)


async def test_nothing_is_read_once_the_group_takes_the_partitions(tmp_path: Path) -> None:
    """Also not while what was taken is being finished."""
    async with member(tmp_path) as m:
        m.producer.is_prompt = False
        await m.assign(0)
        await m.until_open()
        put(m.log, Add("a", 1))
        await m.until(lambda: len(m.producer.waiting) == 1)
        revoking = asyncio.create_task(m.revoke())
        await asyncio.sleep(0.01)
        for _ in range(4):
            put(m.log, Add("a", 1))
        await asyncio.sleep(0.05)
        assert m.consumer.positions[PLACE] <= 2 + 1
        m.producer.acknowledge()
        await asyncio.wait_for(revoking, 5)
        assert len(m.log.read("tally.events")) == m.consumer.kept[PLACE]


async def test_a_commit_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client repeats it without end while the broker is away; the hand-over goes on."""
    monkeypatch.setattr("services.common.partitions.COMMIT_SECONDS_MAX", 0.05)
    async with member(tmp_path) as m:
        m.consumer.commits_hang = True
        put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until_open()
        await m.until(lambda: m.total() == 1)
        await asyncio.wait_for(m.revoke(), 5)
        assert m.consumer.kept == {}
        m.consumer.commits_hang = False
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)
        assert len(m.log.read("tally.events")) == 1


async def test_a_stopped_member_takes_nothing_more(tmp_path: Path) -> None:
    """Not even what the group gives it while it leaves."""
    async with member(tmp_path) as m:
        put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)
        await m.partitions.stop()
        await m.assign(0)
        await asyncio.sleep(0.02)
        assert m.partitions.open_partitions == frozenset()
        assert m.closed == [0]
