"""Does to a stack what a fault says, and puts it right again when the fault is over."""

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import httpx

from infra.chaos.mischief import Mischief
from infra.chaos.plan import Fault, Kind
from infra.chaos.report import Tale
from infra.programs import Program
from infra.stack import Stack

SUPERVISE_SECONDS = 0.5
FAULT_CALL_ATTEMPTS_MAX = 40

HEALTHY: Mapping[str, Any] = {}
SLOW = {"delay_seconds": 1.0}
LYING = {"timeout_share": 0.4, "error_share": 0.3, "timeout_seconds": 3.0}
LOST_NETWORK = {"network_loss_share": 0.3, "offline_seconds": 3.0, "duplicate_locations": True}
SANDBOX_FAULTS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.SLOW_PAYMENTS: SLOW,
    Kind.LYING_PAYMENTS: LYING,
    Kind.SLOW_POS: SLOW,
    Kind.LYING_POS: {**LYING, "callback_copies": 2},
    Kind.LOST_NETWORK: LOST_NETWORK,
}


class Damage:
    """The faults of one run, and the supervisor that starts again what has ended."""

    def __init__(
        self, stack: Stack, tale: Tale, client: httpx.AsyncClient, mischief: Mischief
    ) -> None:
        self._stack = stack
        self._tale = tale
        self._client = client
        self._mischief = mischief
        self._held: set[str] = {name for name, one in stack.programs.items() if not one.is_running}
        self._broker = asyncio.Lock()
        self._strike: Mapping[Kind, Callable[[Fault], Coroutine[Any, Any, None]]] = {
            Kind.KILL_WORKER: self._kill,
            Kind.DEAD_PAYMENTS: self._kill,
            Kind.DEAD_POS: self._kill,
            Kind.DEAD_PHONES: self._kill,
            Kind.PAUSE_WORKER: self._pause,
            Kind.FREEZE_WORKER: self._pause,
            Kind.STOP_WORKER: self._stop,
            Kind.ADD_WORKER: self._add,
            Kind.DELETE_TABLE: self._delete_table,
            Kind.KILL_BROKER: self._kill_broker,
            Kind.KILL_ALL_BROKERS: self._kill_all_brokers,
            Kind.PAUSE_BROKER: self._pause_broker,
            Kind.REPEATED_RECORDS: self._repeat,
            Kind.BAD_RECORDS: self._send_nonsense,
            **dict.fromkeys(SANDBOX_FAULTS, self._fault_sandbox),
        }

    async def follow(self, plan: tuple[Fault, ...]) -> None:
        """Has every fault strike at its time, and returns when all are over."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for fault in plan:
                await asyncio.sleep(max(0.0, begun + fault.at - loop.time()))
                self._tale.say(f"{fault.kind.value}: {fault.target}, {fault.seconds:.1f} s")
                self._tale.faults[fault.kind] += 1
                tasks.create_task(self._see_through(fault))

    async def _see_through(self, fault: Fault) -> None:
        try:
            await self._strike[fault.kind](fault)
        except Exception as error:
            self._tale.surprise(f"{fault.kind.value}, {fault.target}: {error!r}")

    async def supervise(self) -> None:
        """Starts again what has ended by itself, as a supervisor does, for ever."""
        while True:
            for name, program in self._stack.programs.items():
                if name in self._held or program.is_running:
                    continue
                if program.exit_code is not None:
                    self._tell_exit(program)
                program.start()
            await asyncio.sleep(SUPERVISE_SECONDS)

    def _tell_exit(self, program: Program) -> None:
        self._tale.exits[f"{program.name} with {program.exit_code}"] += 1
        self._tale.say(
            f"{program.name} ended with {program.exit_code}: {program.last_line()[:200]}"
        )

    async def _kill(self, fault: Fault) -> None:
        await self._down(fault, self._program(fault).kill)

    async def _stop(self, fault: Fault) -> None:
        await self._down(fault, self._program(fault).stop)
        # A clean stop has a clean end.
        code = self._program(fault).exit_code
        if code is not None and code > 0:
            self._tale.exits[f"{fault.target} with {code} when stopped"] += 1

    async def _delete_table(self, fault: Fault) -> None:
        program = self._program(fault)
        service, _, number = fault.target.partition("-")
        directory = self._stack.table_directory(service, int(number or 1) - 1)

        def lose() -> None:
            program.kill()
            shutil.rmtree(directory, ignore_errors=True)

        await self._down(fault, lose)

    async def _down(self, fault: Fault, end: Callable[[], None]) -> None:
        self._held.add(fault.target)
        try:
            await asyncio.to_thread(end)
            await asyncio.sleep(fault.seconds)
            program = self._program(fault)
            if not program.is_running:
                program.start()
        finally:
            self._held.discard(fault.target)

    async def _pause(self, fault: Fault) -> None:
        program = self._program(fault)
        program.pause()
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            program.resume()

    async def _add(self, fault: Fault) -> None:
        program = self._program(fault)
        program.start()
        self._held.discard(fault.target)
        await asyncio.sleep(fault.seconds)
        self._held.add(fault.target)
        await asyncio.to_thread(program.stop)

    async def _kill_broker(self, fault: Fault) -> None:
        node = _node(fault)
        async with self._broker:
            await asyncio.to_thread(self._stack.cluster.kill, node)
            await asyncio.sleep(fault.seconds)
            await self._start_broker(node)

    async def _kill_all_brokers(self, fault: Fault) -> None:
        nodes = range(1, self._stack.plan.nodes + 1)
        async with self._broker:
            for node in nodes:
                await asyncio.to_thread(self._stack.cluster.kill, node)
            await asyncio.sleep(fault.seconds)
            await asyncio.to_thread(self._stack.cluster.start_nodes, nodes)

    async def _start_broker(self, node: int) -> None:
        await asyncio.to_thread(self._stack.cluster.start_node, node)

    async def _pause_broker(self, fault: Fault) -> None:
        async with self._broker:
            self._stack.cluster.pause(_node(fault))
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                self._stack.cluster.resume(_node(fault))

    async def _fault_sandbox(self, fault: Fault) -> None:
        await self._set_faults(fault.target, SANDBOX_FAULTS[fault.kind])
        await asyncio.sleep(fault.seconds)
        await self._set_faults(fault.target, HEALTHY)

    async def _set_faults(self, name: str, faults: Mapping[str, Any]) -> None:
        url = f"{self._stack.plan.url(name)}/faults"
        for _ in range(FAULT_CALL_ATTEMPTS_MAX):
            with contextlib.suppress(httpx.TransportError):
                answer = await self._client.put(url, json=faults)
                answer.raise_for_status()
                return
            await asyncio.sleep(SUPERVISE_SECONDS)
        self._tale.surprise(f"{name} does not answer")

    async def _repeat(self, fault: Fault) -> None:
        await self._mischief.repeat()

    async def _send_nonsense(self, fault: Fault) -> None:
        await self._mischief.send_nonsense(self._stack.plan.partitions)

    def _program(self, fault: Fault) -> Program:
        return self._stack.programs[fault.target]


def _node(fault: Fault) -> int:
    return int(fault.target.removeprefix("broker-"))
