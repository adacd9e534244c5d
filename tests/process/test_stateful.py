"""All deciders and reactions under whatever commands: what must hold after every single step."""

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.given import deterministic
from tests.process.players import Deed, Players
from tests.process.settled import check_history, check_settled
from tests.process.test_whole_life import check_ends, finish
from tests.process.watch import Watch
from tests.process.world import PARTITIONS, World

ORDERS, DRIVERS = 7, 3
LIVES, STEPS_PER_LIFE = 300, 80


def deeds(players: Players) -> dict[str, Deed]:
    """All that people may do, by name."""
    return {deed.__qualname__: deed for deed in (*players.work, *players.trouble)}


READERS = [
    (owner, source)
    for owner, service in World().services.items()
    for source in ("commands", *service.reactions)
]
DEEDS = sorted(deeds(Players(World(), ORDERS, DRIVERS)))

numbers = st.integers(0, 2**16 - 1)
partitions = st.integers(0, PARTITIONS - 1)
records = st.integers(1, 8)
readers = st.sampled_from(READERS)
names = st.sampled_from(DEEDS)


class Lives(RuleBasedStateMachine):
    """A few orders and drivers from any point of their lives on."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.players = Players(self.world, ORDERS, DRIVERS)
        self.deeds = deeds(self.players)
        self.watch = Watch(self.world, self.players.outside)
        self.is_whole = True

    @initialize(rounds=st.integers(0, 8))
    def have_gone_on(self, rounds: int) -> None:
        """The orders are somewhere in their lives."""
        for _ in range(rounds):
            self.players.help_all()
            self.world.settle()

    @rule(name=names, number=numbers)
    def act(self, name: str, number: int) -> None:
        """Somebody does something."""
        self.deeds[name](number)

    @rule(name=names, number=numbers)
    def act_at_once(self, name: str, number: int) -> None:
        """Somebody does something, and all that follows happens."""
        self.deeds[name](number)
        self.world.settle()
        check_settled(self.world)

    @rule(name=names, other=names, number=numbers)
    def act_at_the_same_time(self, name: str, other: str, number: int) -> None:
        """Two people do something, each without knowing of the other."""
        self.deeds[name](number)
        self.deeds[other](number // 64)
        self.world.settle()

    @rule(reader=readers, partition=partitions, count=records)
    def read(self, reader: tuple[str, str], partition: int, count: int) -> None:
        """A worker takes some commands, or reacts to some events."""
        owner, source = reader
        for _ in range(count):
            if source == "commands":
                self.world.decide_next(owner, partition)
            else:
                self.world.react_next(owner, source, partition)

    @rule(reader=readers, partition=partitions, count=records)
    def crash(self, reader: tuple[str, str], partition: int, count: int) -> None:
        """A worker dies before it has committed what it has done."""
        owner, source = reader
        if source == "commands":
            self.world.crash(owner, partition, count)
        else:
            self.world.crash_reactions(owner, source, partition, count)

    @rule(reader=readers, partition=partitions, number=numbers)
    def do_again(self, reader: tuple[str, str], partition: int, number: int) -> None:
        """What was committed is forgotten, or an event of some time ago is reacted to anew."""
        owner, source = reader
        if source == "commands":
            self.world.lose_offsets(owner, partition, number % 16)
        elif read := self.world.services[owner].read[source, partition]:
            self.world.react_to(owner, source, partition, number % read)

    @rule(seconds=st.sampled_from((1, 31, 70, 700, 2_000)))
    def pass_time(self, seconds: int) -> None:
        """Time passes, and the timers that are due fire."""
        self.world.pass_time(self.world.now + timedelta(seconds=seconds))
        for owner, key, wakeup in self.world.due():
            self.world.wake(owner, key, wakeup)

    @rule()
    def help(self) -> None:
        """Everybody does what is due."""
        self.players.help_all()

    @invariant()
    def holds(self) -> None:
        """Money, tickets, drivers and ends are as they must be."""
        self.is_whole = False
        self.watch.look()
        self.is_whole = True

    def teardown(self) -> None:
        """Whatever has happened, everything comes to its end."""
        if not self.is_whole:
            return  # what has failed is told already
        finish(self.world, self.players, self.watch)
        check_ends(self.world, self.players)
        check_history(self.world)


TestLives: Any = Lives.TestCase
TestLives.settings = settings(deterministic, max_examples=LIVES, stateful_step_count=STEPS_PER_LIFE)
