"""What restaurants tell the order front about a ticket, and what they do when that is refused."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.sandbox.settings import Settings

from .asgi import eventually, running
from .test_callbacks import Receiver, pos, settled
from .test_restaurant_pos import post, ticket, tickets

pytestmark = pytest.mark.asyncio

SHORT = {"accept_delay_seconds": 0.02}

ACCEPT = "POST accept"
REFUSE = "POST refuse"
UNDO = "POST undo-refusal"
READY_TIME = "PUT ready-time"
FINISHED = "POST preparation-finished"


@pytest.mark.parametrize(
    ("restaurant_id", "faults", "answered", "became", "calls"),
    [
        ("asks-r-1", {}, "received", "accepted", [ACCEPT, FINISHED]),
        ("asks-refuses-r-1", {}, "received", "refused", [REFUSE]),
        ("changes-mind-r-1", {}, "received", "accepted", [REFUSE, UNDO, ACCEPT, FINISHED]),
        ("silent-r-1", {}, "received", "received", []),
        ("later-r-1", {}, "accepted", "accepted", [READY_TIME, FINISHED]),
        ("r-1", {"ask_share": 1}, "received", "accepted", [ACCEPT, FINISHED]),
        ("r-1", {"refuse_later_share": 1}, "accepted", "refused", [REFUSE]),
        (
            "r-1",
            {"refuse_later_share": 1, "undo_share": 1},
            "accepted",
            "accepted",
            [REFUSE, UNDO, FINISHED],
        ),
        ("asks-r-1", {"callback_copies": 0}, "received", "accepted", [ACCEPT]),
        (
            "r-1",
            {"ask_share": 1, "ready_change_share": 1},
            "received",
            "accepted",
            [ACCEPT, READY_TIME, FINISHED],
        ),
    ],
)
async def test_what_a_restaurant_tells(
    settings: Settings,
    restaurant_id: str,
    faults: dict[str, object],
    answered: str,
    became: str,
    calls: list[str],
) -> None:
    """Restaurants and faults decide what a printed ticket is answered, and what is told later."""
    receiver = Receiver(202)
    async with running(pos(settings, receiver)) as client:
        await client.put("/faults", json={**SHORT, **faults})
        made = await post(client, "k1", ticket(restaurant_id))
        await settled(client)
        [entry] = await tickets(client)
    assert (made.status_code, made.json()["status"]) == (201, answered)
    assert (entry["status"], entry["printed"]) == (became, 1)
    assert receiver.calls == calls


async def test_what_the_callbacks_say(settings: Settings) -> None:
    """A refusal has its reason, an acceptance whole seconds, a ready time an instant to come."""
    receiver = Receiver(202)
    async with running(pos(settings, receiver)) as client:
        await client.put("/faults", json={**SHORT, "ready_change_share": 1})
        before = datetime.now(UTC)
        await post(client, "k1", ticket("changes-mind-r-1"))
        await settled(client)
    refuse, undo, accept, ready_time, finished = receiver.bodies
    assert refuse["reason"] == "too_busy"
    assert refuse["detail"]
    assert accept == {"preparation_seconds": 1}
    assert datetime.fromisoformat(ready_time["ready_at"]) > before
    assert (undo, finished) == ({}, {})
    assert receiver.times == sorted(receiver.times)


async def test_a_refused_answer_ends_the_callbacks(settings: Settings) -> None:
    """An acceptance that stays refused is given up, and nothing more is told."""
    receiver = Receiver(404, 409)
    few = replace(settings, callback_refusals_max=3)
    async with running(pos(few, receiver)) as client:
        await client.put("/faults", json=SHORT)
        await post(client, "k1", ticket("asks-r-1"))
        await settled(client)
        [entry] = await tickets(client)
    assert receiver.calls == [ACCEPT] * 3
    assert [(step["attempts"], step["outcome"]) for step in entry["callbacks"]] == [
        (3, "refused"),
        (0, "dropped"),
    ]


async def test_a_refused_ready_time_is_left(settings: Settings) -> None:
    """A ready time that stays refused does not keep back the end of the preparation."""
    receiver = Receiver(409, 409, 202)
    few = replace(settings, callback_refusals_max=2)
    async with running(pos(few, receiver)) as client:
        await post(client, "k1", ticket("later-r-1"))
        await settled(client)
    assert receiver.calls == [READY_TIME, READY_TIME, FINISHED]


async def test_answers_that_say_nothing_are_no_refusals(settings: Settings) -> None:
    """Whoever is unreachable, failing or overloaded has not refused."""
    receiver = Receiver(0, 503, 429, 0, 500, 202)
    few = replace(settings, callback_refusals_max=1)
    async with running(pos(few, receiver)) as client:
        await client.put("/faults", json=SHORT)
        await post(client, "k1", ticket("asks-r-1"))
        await settled(client)
    assert receiver.calls == [ACCEPT] * 6 + [FINISHED]


async def test_a_restart_goes_on_with_the_next_step(settings: Settings) -> None:
    """Steps that one run has told are not told by the next."""
    first, second = Receiver(202), Receiver(202)
    slow = replace(settings, preparation_seconds=0.2)
    async with running(pos(slow, first)) as client:
        await client.put("/faults", json=SHORT)
        await post(client, "k1", ticket("asks-r-1"))

        async def has_accepted() -> bool:
            [entry] = await tickets(client)
            return bool(entry["callbacks"][0]["outcome"] == "acknowledged")

        await eventually(has_accepted)
    async with running(pos(slow, second)) as client:
        await settled(client)
    assert (first.calls, second.calls) == ([ACCEPT], [FINISHED])
