"""Lag: how far the inputs of a consumer are ahead of it, and whether what lies there arrives.

A client whose fetching has died without a word looks like one that has nothing to read. So the ends
of the inputs are asked for beside it: records that wait while the position stands are a stall.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.common.log import place_name
from services.common.pulse import Pulse, Pulses
from services.common.telemetry import log

ASK_SECONDS_MAX = 2.0

Positions = Mapping[TopicPartition, int]


class Ends(Protocol):
    """The part of a consumer that knows where partitions end."""

    async def end_offsets(self, places: list[TopicPartition]) -> Mapping[Any, int]: ...


class Lag:
    """The lag of one consumer's inputs.

    Args:
        positions: the next record that is taken from each input, where it is known.
        is_held: True while the reader takes nothing for a reason of its own: the log is slow.
    """

    def __init__(
        self,
        consumer: Ends,
        positions: Callable[[], Positions],
        is_held: Callable[[], bool],
        pulses: Pulses,
    ) -> None:
        self._consumer = consumer
        self._positions = positions
        self._is_held = is_held
        self._pulses = pulses
        self._seen: dict[TopicPartition, int] = {}
        self._of: dict[TopicPartition, Pulse] = {}
        self.records: Mapping[TopicPartition, int] = {}

    async def measure(self) -> bool:
        """Asks once; False when the log does not answer, which then is no stall of the reader."""
        places = list(self._positions())
        ends: Mapping[Any, int] = {}
        try:
            ends = await self._ask(places) if places else {}
        except (KafkaError, TimeoutError, OSError) as error:
            log.info("the ends of the inputs are not known: %r", error)
            for pulse in self._of.values():
                pulse.beat()
            return False
        positions = self._positions()
        self.records = {
            place: max(0, ends[place] - positions[place]) for place in places if place in positions
        }
        self._compare(positions)
        return True

    async def _ask(self, places: list[TopicPartition]) -> Mapping[Any, int]:
        """The ends, or TimeoutError, also from a client that does not stop when it is told to.

        aiokafka 0.14 asks several brokers in one gather: where one of them fails at the moment of
        the cancellation, that error takes its place, and the client tries again for long.
        """
        asking = asyncio.ensure_future(self._consumer.end_offsets(places))
        asking.add_done_callback(_look_at)
        try:
            await asyncio.wait({asking}, timeout=ASK_SECONDS_MAX)
            if not asking.done():
                raise TimeoutError(f"no answer within {ASK_SECONDS_MAX} s")
            return asking.result()
        finally:
            asking.cancel()

    def _compare(self, positions: Positions) -> None:
        """Beats for each input that moves or is read to its end."""
        for place in self._of.keys() - self.records.keys():
            self._pulses.end(self._of.pop(place).name)
        for place, waiting in self.records.items():
            if place not in self._of:
                self._of[place] = self._pulses.begin(place_name(place))
            elif not waiting or self._is_held() or self._seen.get(place) != positions[place]:
                self._of[place].beat()
        self._seen = {place: positions[place] for place in self.records}


def _look_at(asked: "asyncio.Future[Any]") -> None:
    """Takes note of how it ended, so that one which nobody waits for any more may fail."""
    if not asked.cancelled():
        asked.exception()
