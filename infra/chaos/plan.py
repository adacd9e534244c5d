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
REST_SECONDS = 6.0
GAP_SECONDS = (2.5, 7.0)


class Kind(StrEnum):
    """What can go wrong."""

    KILL_WORKER = "kill -9 a worker, start it again"
    KILL_SERVICE = "kill -9 all workers of a service, start them again"
    PAUSE_WORKER = "stop a worker for longer than its session (SIGSTOP), let it go on"
    FREEZE_WORKER = "stop a worker for a moment (SIGSTOP), let it go on"
    STOP_WORKER = "stop a worker cleanly, start it again"
    ADD_WORKER = "add a worker, remove it later"
    REMOVE_WORKER = "remove a worker, add it again later"
    DELETE_TABLE = "kill -9 a worker and delete its RocksDB, start it again"
    KILL_BROKER = "kill -9 a broker, start it again"
    KILL_ALL_BROKERS = "kill -9 all brokers, start them again"
    PAUSE_BROKER = "stop a broker for a while (SIGSTOP), let it go on"
    KILL_UNHEARD = "kill -9 a worker while a broker that it waits for is stopped (SIGSTOP)"
    SLOW_PAYMENTS = "slow payment provider"
    LYING_PAYMENTS = "payment provider that times out after doing the work, or fails"
    DEAD_PAYMENTS = "kill -9 the payment provider, start it later"
    FROZEN_PAYMENTS = "stop the payment provider (SIGSTOP), let it go on"
    SLOW_POS = "slow point of sale"
    LYING_POS = "point of sale that times out after doing the work, fails, calls back twice"
    DEAD_POS = "kill -9 the point of sale, start it later"
    FROZEN_POS = "stop the point of sale (SIGSTOP), let it go on"
    DEAD_PHONES = "kill -9 all driver phones, start them later"
    LOST_NETWORK = "phones lose their network, send late and twice"
    FICKLE_POS = "restaurants that answer later, refuse, take it back, move the ready time"
    MEAN_PAYMENTS = "payment provider that refuses refunds"
    UNWILLING_DRIVERS = (
        "drivers who reject and ignore offers, give up, name wrong codes, find nobody"
    )
    REPEATED_RECORDS = "commands and locations again, out of order"
    BAD_RECORDS = "records that are no messages, on every input"


