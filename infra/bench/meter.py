"""Measures a process from outside: how fast its output topic grows, and the CPU time it takes."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.bench.job import PARTITIONS
from infra.errors import BrokerError
from infra.programs import Program

SAMPLE_SECONDS = 0.01
# Longer than a Faust worker needs to start on a busy machine.
SILENCE_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a process did; `missing` of its events never came."""

    events: int
    missing: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Events per second of the clock."""
        return self.events / self.wall_seconds

    @property
    def per_cpu_second(self) -> float:
        """Events per second of this process's CPU time, in user and kernel mode, all threads."""
        return self.events / self.cpu_seconds


class Meter:
    """Watches one output topic of one process.

    Args:
        consumer: connected, used by nobody else meanwhile.
    """

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, program: Program) -> None:
        self._consumer = consumer
        self._places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        self._program = program

    async def count(self) -> int:
        """How many events the topic has."""
        return sum((await self._consumer.end_offsets(self._places)).values())

    async def wait(self, total: int) -> None:
        """Returns when the topic has this many events.

        Raises:
            BrokerError: the program ended, or put out too few.
        """
        count, _, _ = await self._watch(total)
        if count < total:
            raise BrokerError(
                f"{self._program.name} put out {count} of {total} events ({self._program.log})."
            )

    async def measure_backlog(self, total: int) -> Measurement:
        """Lets the paused program go on, and measures until the topic has this many events.

        Ends as well when no more come; those are counted as missing.

        Raises:
            BrokerError: the program ended, or put out nothing.
        """
        before = await self.count()
        cpu_before = cpu_seconds(self._pid())
        began_at = time.monotonic()
        self._program.resume()
        count, ended_at, cpu_after = await self._watch(total)
        if count == before or cpu_after == cpu_before:
            raise BrokerError(f"{self._program.name} put out nothing ({self._program.log}).")
        return Measurement(
            events=count - before,
            missing=total - count,
            wall_seconds=ended_at - began_at,
            cpu_seconds=cpu_after - cpu_before,
        )

    async def _watch(self, total: int) -> tuple[int, float, float]:
        """The number of events, when the last was seen, and the process's CPU time at that time."""
        seen = -1, time.monotonic(), 0.0
        while seen[0] < total and time.monotonic() - seen[1] < SILENCE_SECONDS_MAX:
            await asyncio.sleep(SAMPLE_SECONDS)
            count = await self.count()
            if count > seen[0]:
                seen = count, time.monotonic(), cpu_seconds(self._pid())
        return seen

    def _pid(self) -> int:
        program = self._program
        if program.pid is None:
            raise BrokerError(
                f"{program.name} ended with {program.exit_code}: "
                f"{program.last_line()} ({program.log})."
            )
        return program.pid


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has taken so far, in user and kernel mode, all its threads.

    Raises:
        BrokerError: this system has no /proc.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError as error:
        raise BrokerError(f"There is no /proc/{pid}/stat: this needs Linux.") from error
    # proc(5): utime and stime are fields 14 and 15; the name before them may have spaces.
    after_name = text.rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
