"""Does to a stack what a fault says, and puts it right again when the fault is over."""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from infra.chaos.mischief import Mischief
from infra.chaos.plan import AND, BROKERS, Fault, Kind, places_of
from infra.chaos.report import Tale
from infra.chaos.supervisor import Supervisor
from infra.programs import Program
from infra.stack import Stack

FAULT_CALL_ATTEMPTS_MAX = 40
FAULT_CALL_NAP_SECONDS = 0.5

HEALTHY: Mapping[str, Any] = {}
SLOW = {"delay_seconds": 1.0}
LYING = {"timeout_share": 0.4, "error_share": 0.3, "timeout_seconds": 3.0}
FICKLE = {
    "ask_share": 0.6,
    "refuse_later_share": 0.3,
    "undo_share": 0.5,
    "ready_change_share": 0.5,
    "accept_delay_seconds": 1.0,
}
MEAN = {"refund_refuse_share": 0.6}
UNWILLING = {
    "reject_share": 0.3,
    "ignore_offers_share": 0.2,
    "give_up_share": 0.2,
    "unreachable_share": 0.2,
    "wrong_code_share": 0.5,
}
LOST_NETWORK = {"network_loss_share": 0.3, "offline_seconds": 3.0, "duplicate_locations": True}
SANDBOX_FAULTS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.SLOW_PAYMENTS: SLOW,
    Kind.LYING_PAYMENTS: LYING,
    Kind.SLOW_POS: SLOW,
    Kind.LYING_POS: {**LYING, "callback_copies": 2},
    Kind.LOST_NETWORK: LOST_NETWORK,
    Kind.FICKLE_POS: FICKLE,
    Kind.MEAN_PAYMENTS: MEAN,
    Kind.UNWILLING_DRIVERS: UNWILLING,
}


class MissedError(Exception):
    """What the fault was for is not there at this moment; the text says what."""


