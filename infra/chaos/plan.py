"""Which faults strike when: a pure function of the seed, so that a run can be had again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from infra.stack import SERVICES

BROKERS = "brokers"
RECORDS = "records"
# After a broker fault the cluster gets so long to be whole again before the next one.
BROKER_REST_SECONDS = 20.0
WORKER_REST_SECONDS = 6.0
GAP_SECONDS = (2.5, 7.0)


class Kind(StrEnum):
    """What can go wrong."""

    KILL_WORKER = "kill -9 a worker"
    PAUSE_WORKER = "stop a worker for longer than its session (SIGSTOP), let it go on"
    FREEZE_WORKER = "stop a worker for a moment (SIGSTOP), let it go on"
    STOP_WORKER = "stop a worker cleanly, start it again"
    ADD_WORKER = "add a worker, remove it later"
    DELETE_TABLE = "kill -9 a worker and delete its RocksDB"
    KILL_BROKER = "kill -9 a broker and start it again"
    KILL_ALL_BROKERS = "kill -9 all brokers and start them again"
    PAUSE_BROKER = "stop a broker for a while (SIGSTOP), let it go on"
    SLOW_PAYMENTS = "slow payment provider"
    LYING_PAYMENTS = "payment provider that times out after doing the work, or fails"
    DEAD_PAYMENTS = "kill -9 the payment provider, start it later"
    SLOW_POS = "slow point of sale"
    LYING_POS = "point of sale that times out after doing the work, fails, calls back twice"
    DEAD_POS = "kill -9 the point of sale, start it later"
    DEAD_PHONES = "kill -9 all driver phones, start them later"
    LOST_NETWORK = "phones lose their network, send late and twice"
    REPEATED_RECORDS = "commands and locations again, out of order"
    BAD_RECORDS = "records that are no messages, on every input"


# How long a fault lasts, in seconds, from and to.
LENGTHS: Mapping[Kind, tuple[float, float]] = {
    Kind.KILL_WORKER: (0.0, 4.0),
    Kind.PAUSE_WORKER: (8.0, 14.0),
    Kind.FREEZE_WORKER: (0.5, 4.0),
    Kind.STOP_WORKER: (0.0, 6.0),
    Kind.ADD_WORKER: (10.0, 25.0),
    Kind.DELETE_TABLE: (0.0, 4.0),
    Kind.KILL_BROKER: (0.0, 8.0),
    Kind.KILL_ALL_BROKERS: (0.0, 6.0),
    Kind.PAUSE_BROKER: (2.0, 8.0),
    Kind.SLOW_PAYMENTS: (5.0, 15.0),
    Kind.LYING_PAYMENTS: (8.0, 20.0),
    Kind.DEAD_PAYMENTS: (2.0, 10.0),
    Kind.SLOW_POS: (5.0, 15.0),
    Kind.LYING_POS: (8.0, 20.0),
    Kind.DEAD_POS: (2.0, 10.0),
    Kind.DEAD_PHONES: (2.0, 10.0),
    Kind.LOST_NETWORK: (8.0, 20.0),
    Kind.REPEATED_RECORDS: (0.0, 0.0),
    Kind.BAD_RECORDS: (0.0, 0.0),
}
ON_WORKERS = (
    Kind.KILL_WORKER,
    Kind.PAUSE_WORKER,
    Kind.FREEZE_WORKER,
    Kind.STOP_WORKER,
    Kind.DELETE_TABLE,
)
ON_BROKERS = (Kind.KILL_BROKER, Kind.KILL_ALL_BROKERS, Kind.PAUSE_BROKER)
ON_SANDBOX = {
    Kind.SLOW_PAYMENTS: "payments",
    Kind.LYING_PAYMENTS: "payments",
    Kind.DEAD_PAYMENTS: "payments",
    Kind.SLOW_POS: "pos",
    Kind.LYING_POS: "pos",
    Kind.DEAD_POS: "pos",
    Kind.DEAD_PHONES: "phones",
    Kind.LOST_NETWORK: "phones",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: from `at`, for `seconds`, both from the start of the faults.

    target: the name of a program, the number of a broker, or what else is struck.
    """

    at: float
    kind: Kind
    target: str
    seconds: float


def create_plan(
    seed: int, seconds: float, workers: int, nodes: int, gap_share: float = 1.0
) -> tuple[Fault, ...]:
    """The faults of a run, in the order of time; none begins after `seconds`.

    Kinds come from a shuffled deck, so that each comes once before any comes twice. Nothing is
    struck again before it had time to recover, but different things are struck together.
    """
    random = Random(seed)
    free_at: dict[str, float] = {}
    deck: list[Kind] = []
    plan: list[Fault] = []
    at = gap_share * random.uniform(*GAP_SECONDS)
    while at < seconds:
        if not deck:
            deck = random.sample(tuple(Kind), len(Kind))
        for kind in deck:
            targets = [
                target
                for target in _targets(kind, workers, nodes)
                if free_at.get(_place(target), 0.0) <= at
            ]
            if targets:
                deck.remove(kind)
                target = random.choice(targets)
                length = random.uniform(*LENGTHS[kind])
                plan.append(Fault(at, kind, target, length))
                rest = BROKER_REST_SECONDS if kind in ON_BROKERS else WORKER_REST_SECONDS
                free_at[_place(target)] = at + length + rest
                break
        at += gap_share * random.uniform(*GAP_SECONDS)
    return tuple(plan)


def worker_name(service: str, number: int) -> str:
    """The name of a service's worker in the stack, the first being 1."""
    return service if number == 1 else f"{service}-{number}"


def _targets(kind: Kind, workers: int, nodes: int) -> Sequence[str]:
    if kind in ON_WORKERS:
        return [worker_name(name, n) for name in SERVICES for n in range(1, workers + 1)]
    if kind is Kind.ADD_WORKER:
        return [worker_name(name, workers + 1) for name in SERVICES]
    if kind in ON_BROKERS:
        return [f"broker-{node}" for node in range(1, nodes + 1)]
    if kind in ON_SANDBOX:
        return [ON_SANDBOX[kind]]
    return [RECORDS]


def _place(target: str) -> str:
    """What recovers together: the brokers as one, anything else by itself."""
    return BROKERS if target.startswith("broker-") else target
