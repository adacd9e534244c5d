"""`tiffin verify` on a real stack: clean as built, and violated with each planted defect."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import msgspec
import pytest

from infra.stack import SERVICES, Stack, StackPlan
from infra.tiffin import main
from tests.e2e.conftest import FAST
from tests.e2e.world import World
from tests.verify.broken_worker import EXIT_CRASHED

pytestmark = pytest.mark.kafka

# What must follow may take its time where nothing that is missing is looked for.
PATIENT_SECONDS = 60.0
SETTLE_SECONDS = 4.0
AT_REST_SECONDS = 0.5
STEP_SECONDS_MAX = 60.0
POLL_SECONDS = 0.2


class Verified:
    """A stack that is verified again and again; only what is new counts each time."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str], seen: set[str]) -> None:
        self.world = world
        self._capsys = capsys
        self._seen = seen

    async def verify(
        self, *more: str, settle_seconds: float = PATIENT_SECONDS
    ) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        """The exit code, and the violations by rule that no earlier call has told."""
        plan = self.world.stack.plan
        words = ["verify", "--json", "--bootstrap", self.world.stack.bootstrap]
        for name in (*SERVICES, "payments", "pos"):
            words += [f"--{name}-url", plan.url(name)]
        words += ["--settle-seconds", str(settle_seconds)]
        words += ["--outcome-seconds", str(settle_seconds), *more]
        self._capsys.readouterr()
        code = await asyncio.to_thread(main, words)
        proof = msgspec.json.decode(self._capsys.readouterr().out)
        new: dict[str, list[dict[str, Any]]] = {}
        for verdict in proof["rules"]:
            for violation in verdict["violations"]:
                named = f"{verdict['rule']} {violation['aggregate']} {violation['place']}"
                if named not in self._seen:
                    self._seen.add(named)
                    new.setdefault(verdict["rule"], []).append(violation)
        assert code == int(not proof["clean"])
        return code, new

    async def verify_until_clean(self, *more: str) -> None:
        """Returns once nothing is violated, not even what has only begun to be late."""
        at_rest = Verified(self.world, self._capsys, set())
        until = time.monotonic() + STEP_SECONDS_MAX
        while (await at_rest.verify(*more, settle_seconds=AT_REST_SECONDS))[0] != 0:
            assert time.monotonic() < until, at_rest._seen
            await asyncio.sleep(POLL_SECONDS)

    async def verify_until(
        self, *rules: str, settle_seconds: float = PATIENT_SECONDS
    ) -> dict[str, list[dict[str, Any]]]:
        """The new violations once each of these rules has one; exit code 1."""
        until = time.monotonic() + STEP_SECONDS_MAX
        found: dict[str, list[dict[str, Any]]] = {}
        while not set(rules) <= found.keys():
            assert time.monotonic() < until, f"{rules} were not violated, only {found}"
            code, new = await self.verify(settle_seconds=settle_seconds)
            for rule, violations in new.items():
                found.setdefault(rule, []).extend(violations)
            assert code == int(bool(self._seen))
        return found

    async def plant(self, mode: str = "", service: str = "") -> None:
        """Has this service run with a defect, and all others without."""
        for name in SERVICES:
            program = self.world.stack.programs[name]
            arguments: tuple[str, ...] = (f"services.{name}", "worker", "-l", "info")
            if name == service:
                arguments = ("tests.verify.broken_worker", mode, name, *arguments[1:])
            if program.arguments != arguments or not program.is_running:
                program.kill()
                program.arguments = arguments
                program.start()
        for name in SERVICES:
            await asyncio.to_thread(self.world.stack.programs[name].wait_ready)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, since what is planted in its log stays."""
    directory = tmp_path_factory.mktemp("verify")
    stack = Stack(StackPlan.on_free_ports(directory, environment=FAST))
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def seen() -> set[str]:
    """The violations that were told so far."""
    return set()


@pytest.fixture
async def verified(
    running: Stack, seen: set[str], capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Verified]:
    """The stack, its outside, and the verifier."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        yield Verified(World(running, client), capsys, seen)


