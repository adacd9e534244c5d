"""Lag: records that wait while the reader stands are a stall; a log that is away is none."""

import asyncio
from collections.abc import Mapping

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from services.common import clock, lag
from services.common.lag import Lag
from services.common.pulse import Pulses

PLACE = TopicPartition("tally.commands", 0)
OTHER = TopicPartition("tally.commands", 1)


class Reader:
    """A reader of two inputs and the log that it reads from; a test moves both, and the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(clock, "since_boot", lambda: self.seconds)
        self.ends = {PLACE: 0, OTHER: 0}
        self.taken = {PLACE: 0, OTHER: 0}
        self.error: Exception | None = None
        self.hangs = False
        self.is_deaf = False
        self.is_held = False
        self.pulses = Pulses()
        self.lag = Lag(self, lambda: dict(self.taken), lambda: self.is_held, self.pulses)

    async def end_offsets(self, places: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The offset of the next record of each."""
        while self.hangs:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if not self.is_deaf:
                    raise
        if self.error is not None:
            raise self.error
        return {place: self.ends[place] for place in places}

    async def after(self, seconds: float) -> list[str]:
        """The inputs that stand for more than 5 s, after measuring every second."""
        for _ in range(int(seconds)):
            self.seconds += 1
            await self.lag.measure()
        return [pulse.name for pulse in self.pulses.overdue(5)]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """With nothing to read."""
    return Reader(monkeypatch)


async def test_an_input_that_is_read_to_its_end_does_not_stall(reader: Reader) -> None:
    """Though nothing comes for long."""
    assert await reader.after(60) == []
    assert reader.lag.records == {PLACE: 0, OTHER: 0}


async def test_records_that_never_arrive_are_a_stall(reader: Reader) -> None:
    """Of that input, and not of the one that is read."""
    await reader.after(60)
    reader.ends = {PLACE: 3, OTHER: 4}
    for _ in range(10):
        reader.taken[OTHER] += 1
        reader.ends[OTHER] += 1
        await reader.after(1)
    assert await reader.after(0) == ["tally.commands/0"]
    assert reader.lag.records == {PLACE: 3, OTHER: 4}


async def test_a_reader_that_is_behind_and_moves_does_not_stall(reader: Reader) -> None:
    """Lag alone is load."""
    reader.ends[PLACE] = 1_000_000
    for _ in range(20):
        reader.taken[PLACE] += 1
        assert await reader.after(1) == []


async def test_a_reader_that_waits_for_the_log_does_not_stall(reader: Reader) -> None:
    """The records are there, and it has not the room to take them."""
    reader.ends[PLACE] = 3
    reader.is_held = True
    assert await reader.after(20) == []
    reader.is_held = False
    assert await reader.after(10) == ["tally.commands/0"]


@pytest.mark.parametrize("is_deaf", [False, True])
@pytest.mark.parametrize("error", [KafkaConnectionError(), OSError("gone"), None])
async def test_a_log_that_does_not_answer_is_no_stall(
    reader: Reader, error: Exception | None, is_deaf: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the time that it was away counted afterwards; nor does a client that goes on hold."""
    monkeypatch.setattr(lag, "ASK_SECONDS_MAX", 0.001)
    await reader.after(2)
    reader.ends[PLACE] = 3
    reader.error, reader.hangs, reader.is_deaf = error, error is None, is_deaf
    assert await reader.after(30) == []
    assert not await reader.lag.measure()
    reader.error, reader.hangs, reader.is_deaf = None, False, False
    assert await reader.after(4) == []
    assert await reader.lag.measure()
    assert await reader.after(4) == ["tally.commands/0"]


async def test_an_input_that_another_worker_has_now_does_not_stall(reader: Reader) -> None:
    """Its lag is told there."""
    reader.ends[PLACE] = 3
    await reader.after(3)
    del reader.taken[PLACE]
    assert await reader.after(20) == []
    assert reader.lag.records == {OTHER: 0}
