"""One chaos run: a stack, its load, its faults, and the proof at the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from rich.console import Console

from infra.admin import quiet_clients
from infra.chaos.damage import Damage
from infra.chaos.load import Partners
from infra.chaos.mischief import Mischief
from infra.chaos.people import People
from infra.chaos.plan import Fault, create_plan, worker_names
from infra.chaos.report import Tale
from infra.chaos.supervisor import Supervisor
from infra.chaos.vigil import Vigil
from infra.stack import SANDBOX, SERVICES, Stack, StackPlan
from infra.tiffin import main as tiffin
from infra.verify.evidence import Patience

FINAL_STATUSES = frozenset({"DELIVERED", "REJECTED", "CANCELLED"})
OPEN_PAYMENTS = frozenset({"REFUNDING", "VOIDING"})
FINAL_DELIVERIES = frozenset({"DELIVERED", "RETURNED", "CANCELLED", "WRITTEN_OFF"})
BUSY_DRIVERS = frozenset({"OFFERED", "ON_DELIVERY"})
ASK_SECONDS = 2.0
CALL_SECONDS_MAX = 5.0
FINDINGS_SHOWN = 8
# A world that is quick, so that many orders are at every stage at once.
QUICK = {
    "TIFFIN_SANDBOX_TICK_SECONDS": "0.4",
    "TIFFIN_SANDBOX_PAUSE_SECONDS": "0.3",
    "TIFFIN_SANDBOX_SPEED_MPS": "4000",
    "TIFFIN_SANDBOX_PREPARATION_SECONDS": "1",
    "TIFFIN_SANDBOX_DRIVER_COUNT": "10",
    "TIFFIN_DRIVER_SPEED_MPS": "4000",
    "TIFFIN_PREPARATION_SECONDS": "1",
    "TIFFIN_EFFECT_TIMEOUT_SECONDS": "2",
    "TIFFIN_EFFECT_BACKOFF_SECONDS": "0.3",
    "TIFFIN_EFFECT_BACKOFF_SECONDS_MAX": "5",
    "TIFFIN_SNAPSHOT_HOURS": "0.01",
    "TIFFIN_REFUSAL_GRACE_SECONDS": "1.5",
    "TIFFIN_ACCEPT_SECONDS_MAX": "25",
    "TIFFIN_OFFER_SECONDS_MAX": "4",
    "TIFFIN_SILENCE_MINUTES_MAX": "0.7",
    "TIFFIN_SILENCE_GRACE_SECONDS": "10",
    "TIFFIN_MATCH_MINUTES_MAX": "0.5",
    "TIFFIN_SANDBOX_LOCATION_SECONDS": "1",
}


@dataclass(frozen=True, slots=True)
class ChaosSettings:
    """How a run is.

    settle_seconds_max: from the last fault until every order has ended.
    gap_share: of the usual time between two faults.
    needs_every_kind: whether a run without one kind of fault has failed.
    """

    directory: Path
    seed: int
    seconds: float = 1200.0
    nodes: int = 3
    workers: int = 2
    rate: float = 1.0
    settle_seconds_max: float = 180.0
    gap_share: float = 1.0
    needs_every_kind: bool = True

    @property
    def plan(self) -> tuple[Fault, ...]:
        """The faults of the run."""
        return create_plan(self.seed, self.seconds, self.workers, self.nodes, self.gap_share)


Judge = Callable[[Stack, ChaosSettings, Tale], bool]


def run_chaos(settings: ChaosSettings, console: Console, ask: Judge | None = None) -> bool:
    """True when nothing was lost, nothing was doubled, and every fault was had.

    Args:
        ask: says whether the stack is as it should be; the verifier when left out.

    Raises:
        BrokerError, ProgramError: the stack can't be started.
    """
    tale = Tale(console)
    stack = Stack(
        StackPlan.on_free_ports(
            settings.directory, settings.workers + 1, settings.nodes, environment=QUICK
        )
    )
    spare = [worker_names(service, settings.workers + 1)[-1] for service in SERVICES]
    console.print(f"seed {settings.seed}, {settings.seconds:g} s, in {settings.directory}")
    stack.start(besides=spare)
    try:
        with quiet_clients():
            asyncio.run(_hurt(stack, settings, tale))
        # So that nothing in the log is too young for the verifier to judge.
        time.sleep(Patience().settle_seconds)
        is_clean = (ask or judge)(stack, settings, tale)
    finally:
        stack.stop()
    for line in tale.summary():
        console.print(line, markup=False)
    if settings.needs_every_kind and tale.missing:
        console.print(f"never struck: {'; '.join(tale.missing)}", markup=False)
        return False
    return is_clean and not tale.surprises


async def _hurt(stack: Stack, settings: ChaosSettings, tale: Tale) -> None:
    """Orders and faults side by side; returns when every order has ended, or the time is up."""
    async with (
        httpx.AsyncClient(timeout=CALL_SECONDS_MAX, trust_env=False) as client,
        _producer(stack) as producer,
    ):
        mischief = Mischief(_random(settings, "mischief"), tale, producer)
        partners = Partners(
            stack, _random(settings, "partners"), tale, client, producer, settings.workers
        )
        people = People(stack, _random(settings, "people"), tale, client, settings.workers)
        supervisor = Supervisor(stack, tale)
        damage = Damage(stack, tale, client, mischief, supervisor)
        tale.begin()
        helpers = [
            asyncio.create_task(_help(tale, helper))
            for helper in (
                supervisor.watch_programs(),
                supervisor.watch_brokers(),
                Vigil(stack, tale, client).watch(),
                mischief.read_along(stack.bootstrap, stack.plan.partitions),
                people.look_after(),
            )
        ]
        try:
            await asyncio.gather(
                partners.order_for(settings.seconds, settings.rate),
                people.wish_for(settings.seconds),
                damage.follow(settings.plan),
            )
            tale.say("the faults are over")
            await _settle(stack, settings, tale, client)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)


def _random(settings: ChaosSettings, name: str) -> Random:
    """Dice of its own for everyone, so that nobody's rolls depend on who comes first."""
    return Random(f"{settings.seed}/{name}")