class Damage:
    """The faults of one run."""

    def __init__(
        self,
        stack: Stack,
        tale: Tale,
        client: httpx.AsyncClient,
        mischief: Mischief,
        supervisor: Supervisor,
    ) -> None:
        self._stack = stack
        self._tale = tale
        self._client = client
        self._mischief = mischief
        self._supervisor = supervisor
        self._strike: Mapping[Kind, Callable[[Fault], Coroutine[Any, Any, None]]] = {
            Kind.KILL_WORKER: self._kill,
            Kind.KILL_SERVICE: self._kill,
            Kind.DEAD_PAYMENTS: self._kill,
            Kind.DEAD_POS: self._kill,
            Kind.DEAD_PHONES: self._kill,
            Kind.PAUSE_WORKER: self._pause,
            Kind.FREEZE_WORKER: self._pause,
            Kind.FROZEN_PAYMENTS: self._pause,
            Kind.FROZEN_POS: self._pause,
            Kind.STOP_WORKER: self._stop,
            Kind.REMOVE_WORKER: self._stop,
            Kind.ADD_WORKER: self._add,
            Kind.DELETE_TABLE: self._delete_table,
            Kind.KILL_BROKER: self._kill_brokers,
            Kind.KILL_ALL_BROKERS: self._kill_brokers,
            Kind.PAUSE_BROKER: self._pause_broker,
            Kind.KILL_UNHEARD: self._kill_unheard,
            Kind.REPEATED_RECORDS: self._repeat,
            Kind.BAD_RECORDS: self._send_nonsense,
            **dict.fromkeys(SANDBOX_FAULTS, self._fault_sandbox),
        }

    async def follow(self, plan: tuple[Fault, ...]) -> None:
        """Has every fault strike at its time, and returns when all are over and put right."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for fault in plan:
                await asyncio.sleep(max(0.0, begun + fault.at - loop.time()))
                tasks.create_task(self._see_through(fault))

    async def _see_through(self, fault: Fault) -> None:
        try:
            await self._strike[fault.kind](fault)
        except MissedError as error:
            self._tale.say(f"missed, {error}: {fault}")
        except Exception as error:
            self._tale.surprise(f"{fault}: {error!r}")
        else:
            self._tale.struck[fault.kind] += 1

    async def _kill(self, fault: Fault) -> None:
        programs = self._running(fault)

        def kill() -> None:
            for program in programs:
                program.kill()

        await self._down(fault, programs, kill)

    async def _delete_table(self, fault: Fault) -> None:
        (program,) = self._running(fault)
        service, _, number = fault.target.partition("-")
        directory = self._stack.table_directory(service, int(number or 1) - 1)

        if not directory.exists():
            raise MissedError("there is no table yet")

        def lose() -> None:
            program.kill()
            shutil.rmtree(directory)

        await self._down(fault, [program], lose)

    async def _stop(self, fault: Fault) -> None:
        (program,) = self._running(fault)
        await self._down(fault, [program], lambda: self._stop_cleanly(program))

    async def _down(
        self, fault: Fault, programs: Sequence[Program], end: Callable[[], None]
    ) -> None:
        self._tale.say(str(fault))
        with self._supervisor.holding([program.name for program in programs]):
            await asyncio.to_thread(end)
            await asyncio.sleep(fault.seconds)

    def _stop_cleanly(self, program: Program) -> None:
        program.stop()
        # One that has not got as far as its signal handlers ends by the signal itself.
        if program.exit_code not in (None, 0, -signal.SIGTERM):
            self._tale.exits[f"{program.name} with {program.exit_code} when stopped"] += 1
            self._tale.say(f"{program.name} ended with {program.exit_code} when it was stopped")

    async def _pause(self, fault: Fault) -> None:
        (program,) = self._running(fault)
        self._tale.say(str(fault))
        self._supervisor.excuse(program.name)
        program.pause()
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            program.resume()

    async def _add(self, fault: Fault) -> None:
        program = self._stack.programs[fault.target]
        self._tale.say(str(fault))
        program.start()
        self._supervisor.let_go([fault.target])
        await asyncio.sleep(fault.seconds)
        self._supervisor.hold([fault.target])
        await asyncio.to_thread(self._stop_cleanly, program)

    async def _kill_brokers(self, fault: Fault) -> None:
        nodes = self._nodes(fault)
        async with self._supervisor.brokers:
            self._tale.say(str(fault))
            for node in nodes:
                await asyncio.to_thread(self._stack.cluster.kill, node)
            await asyncio.sleep(fault.seconds)
            await self._supervisor.start_brokers(nodes)

    async def _pause_broker(self, fault: Fault) -> None:
        async with self._broker_paused(fault):
            self._tale.say(str(fault))
            await asyncio.sleep(fault.seconds)

    async def _kill_unheard(self, fault: Fault) -> None:
        async with self._broker_paused(fault):
            program = self._stack.programs[fault.target.partition(AND)[0]]
            if not program.is_running:
                raise MissedError("it does not run")
            self._tale.say(str(fault))
            # What it sends to that broker meanwhile is not acknowledged.
            await asyncio.sleep(fault.seconds)
            with self._supervisor.holding([program.name]):
                await asyncio.to_thread(program.kill)

    @asynccontextmanager
    async def _broker_paused(self, fault: Fault) -> AsyncIterator[None]:
        (node,) = self._nodes(fault)
        async with self._supervisor.brokers:
            self._stack.cluster.pause(node)
            try:
                yield
            finally:
                self._stack.cluster.resume(node)
            await self._supervisor.mend_brokers()

    async def _fault_sandbox(self, fault: Fault) -> None:
        self._tale.say(str(fault))
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
            await asyncio.sleep(FAULT_CALL_NAP_SECONDS)
        raise MissedError(f"{name} does not answer")

    async def _repeat(self, fault: Fault) -> None:
        self._tale.say(str(fault))
        if not await self._mischief.repeat():
            raise MissedError("nothing was repeated")

    async def _send_nonsense(self, fault: Fault) -> None:
        self._tale.say(str(fault))
        if not await self._mischief.send_nonsense(self._stack.plan.partitions):
            raise MissedError("nothing was sent")

    def _running(self, fault: Fault) -> list[Program]:
        """The programs that the fault strikes; at least one runs."""
        names = places_of(fault.kind, fault.target, self._stack.plan.workers - 1)
        programs = [self._stack.programs[name] for name in names]
        if not any(program.is_running for program in programs):
            raise MissedError("it does not run")
        return programs

    def _nodes(self, fault: Fault) -> list[int]:
        if fault.target == BROKERS:
            return list(range(1, self._stack.plan.nodes + 1))
        return [int(fault.target.rpartition("broker-")[2])]