# How long a fault lasts, in seconds, from and to.
LENGTHS: Mapping[Kind, tuple[float, float]] = {
    Kind.KILL_WORKER: (0.0, 4.0),
    Kind.KILL_SERVICE: (0.0, 6.0),
    Kind.PAUSE_WORKER: (8.0, 14.0),
    Kind.FREEZE_WORKER: (0.5, 4.0),
    Kind.STOP_WORKER: (0.0, 6.0),
    Kind.ADD_WORKER: (10.0, 25.0),
    Kind.REMOVE_WORKER: (12.0, 25.0),
    Kind.DELETE_TABLE: (0.0, 4.0),
    Kind.KILL_BROKER: (0.0, 8.0),
    Kind.KILL_ALL_BROKERS: (0.0, 6.0),
    Kind.PAUSE_BROKER: (2.0, 8.0),
    Kind.KILL_UNHEARD: (1.0, 5.0),
    Kind.SLOW_PAYMENTS: (5.0, 15.0),
    Kind.LYING_PAYMENTS: (8.0, 20.0),
    Kind.DEAD_PAYMENTS: (2.0, 10.0),
    Kind.FROZEN_PAYMENTS: (2.0, 10.0),
    Kind.SLOW_POS: (5.0, 15.0),
    Kind.LYING_POS: (8.0, 20.0),
    Kind.DEAD_POS: (2.0, 10.0),
    Kind.FROZEN_POS: (2.0, 10.0),
    Kind.DEAD_PHONES: (2.0, 10.0),
    Kind.LOST_NETWORK: (8.0, 20.0),
    Kind.FICKLE_POS: (8.0, 20.0),
    Kind.MEAN_PAYMENTS: (5.0, 15.0),
    Kind.UNWILLING_DRIVERS: (8.0, 20.0),
    Kind.REPEATED_RECORDS: (0.0, 0.0),
    Kind.BAD_RECORDS: (0.0, 0.0),
}
ON_WORKERS = (
    Kind.KILL_WORKER,
    Kind.PAUSE_WORKER,
    Kind.FREEZE_WORKER,
    Kind.STOP_WORKER,
    Kind.REMOVE_WORKER,
    Kind.DELETE_TABLE,
)
ON_ONE_BROKER = (Kind.KILL_BROKER, Kind.PAUSE_BROKER)
ON_BROKERS = (*ON_ONE_BROKER, Kind.KILL_ALL_BROKERS, Kind.KILL_UNHEARD)
AND = " and "
ON_SANDBOX = {
    Kind.SLOW_PAYMENTS: "payments",
    Kind.LYING_PAYMENTS: "payments",
    Kind.DEAD_PAYMENTS: "payments",
    Kind.FROZEN_PAYMENTS: "payments",
    Kind.SLOW_POS: "pos",
    Kind.LYING_POS: "pos",
    Kind.DEAD_POS: "pos",
    Kind.FROZEN_POS: "pos",
    Kind.DEAD_PHONES: "phones",
    Kind.LOST_NETWORK: "phones",
    Kind.FICKLE_POS: "pos",
    Kind.MEAN_PAYMENTS: "payments",
    Kind.UNWILLING_DRIVERS: "phones",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: from `at`, for `seconds`, both from the start of the faults.

    target: a program, a service, `broker-<number>`, BROKERS, RECORDS, or a program AND a broker.
    """

    at: float
    kind: Kind
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.target}, {self.seconds:.1f} s"


def create_plan(
    seed: int, seconds: float, workers: int, nodes: int, gap_share: float = 1.0
) -> tuple[Fault, ...]:
    """The faults of a run, in the order of time; none begins after `seconds`.

    Kinds come from a shuffled deck, so that each comes once before any comes twice, and so do the
    targets of each kind. Nothing is struck again before it had time to recover, but different
    things are struck together.

    Args:
        workers: of each service; one more of each is there to be added.
        nodes: brokers.
        gap_share: of GAP_SECONDS, from one fault to the next.
    """
    random = Random(seed)
    free_at: dict[str, float] = {}
    kinds: list[Kind] = []
    targets: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    plan: list[Fault] = []
    at = gap_share * random.uniform(*GAP_SECONDS)
    while at < seconds:
        if not kinds:
            kinds = random.sample(tuple(Kind), len(Kind))
        for kind in kinds:
            if not targets[kind]:
                every = targets_of(kind, workers, nodes)
                targets[kind] = random.sample(every, len(every))
            target = _first_free(kind, targets[kind], workers, free_at, at)
            if target is not None:
                kinds.remove(kind)
                targets[kind].remove(target)
                length = random.uniform(*LENGTHS[kind])
                plan.append(Fault(at, kind, target, length))
                rest = BROKER_REST_SECONDS if kind in ON_BROKERS else REST_SECONDS
                for place in places_of(kind, target, workers):
                    free_at[place] = at + length + rest
                break
        at += gap_share * random.uniform(*GAP_SECONDS)
    return tuple(plan)


def worker_names(service: str, workers: int) -> tuple[str, ...]:
    """The programs of a service in the stack, the first being called as the service is."""
    return (service, *(f"{service}-{number}" for number in range(2, workers + 1)))


def targets_of(kind: Kind, workers: int, nodes: int) -> Sequence[str]:
    """All that a kind of fault can strike."""
    every_worker = [name for service in SERVICES for name in worker_names(service, workers)]
    every_broker = [f"broker-{node}" for node in range(1, nodes + 1)]
    if kind in ON_WORKERS:
        return every_worker
    if kind is Kind.KILL_UNHEARD:
        return [f"{worker}{AND}{broker}" for worker in every_worker for broker in every_broker]
    if kind is Kind.KILL_SERVICE:
        return SERVICES
    if kind is Kind.ADD_WORKER:
        return [worker_names(service, workers + 1)[-1] for service in SERVICES]
    if kind in ON_ONE_BROKER:
        return every_broker
    if kind is Kind.KILL_ALL_BROKERS:
        return [BROKERS]
    return [ON_SANDBOX.get(kind, RECORDS)]


def places_of(kind: Kind, target: str, workers: int) -> tuple[str, ...]:
    """What a fault strikes, as the things that recover by themselves; all brokers are one."""
    if kind is Kind.KILL_UNHEARD:
        return (target.partition(AND)[0], BROKERS)
    if kind in ON_BROKERS:
        return (BROKERS,)
    if kind is Kind.KILL_SERVICE:
        return worker_names(target, workers)
    return (target,)


def _first_free(
    kind: Kind, targets: Sequence[str], workers: int, free_at: Mapping[str, float], at: float
) -> str | None:
    for target in targets:
        if all(free_at.get(place, 0.0) <= at for place in places_of(kind, target, workers)):
            return target
    return None
