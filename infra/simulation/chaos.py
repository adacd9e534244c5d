"""Faults: what the seed does to processes, disks, network, broker and the outside world."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

from infra.simulation.broker import Broker, Network
from infra.simulation.loop import Process, SimulatedLoop
from infra.simulation.outside import OutsideWorld
from infra.simulation.phones import Phone
from infra.simulation.store import Disks
from infra.simulation.workers import SERVICES, SESSION_SECONDS, Supervised

STEPS_TO_LIVE_MAX = 400
RESTART_SECONDS_MAX = 2.0
STOP_SECONDS_MAX = 3 * SESSION_SECONDS
DOWN_SECONDS_MAX = 4.0
GHOST_SECONDS_MAX = 8.0


class Chaos:
    """Lets something go wrong every now and then, until it is told to stop."""

    def __init__(
        self,
        loop: SimulatedLoop,
        random: Random,
        broker: Broker,
        disks: Disks,
        outside: OutsideWorld,
        workers: Mapping[str, list[Supervised]],
        phones: Sequence[Phone],
        employ: Callable[[str], Supervised],
    ) -> None:
        self.trace: Callable[[str], None] = lambda line: None
        self._loop = loop
        self._random = random
        self._broker = broker
        self._network: Network = broker.network
        self._disks = disks
        self._outside = outside
        self._workers = workers
        self._phones = phones
        self._employ = employ
        self._is_over = False
        self._ghosts: list[Process] = []
        deeds = (
            (self._kill, 6),
            (self._stop, 3),
            (self._cut_off, 2),
            (self._add_worker, 1),
            (self._end_cleanly, 1),
            (self._shut_broker, 1),
            (self._shut_outside, 1),
            (self._lose_phone, 1),
            (self._replace, 1),
            (self._forget_commits, 1),
        )
        # Each seed has its own taste.
        self._deeds = [deed for deed, _ in deeds]
        self._weights = [weight * random.choice((0, 1, 1, 4)) for _, weight in deeds]
        if not any(self._weights):
            self._weights[0] = 1
        self._pause = random.choice((0.5, 1.0, 2.0))

    async def run(self, seconds: float) -> None:
        """Faults for so many seconds."""
        until = self._loop.now + seconds
        while self._loop.now < until:
            await asyncio.sleep(2 * self._pause * self._random.random())
            deed = self._random.choices(self._deeds, self._weights)[0]
            deed()

    def stop(self) -> None:
        """All that is broken is mended."""
        self._is_over = True
        self._network.cut_off.clear()
        network = self._network
        network.lost_share = network.slow_share = network.skips_share = 0.0
        if not self._network.is_up:
            self._broker.come_back()
        self._outside.faults.stop()
        for phone in self._phones:
            phone.is_away = False
        for ghost in self._ghosts:
            ghost.end("killed")
        for each in self._all():
            process = each.process
            if process is None:
                continue
            process.steps_left = None
            if process.is_alive and process.is_stopped:
                self._go_on(process)

    def ended(self, supervised: Supervised, reason: str) -> None:
        """A worker's process has ended: its disk may have suffered, and it is started again."""
        assert supervised.process is not None
        self.trace(f"{supervised.process.name} has ended: {reason}")
        if not self._is_over:
            fate = self._random.random()
            if fate < 0.15:
                self._disks.delete_all(supervised.data_dir)
            elif fate < 0.3 and reason != "stopped":
                self._disks.lose_power(supervised.data_dir)
        self._loop.call_outside(RESTART_SECONDS_MAX * self._random.random() ** 2, supervised.start)

    def _all(self) -> list[Supervised]:
        return [each for service in SERVICES for each in self._workers[service]]

    def _one(self) -> Supervised | None:
        running = [each for each in self._all() if each.is_running]
        return self._random.choice(running) if running else None

    def _kill(self) -> None:
        """At any of its next steps, as kill -9 does."""
        chosen = self._one()
        if chosen is not None and chosen.process is not None:
            chosen.process.steps_left = self._random.randrange(STEPS_TO_LIVE_MAX)

    def _stop(self) -> None:
        chosen = self._one()
        if chosen is None or chosen.process is None or chosen.process.is_stopped:
            return
        process = chosen.process
        seconds = STOP_SECONDS_MAX * self._random.random()
        self.trace(f"{process.name} stands still for {seconds:.3f} s")
        self._loop.stop_process(process)
        self._loop.call_outside(seconds, self._go_on, process)

    def _go_on(self, process: Process) -> None:
        if process.is_alive and process.is_stopped:
            self.trace(f"{process.name} goes on")
            self._loop.go_on(process)

    def _cut_off(self) -> None:
        chosen = self._one()
        if chosen is None or chosen.process is None:
            return
        process = chosen.process
        seconds = STOP_SECONDS_MAX * self._random.random()
        self.trace(f"{process.name} is cut off for {seconds:.3f} s")
        self._network.cut_off.add(process)
        self._loop.call_outside(seconds, self._network.cut_off.discard, process)

    def _replace(self) -> None:
        """Somebody takes a worker for dead, starts it on another machine, and kills it later."""
        chosen = self._one()
        if chosen is not None and chosen.process is not None:
            ghost = chosen.process
            self._ghosts.append(ghost)
            chosen.replace()
            self.trace(f"{ghost.name} is replaced by {chosen.process.name}")
            seconds = GHOST_SECONDS_MAX * self._random.random()
            self._loop.call_outside(seconds, ghost.end, "killed")

    def _forget_commits(self) -> None:
        count = self._random.randint(1, 10)
        names = sorted(self._broker.groups)
        if names:
            name = self._random.choice(names)
            self.trace(f"group {name} forgets its last commits: {count}")
            self._broker.groups[name].forget_commits(count)

    def _add_worker(self) -> None:
        service = self._random.choice(SERVICES)
        if len(self._workers[service]) < 2:
            added = self._employ(service)
            self.trace(f"{added.name} is new")

    def _end_cleanly(self) -> None:
        chosen = self._one()
        if chosen is not None and chosen.process is not None:
            self.trace(f"{chosen.process.name} is asked to end")
            chosen.terminate()

    def _shut_broker(self) -> None:
        if not self._network.is_up:
            return
        seconds = DOWN_SECONDS_MAX * self._random.random()
        self.trace(f"the broker is down for {seconds:.3f} s")
        self._broker.shut()
        self._loop.call_outside(seconds, self._open_broker)

    def _open_broker(self) -> None:
        if not self._network.is_up:
            self.trace("the broker is back")
            self._broker.come_back()

    def _shut_outside(self) -> None:
        seconds = DOWN_SECONDS_MAX * self._random.random()
        self.trace(f"the outside world is down for {seconds:.3f} s")
        self._outside.faults.is_down = True
        self._loop.call_outside(seconds, self._open_outside)

    def _open_outside(self) -> None:
        self._outside.faults.is_down = False

    def _lose_phone(self) -> None:
        phone = self._random.choice(self._phones)
        seconds = 2 * STOP_SECONDS_MAX * self._random.random()
        self.trace(f"{phone.driver_id} is away for {seconds:.3f} s")
        phone.is_away = True
        self._loop.call_outside(seconds, self._find_phone, phone)

    def _find_phone(self, phone: Phone) -> None:
        phone.is_away = False