async def test_a_sound_build_is_clean(verified: Verified) -> None:
    """Orders that are delivered, declined, refused, repeated, for later, or bad: nothing is wrong.

    Also while they are on their way.
    """
    world = verified.world
    await verified.plant()
    submitted = world.order()
    orders = [await world.submit(submitted), await world.produce_order(world.order())]
    orders.append(await world.submit(world.order(delay_seconds=1)))
    orders.append(await world.submit(world.order(payment_token="tok_timeout_once")))
    await world.produce_order(submitted)
    declined = await world.submit(world.order(payment_token="tok_declined"))
    refused = await world.submit(world.order(restaurant={"restaurant_id": "refuses-grill"}))
    await world.produce("order.commands", b"bad", b"not an order")
    assert await verified.verify() == (0, {})
    await world.reaches(declined, "REJECTED")
    await world.reaches(refused, "CANCELLED")
    for order_id in orders:
        await world.reaches(order_id, "DELIVERED")
    await verified.verify_until_clean("--open-seconds-max", "60")


async def test_an_event_applied_twice_is_told(verified: Verified) -> None:
    """A driver that has come before another in the log comes behind it in the region's table."""
    world = verified.world
    await verified.plant("apply_twice", "matcher")
    location = {"latitude": 37.3, "longitude": -121.9}
    availability = {"available": True, "region": "twice", "location": location}
    for driver in ("driver-of-two", "second-of-two"):
        url = f"{world.url('driver')}/drivers/{driver}/availability"
        answer = await world.client.put(url, json=availability)
        assert answer.status_code == 202
    found = await verified.verify_until("tables")
    assert set(found) == {"tables"}
    assert {each["aggregate"] for each in found["tables"]} == {"matcher/twice"}


async def test_a_doubled_effect_is_told(verified: Verified) -> None:
    """A second charge and a second ticket are in the ledgers, with keys that no order has."""
    await verified.plant("double_effect", "order")
    order_id = await verified.world.submit(verified.world.order())
    await verified.world.reaches(order_id, "DELIVERED")
    found = await verified.verify_until("charges", "money", "tickets")
    assert set(found) == {"charges", "money", "tickets"}
    assert {each["order_id"] for each in found["tickets"]} == {order_id}


async def test_an_early_timer_is_told(verified: Verified) -> None:
    """A preparation that begins before its time."""
    await verified.plant("fire_early", "order")
    order_id = await verified.world.submit(verified.world.order(delay_seconds=3))
    await verified.world.reaches(order_id, "DELIVERED")
    found = await verified.verify_until("schedule")
    assert set(found) == {"schedule"}
    assert {each["order_id"] for each in found["schedule"]} == {order_id}


async def test_an_early_commit_is_told(verified: Verified) -> None:
    """An acknowledged order is lost by a crash between the commit and the decision."""
    service = verified.world.stack.programs["order"]
    await verified.plant("commit_early", "order")
    order_id = await verified.world.submit(verified.world.order())
    while service.is_running:
        await asyncio.sleep(0.1)
    assert service.exit_code == EXIT_CRASHED
    await verified.plant()
    found = await verified.verify_until("orders", settle_seconds=SETTLE_SECONDS)
    assert set(found) == {"orders"}
    assert [each["order_id"] for each in found["orders"]] == [order_id]


async def test_an_outcome_that_was_dropped_is_told(verified: Verified) -> None:
    """The ledgers, and the clock, know what the order service lost."""
    await verified.plant("drop_outcome", "order")
    submitted = [await verified.world.submit(verified.world.order()) for _ in range(3)]
    found = await verified.verify_until("outcomes", settle_seconds=SETTLE_SECONDS)
    assert {each["order_id"] for each in found["outcomes"]} <= set(submitted)
    assert set(found) <= {"outcomes", "reactions"}


async def test_a_dropped_send_is_told(verified: Verified) -> None:
    """What the delivery service was told and lost leaves an event without its reaction."""
    await verified.plant("drop_send", "delivery")
    submitted = {await verified.world.submit(verified.world.order()) for _ in range(3)}
    lost: list[Any] = []
    while not lost:
        found = await verified.verify_until("reactions", settle_seconds=SETTLE_SECONDS)
        lost = [each for each in found["reactions"] if each["order_id"] in submitted]
        assert set(found) <= {"drivers", "outcomes", "reactions", "returns"}


async def test_what_is_not_there_is_told_in_one_sentence(
    running: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 for a broker or a front that does not answer."""
    for words in (
        ("--bootstrap", "127.0.0.1:1"),
        ("--bootstrap", running.bootstrap, "--payments-url", "http://127.0.0.1:1"),
    ):
        assert await asyncio.to_thread(main, ["verify", *words]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1
