"""One thing after another, somewhere, as a seed has it.

Each seed has its own few kinds of trouble (Groce et al., "Swarm Testing", ISSTA 2012).
"""

from random import Random

from tests.process.players import Players
from tests.process.settled import check_settled
from tests.process.world import PARTITIONS, World


class Chance:
    """Lets people act, workers work, crash and come back.

    trouble_share: how much of what people do is more than the everyday.
    """

    def __init__(self, world: World, players: Players, seed: int, trouble_share: float) -> None:
        self.world = world
        self.players = players
        self.random = Random(seed)
        self.trouble_share = trouble_share
        kinds = self.random.randint(1, len(players.trouble))
        self.trouble = self.random.sample(players.trouble, kinds)
        self.settle_share = self.random.choice((0.0, 0.01, 0.05, 0.2))
        self.deed_share = self.random.choice((0.05, 0.15, 0.3))
        # The first of its steps are calm, so that the trouble finds orders far on their way.
        self.calm_steps = self.random.choice((0, 300, 1_000, 2_000))
        self.batch_max = self.random.choice((1, 2, 4, 16))
        readers = [
            (owner, source, partition)
            for owner, service in world.services.items()
            for source in ("commands", *service.reactions)
            for partition in range(PARTITIONS)
        ]
        # Some readers are slow: what they read stays behind for long.
        self.weights = [self.random.choice((1, 4, 20)) for _ in readers]
        self.readers = readers

    def step(self) -> None:
        """One thing happens."""
        self.calm_steps -= 1
        if self.random.random() < self.settle_share:
            self.world.settle()
            check_settled(self.world)
        if self.random.random() < self.deed_share:
            is_trouble = self.random.random() < self.trouble_share and self.calm_steps <= 0
            deeds = self.trouble if is_trouble else self.players.work
            deed = self.random.choice(deeds)
            deed(self.random.randrange(2**16))
            return
        owner, source, partition = self.random.choices(self.readers, self.weights)[0]
        records = self.random.randint(1, self.batch_max)
        kind = self.random.random()
        if source == "commands":
            if kind < 0.05:
                self.world.crash(owner, partition, 2 * records)
            elif kind < 0.06:
                self.world.lose_offsets(owner, partition, 2 * records)
            for _ in range(records):
                self.world.decide_next(owner, partition)
        elif kind < 0.05:
            self.world.crash_reactions(owner, source, partition, 2 * records)
        elif kind < 0.1 and (read := self.world.services[owner].read[source, partition]):
            self.world.react_to(owner, source, partition, self.random.randrange(read))
        else:
            for _ in range(records):
                self.world.react_next(owner, source, partition)