async def _help(tale: Tale, helper: Coroutine[Any, Any, None]) -> None:
    try:
        await helper
    except Exception as error:
        tale.surprise(f"a part of the chaos itself failed: {error!r}")


@asynccontextmanager
async def _producer(stack: Stack) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.bootstrap, acks="all", enable_idempotence=True
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _settle(
    stack: Stack, settings: ChaosSettings, tale: Tale, client: httpx.AsyncClient
) -> None:
    begun = time.monotonic()
    left: Mapping[str, int] = {}
    while time.monotonic() - begun < settings.settle_seconds_max:
        try:
            left = {
                "orders": await _count(stack, client, "order", "/orders", _is_open),
                "deliveries": await _count(
                    stack,
                    client,
                    "delivery",
                    "/deliveries",
                    lambda each: each["status"] not in FINAL_DELIVERIES,
                ),
                "drivers": await _count(
                    stack, client, "driver", "/drivers", lambda each: each["status"] in BUSY_DRIVERS
                ),
            }
        except (httpx.HTTPError, KeyError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            tale.say(f"not settled: {reason}")
        else:
            if not any(left.values()):
                tale.settle_seconds = time.monotonic() - begun
                tale.say(f"all orders have ended, {tale.settle_seconds:.1f} s after the faults")
                return
        await asyncio.sleep(ASK_SECONDS)
    open_ = ", ".join(f"{count} {what}" for what, count in left.items())
    tale.surprise(f"open {settings.settle_seconds_max:g} s after the faults: {open_}")


def _is_open(order: Mapping[str, Any]) -> bool:
    """True when the order has not ended, or its money or its ticket is not settled."""
    return (
        order["status"] not in FINAL_STATUSES
        or order["payment"] in OPEN_PAYMENTS
        or order["is_ticket_cancellation_due"]
        or any(refund["status"] == "REFUSED" for refund in order["refunds"])
    )


async def _count(
    stack: Stack,
    client: httpx.AsyncClient,
    service: str,
    path: str,
    counts: Callable[[Mapping[str, Any]], bool],
) -> int:
    """How many of a list, all its pages, are such."""
    found, cursor = 0, ""
    while True:
        answer = await client.get(f"{stack.plan.url(service)}{path}?limit=500{cursor}")
        answer.raise_for_status()
        page = answer.json()
        found += sum(1 for each in page["items"] if counts(each))
        if page["cursor"] is None:
            return found
        cursor = f"&cursor={page['cursor']}"


def judge(stack: Stack, settings: ChaosSettings, tale: Tale) -> bool:
    """What `tiffin verify` says, with the acknowledged orders in its hand; none may be open."""
    acknowledged = settings.directory / "acknowledged"
    acknowledged.write_text("\n".join(sorted(tale.acknowledged)))
    words = ["verify", "--bootstrap", stack.bootstrap, "--acknowledged", str(acknowledged)]
    words += ["--open-seconds-max", "0", "--shown", str(FINDINGS_SHOWN)]
    for name in (*SERVICES, *SANDBOX):
        if name != "phones":
            words += [f"--{name}-url", stack.plan.url(name)]
    return tiffin(words) == 0
