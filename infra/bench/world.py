"""Tiffin as it is measured: a broker, real services, and an outside world that costs little."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.bench.context import BenchError
from infra.bench.meter import cpu_seconds
from infra.bench.results import ProcessUse
from infra.programs import Program
from infra.stack import SANDBOX, SERVICES, Stack, StackPlan
from services.common.codec import LANGUAGES

DRIVERS = 400
REGIONS = 8
KITCHEN_SECONDS = 0.1
LOAD = "load generator"
STAND_INS = "stand-ins"
KAFKA = "kafka"
# A million orders are folded first.
READY_SECONDS_MAX = 900.0


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU seconds by program until now, all threads and workers of each."""

    seconds: Mapping[str, float]

    def since(self, before: "CpuReading", items: int) -> dict[str, float]:
        """Milliseconds of CPU per item by program, since the reading before."""
        return {
            name: (seconds - before.seconds.get(name, 0.0)) * 1000 / items
            for name, seconds in self.seconds.items()
        }


class Tiffin:
    """A stack on free ports with stand-ins around it, from entry to exit.

    Args:
        directory: for all state.
        services: those that run; the others' work is not done.
        drivers: who wait for work; none where 0.
        with_stand_ins: false where nobody outside is asked for anything.
    """

    def __init__(
        self,
        directory: Path,
        workers: int = 1,
        partitions: int = 4,
        services: tuple[str, ...] = SERVICES,
        drivers: int = DRIVERS,
        environment: Mapping[str, str] | None = None,
        with_stand_ins: bool = True,
    ) -> None:
        plan = StackPlan.on_free_ports(directory, workers, environment=environment)
        port = plan.sandbox_ports["payments"]
        # One process is all of the outside world.
        plan = replace(
            plan,
            partitions=partitions,
            sandbox_ports=dict.fromkeys(SANDBOX, port),
            is_lasting=True,
        )
        self.plan = plan
        self.stack = Stack(plan)
        self._services = services
        self._with_stand_ins = with_stand_ins
        self.stand_ins = Program(
            name=STAND_INS,
            arguments=(
                "infra.bench.standins",
                *("--port", str(port), "--bootstrap", self.stack.bootstrap),
                *("--drivers", str(drivers), "--regions", str(REGIONS)),
                *("--kitchen-seconds", str(KITCHEN_SECONDS)),
            ),
            environment={},
            ready_url=f"http://127.0.0.1:{port}/health/ready",
            log=directory / "logs" / "stand-ins.log",
        )

    @property
    def bootstrap(self) -> str:
        """Where Kafka listens."""
        return self.stack.bootstrap

    async def __aenter__(self) -> Self:
        await self.start_broker()
        await self.start_programs()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start_broker(self) -> None:
        """Starts Kafka and creates its topics, where that is to be done apart."""
        await asyncio.to_thread(self.stack.start_broker)

    async def start_programs(self) -> None:
        """Starts the services and the stand-ins, and returns when all are ready.

        Raises:
            ProgramError: one can't be started; nothing is left running.
        """
        try:
            await asyncio.to_thread(self._start_programs)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops all; its state stays."""
        await asyncio.to_thread(self._stop)

    async def stop_programs(self) -> None:
        """Stops all but Kafka."""
        await asyncio.to_thread(self._stop_programs)

    def pids(self) -> dict[str, list[int]]:
        """The processes of each program; this process is the load generator."""
        found: dict[str, list[int]] = {KAFKA: list(self.stack.cluster.pids)}
        for name in self._services:
            workers = (each for label, each in self.stack.programs.items() if _is_of(label, name))
            found[name] = [_pid(program) for program in workers]
        if self._with_stand_ins:
            found[STAND_INS] = [_pid(self.stand_ins)]
        found[LOAD] = [os.getpid()]
        return found

    def read_cpu(self) -> CpuReading:
        """The CPU time of all programs until now.

        Raises:
            BenchError: one has ended.
        """
        return CpuReading({name: sum(map(cpu_seconds, pids)) for name, pids in self.pids().items()})

    def use(self, cpu_ms: Mapping[str, float]) -> dict[str, ProcessUse]:
        """What each program took, with the most memory that it ever had, all workers together."""
        return {
            name: ProcessUse(cpu_ms[name], sum(map(peak_rss_mb, pids)))
            for name, pids in self.pids().items()
        }

    async def check(self) -> None:
        """Makes sure that nothing was refused or put aside.

        Raises:
            BenchError: something was, or a program has ended.
        """
        self.pids()
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            topics = [
                f"{owner}.{kind}" for owner in LANGUAGES for kind in ("rejections", "dead-letters")
            ]
            places = [
                TopicPartition(topic, number)
                for topic in topics
                for number in range(self.plan.partitions)
            ]
            ends = await consumer.end_offsets(places)
        wrong = {f"{place.topic}/{place.partition}": end for place, end in ends.items() if end}
        if wrong:
            raise BenchError(f"records were refused or put aside: {wrong}")

    def _start_programs(self) -> None:
        services = [
            each
            for label, each in self.stack.programs.items()
            if any(_is_of(label, name) for name in self._services)
        ]
        started = [*services, *([self.stand_ins] if self._with_stand_ins else [])]
        for program in started:
            program.start()
        for program in started:
            program.wait_ready(READY_SECONDS_MAX)

    def _stop_programs(self) -> None:
        self.stand_ins.stop()
        for program in self.stack.programs.values():
            program.stop()

    def _stop(self) -> None:
        self.stand_ins.stop()
        self.stack.stop()


def peak_rss_mb(pid: int) -> float:
    """The most memory that a process has had at a time, in megabytes.

    Raises:
        BenchError: there is no such process, or no /proc.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError as error:
        raise BenchError(f"/proc/{pid}/status can't be read: {error}") from error
    for line in lines:
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) / 1024
    raise BenchError(f"/proc/{pid}/status tells no VmHWM")


def _is_of(label: str, name: str) -> bool:
    return label == name or label.startswith(f"{name}-")


def _pid(program: Program) -> int:
    if program.pid is None:
        raise BenchError(
            f"{program.name} ended with {program.exit_code}: {program.last_line()} ({program.log})"
        )
    return program.pid
