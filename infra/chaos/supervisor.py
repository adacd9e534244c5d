"""Who starts again what has ended, programs and brokers, besides what a fault keeps down."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from infra.chaos.report import Tale
from infra.errors import BrokerError
from infra.programs import Program
from infra.stack import Stack
from services.common.telemetry import EXIT_STALLED

WATCH_SECONDS = 0.5
BROKER_WATCH_SECONDS = 5.0
# A busy machine takes long to bring three brokers back, and nothing else may go wrong with them.
BROKERS_READY_SECONDS_MAX = 240.0
LINE_CHARACTERS_MAX = 200


class Supervisor:
    """Starts again what has ended by itself, and says how it ended.

    `brokers` is held by who is at the brokers, so that no two are.
    """

    def __init__(self, stack: Stack, tale: Tale) -> None:
        self.brokers = asyncio.Lock()
        self._stack = stack
        self._tale = tale
        self._held = {name for name, one in stack.programs.items() if not one.is_running}
        self._paused: set[str] = set()

    @contextmanager
    def holding(self, names: Iterable[str]) -> Iterator[None]:
        """Leaves these programs alone meanwhile; then they run again."""
        programs = [self._stack.programs[name] for name in names]
        self.hold(names)
        try:
            yield
        finally:
            for program in programs:
                if not program.is_running:
                    program.start()
            self.let_go(names)

    def hold(self, names: Iterable[str]) -> None:
        """Leaves these programs alone from now on, also when they end."""
        self._held.update(names)

    def let_go(self, names: Iterable[str]) -> None:
        """Sees to these programs from now on."""
        self._held.difference_update(names)

    def excuse(self, name: str) -> None:
        """Says that the program was away, so that its next end as a stalled one has a reason."""
        self._paused.add(name)

    async def watch_programs(self) -> None:
        """Starts again what has ended, for ever."""
        while True:
            for name, program in self._stack.programs.items():
                if name in self._held or program.is_running:
                    continue
                if program.exit_code is not None:
                    self._tell_exit(program)
                program.start()
            await asyncio.sleep(WATCH_SECONDS)

    async def watch_brokers(self) -> None:
        """Starts brokers again that have ended by themselves, for ever."""
        while True:
            await asyncio.sleep(BROKER_WATCH_SECONDS)
            async with self.brokers:
                try:
                    self._stack.cluster.check()
                except BrokerError as error:
                    self._tale.say(str(error))
                    await self.mend_brokers(self._mend)

    async def start_brokers(self, nodes: Iterable[int]) -> None:
        """Starts brokers that were killed; returns when the cluster is whole again.

        Raises:
            BrokerError: it was not within BROKERS_READY_SECONDS_MAX.
        """
        await self.mend_brokers(lambda: self._stack.cluster.start_nodes(nodes))

    async def mend_brokers(self, begin: Callable[[], None] | None = None) -> None:
        """Returns when the cluster is whole, after as many attempts as it takes.

        Raises:
            BrokerError: it was not within BROKERS_READY_SECONDS_MAX.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + BROKERS_READY_SECONDS_MAX
        attempt = begin or self._stack.cluster.wait_ready
        while True:
            try:
                await asyncio.to_thread(attempt)
                return
            except BrokerError as error:
                if loop.time() > until:
                    raise
                self._tale.say(f"not whole yet: {error}"[:LINE_CHARACTERS_MAX])
                attempt = self._mend

    def _mend(self) -> None:
        cluster = self._stack.cluster
        for reason in cluster.restart_ended():
            self._tale.exits[reason.split(":")[0].split(" (")[0]] += 1
        missing = [node for node, pid in enumerate(cluster.pids, start=1) if not pid]
        if missing:
            cluster.start_nodes(missing)
        cluster.wait_ready()

    def _tell_exit(self, program: Program) -> None:
        is_excused = program.name in self._paused and program.exit_code == EXIT_STALLED
        self._paused.discard(program.name)
        counts = self._tale.excused if is_excused else self._tale.exits
        counts[f"{program.name} with {program.exit_code}"] += 1
        line = program.last_line()[:LINE_CHARACTERS_MAX]
        self._tale.say(f"{program.name} ended with {program.exit_code}: {line}")
