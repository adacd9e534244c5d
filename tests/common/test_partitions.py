"""Partitions that a worker has: each begins where it ended, and is committed as it goes on."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from services.common.log import Ack
from services.common.telemetry import EXIT_LOOP_FAILED
from tests.common.deaths import Deaths, DiedError
from tests.common.loop_bench import INPUT, LANGUAGE, put
from tests.common.member import MORE, PLACE, Member, member
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.common.tally import Add


async def test_commands_of_an_assigned_partition_are_decided_and_committed(tmp_path: Path) -> None:
    """From the start where nothing was committed."""
    async with member(tmp_path) as m:
        for _ in range(5):
            put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 5)
        assert m.total() == 5


async def test_a_member_is_ready_when_all_its_partitions_are_open(tmp_path: Path) -> None:
    """Not before the group has spoken; then also with none."""
    async with member(tmp_path) as m:
        gate = asyncio.Event()
        m.opening = gate.wait
        assert not m.partitions.is_ready
        await m.assign()
        assert m.partitions.is_ready
        await m.revoke()
        await m.assign(0)
        await asyncio.sleep(0.01)
        assert not m.partitions.is_ready
        assert (m.partitions.assigned, m.partitions.open_partitions) == ({0}, frozenset())
        gate.set()
        await m.until_open()
        assert m.partitions.open_partitions == {0}


async def test_an_input_that_is_flooded_holds_up_no_other(tmp_path: Path) -> None:
    """The client gives all of one before anything of the next; here they take turns."""
    async with member(tmp_path, (INPUT, MORE)) as m:
        for _ in range(60):
            put(m.log, Add("flooding", 1))
        for _ in range(6):
            put(m.log, Add("calm", 1), topic=MORE)
        await m.assign(0)
        await m.until_open()
        await m.until(lambda: m.total("flooding") == 60)
        keys = [each.event.tally_id for each in m.log.events(LANGUAGE)]
        assert max(n for n, key in enumerate(keys) if key == "calm") < 15


class SilentProducer(MemoryProducer):
    """Has no room for a record while the log is silent."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.is_asked = asyncio.Event()
        self.has_room = asyncio.Event()

    async def send(self, *args: Any, **named: Any) -> Ack:
        """Waits for room."""
        self.is_asked.set()
        await self.has_room.wait()
        return await super().send(*args, **named)


@pytest.mark.parametrize(("outage_seconds_max", "is_renewed"), [(60.0, True), (0.0, False)])
async def test_an_outage_of_the_log_is_no_stall_up_to_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outage_seconds_max: float, is_renewed: bool
) -> None:
    """The worker keeps its table and its partitions, and goes on when the log does."""
    monkeypatch.setattr("services.common.partitions.RENEW_SECONDS", 0.005)
    async with member(tmp_path, outage_seconds_max=outage_seconds_max) as m:
        producer = m.producer = SilentProducer(m.log)
        await m.assign(0)
        await m.until_open()
        put(m.log, Add("a", 1))
        await producer.is_asked.wait()
        before = m.lease._commands._beaten_at
        if is_renewed:
            await m.until(lambda: m.lease._commands._beaten_at > before)
        await asyncio.sleep(0.05)
        assert (m.lease._commands._beaten_at > before) == is_renewed
        producer.has_room.set()
        await m.until(lambda: m.total() == 1)


async def test_a_commit_that_failed_is_made_again(tmp_path: Path) -> None:
    """The loop goes on meanwhile."""
    async with member(tmp_path) as m:
        m.consumer.commit_error = CommitFailedError("rebalanced")
        put(m.log, Add("a", 1))
        await m.assign(0)
        await m.until_open()
        await m.until(lambda: m.total() == 1)
        assert m.consumer.kept == {}
        m.consumer.commit_error = None
        await m.until(lambda: m.consumer.kept.get(PLACE) == 1)


@pytest.mark.parametrize(
    ("committed", "begin", "start"),
    [(None, 0, 0), (2, 0, 2), (3, 0, 3), (9, 0, 0), (1, 2, 2), (None, 1, 1)],
)
async def test_a_partition_begins_at_the_committed_offset_where_it_is_there(
    tmp_path: Path, committed: int | None, begin: int, start: int
) -> None:
    """Else at the first record that is left: a topic may be truncated or made anew."""
    async with member(tmp_path) as m:
        for number in range(3):
            put(m.log, Add(f"k{number}", 1))
        m.consumer.begin = begin
        if committed is not None:
            m.consumer.kept[PLACE] = committed
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 3 and m.partitions.is_ready)
        assert len(m.log.read("tally.events")) == 3 - start


@pytest.mark.parametrize("committed", [0, None, 77])
async def test_what_an_event_in_the_log_came_after_is_not_decided_again(
    tmp_path: Path, committed: int | None
) -> None:
    """Though its offset was not committed, or forgotten: a refused command stays refused."""
    async with member(tmp_path) as m:
        for amount in (-1, 5):
            put(m.log, Add("a", amount))
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 2)
        await m.revoke()
        del m.consumer.kept[PLACE]
        if committed is not None:
            m.consumer.kept[PLACE] = committed
        await m.assign(0)
        await m.until(lambda: m.consumer.kept.get(PLACE) == 2)
        assert m.total() == 5
        assert len(m.log.read("tally.rejections")) == 1


async def test_inputs_with_other_partition_numbers_end_the_process(
    tmp_path: Path, deaths: Deaths
) -> None:
    """One table can't be fed from partitions that are apart."""
    made = Member(tmp_path, (INPUT, MORE))
    with pytest.raises(DiedError):
        await made.partitions.on_partitions_assigned([PLACE, TopicPartition(MORE, 1)])
    assert deaths.codes == [EXIT_LOOP_FAILED]


async def test_a_partition_that_can_not_be_opened_ends_the_process(
    tmp_path: Path, deaths: Deaths
) -> None:
    """A worker that owns it and does not serve it would be worse."""

    async def fail() -> None:
        raise OSError("no space left on device")

    async with member(tmp_path) as m:
        m.opening = fail
        await m.assign(0)
        await m.until(lambda: bool(deaths.codes))
        assert deaths.codes == [EXIT_LOOP_FAILED]
        assert "no space left" in deaths.reasons[0]
