"""Operators find what was put aside, correct it and put it back, or away."""

import asyncio
import io
import os
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from infra.tiffin import main
from services.common.codec import encode_event
from services.common.decider import Envelope
from services.common.messages.delivery import DeliveryPickedUp
from tests.common.memory_log import MemoryLog
from tests.common.tally import EPOCH
from tests.dead_letters import aside
from tests.dead_letters.aside import record
from tests.e2e.world import POLL_SECONDS, World, order_id_of

PUT_ASIDE_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the command line ended."""

    code: int | None
    out: str
    err: str


async def tiffin(world: World, *words: str, **environ: str) -> Ended:
    """Runs `tiffin dead-letters` against the stack; without the cost of a new process."""
    line = ["dead-letters", *words, "--bootstrap", world.stack.bootstrap]
    out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    with (
        patch.dict(os.environ, {"LOGNAME": "ann", **environ}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = await asyncio.to_thread(main, line)
    return Ended(code, _written(out), _written(err))


def _written(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


async def tiffin_as_a_program(world: World, *words: str) -> Ended:
    """Runs `tiffin dead-letters` against the stack, as an operator would."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "infra.tiffin", "dead-letters", *words),
        *("--bootstrap", world.stack.bootstrap),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await program.communicate()
    return Ended(program.returncode, out.decode(), err.decode())


async def done(world: World, *words: str, **environ: str) -> str:
    """What a run that must succeed has printed."""
    ended = await tiffin(world, *words, **environ)
    assert ended.code == 0, ended.err
    return ended.out


async def refused(world: World, *words: str) -> str:
    """What a run that must fail with one sentence has said."""
    ended = await tiffin(world, *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    return ended.err


async def put_aside(world: World, key: bytes | None, value: bytes) -> str:
    """The id of the letter of a record that order.commands can't take."""
    before = {each["letter"]["id"] for each in await listed(world)}
    await world.produce("order.commands", key, value)
    until = time.monotonic() + PUT_ASIDE_SECONDS_MAX
    while time.monotonic() < until:
        new = [
            each["letter"]["id"]
            for each in await listed(world)
            if each["letter"]["id"] not in before
        ]
        if new:
            (letter_id,) = new
            return str(letter_id)
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError("nothing was put aside")


async def listed(world: World, *words: str) -> list[dict[str, Any]]:
    """The letters of the order service as programs read them."""
    lines = await done(world, "list", "--service", "order", "--json", *words)
    return [msgspec.json.decode(line) for line in lines.splitlines()]


def bad_price(order: dict[str, Any]) -> bytes:
    """A command that submits the order at a negative price."""
    items = [{**order["items"][0], "price_cents": -1}]
    return msgspec.json.encode({"type": "SubmitOrder", **order, "items": items})


def good(path: Path, order: dict[str, Any]) -> str:
    """A file with the command that submits the order."""
    path.write_bytes(msgspec.json.encode({"type": "SubmitOrder", **order}))
    return str(path)


def kept(path: str) -> str:
    """What an edit has left in a file, which is removed."""
    text = Path(path).read_text()
    Path(path).unlink()
    return text


async def test_a_bad_order_is_corrected_and_delivered_once(world: World, tmp_path: Path) -> None:
    """Listed, shown, refused as it is, replayed with a right price, and counted once for good."""
    order = world.order()
    order_id = order_id_of(order)
    letter_id = await put_aside(world, order_id.encode(), bad_price(order))

    shown = await done(world, "list")
    assert f"{letter_id}  order" in shown
    page = await done(world, "show", letter_id[:18])
    assert 'price_cents": -1' in page
    assert order_id in page
    raw = await tiffin_as_a_program(world, "show", letter_id, "--raw")
    assert raw == Ended(0, bad_price(order).decode(), "")
    assert "price_cents" in await refused(world, "replay", letter_id)

    value = good(tmp_path / "order.json", order)
    dry = await done(world, "replay", letter_id, "--value", value, "--dry-run")
    assert f"key        {order_id}" in dry
    (open_letter,) = [e for e in await listed(world) if e["letter"]["id"] == letter_id]
    assert open_letter["resolutions"] == []

    await done(world, "replay", letter_id, "--value", value, "--note", "a typing error")
    await world.reaches(order_id, "DELIVERED")
    assert letter_id not in {each["letter"]["id"] for each in await listed(world)}
    (resolved,) = msgspec.json.decode(await done(world, "show", letter_id, "--json"))["resolutions"]
    assert (resolved["action"], resolved["by"]) == ("replayed", "ann")
    assert resolved["note"] == "a typing error"
    assert msgspec.json.decode(resolved["value"]) == {"type": "SubmitOrder", **order}
    assert resolved["appended"][0].startswith("order.commands/")

    assert "--again" in await refused(world, "replay", letter_id, "--value", value)
    await done(world, "replay", letter_id, "--value", value, "--again")
    assert "replayed by ann" in await refused(world, "discard", letter_id, "--note", "no")
    # What comes after it in its partition tells that the replay was taken.
    await world.reaches(await world.submit(world.order()), "DELIVERED")
    created = [
        each
        for each in await world.records("order.events")
        if each["type"] == "OrderCreated" and each["order_id"] == order_id
    ]
    assert len(created) == 1
    assert len(await world.charges(order_id)) == 1
    assert len(await world.tickets(order_id)) == 1
    assert (await world.get("order", f"/orders/{order_id}"))["status"] == "DELIVERED"


async def test_a_letter_is_edited_in_the_editor(world: World) -> None:
    """A letter without a key: the record gets that of its order. A failed edit is kept."""
    order = world.order()
    letter_id = await put_aside(world, None, bad_price(order))
    assert (await listed(world))[-1]["letter"]["key"] is None
    editor = "sed -i /price_cents/s/-1/"
    worse = await tiffin(world, "replay", letter_id, "--edit", EDITOR=f"{editor}-2/")
    assert worse.code == 1
    assert '": -2' in kept(worse.err.strip().rpartition(" ")[2])
    await done(world, "replay", letter_id, "--edit", EDITOR=f"{editor}450/")
    await world.reaches(order_id_of(order), "DELIVERED")


async def test_a_discarded_letter_is_hidden_and_kept(world: World) -> None:
    """It says why, and by whom; to repeat it changes nothing."""
    letter_id = await put_aside(world, b"k", b"junk")
    assert "discarded" in await done(world, "discard", letter_id, "--note", "a test")
    assert "discarded by ann" in await done(world, "discard", letter_id, "--note", "again")
    assert letter_id not in await done(world, "list")
    (letter,) = [e for e in await listed(world, "--all") if e["letter"]["id"] == letter_id]
    (resolved,) = letter["resolutions"]
    assert (resolved["by"], resolved["note"]) == ("ann", "a test")
    assert "--again" in await refused(world, "replay", letter_id)


@pytest.mark.parametrize("characters", [2_000_000, 4_100_000])
async def test_a_letter_of_many_megabytes(world: World, tmp_path: Path, characters: int) -> None:
    """It is listed, shown, written out whole, and replayed with less in it."""
    order = world.order()
    order_id = order_id_of(order)
    items = [{**order["items"][0], "name": "x" * characters}]
    value = msgspec.json.encode({"type": "SubmitOrder", **order, "items": items})
    letter_id = await put_aside(world, order_id.encode(), value)
    assert (await listed(world))[-1]["value_bytes"] == len(value)
    assert "cut after" in await done(world, "show", letter_id)
    assert await done(world, "show", letter_id, "--raw") == value.decode()
    assert "bytes" in await refused(world, "replay", letter_id)
    await done(world, "replay", letter_id, "--value", good(tmp_path / "order.json", order))
    await world.reaches(order_id, "DELIVERED")


async def test_a_forced_replay_goes_back_as_it_is(world: World) -> None:
    """And is put aside again, as another letter, where nothing has become right."""
    letter_id = await put_aside(world, b"k", b"junk again")
    await done(world, "replay", letter_id, "--force")
    letter = await world.eventually(
        lambda letters: next(
            (
                each
                for each in letters
                if each.get("value") == "junk again" and each["id"] != letter_id
            ),
            None,
        ),
        "order.dead-letters",
    )
    assert letter["key"] == "k"
    await done(world, "discard", letter["id"], "--note", "a test")


async def test_the_event_of_a_failed_reaction_is_replayed(world: World, tmp_path: Path) -> None:
    """The reaction runs again, on the event as it is corrected, and its command is decided."""
    # A foreign record in delivery.events would stop the delivery service: only its letter is made.
    log = MemoryLog()
    bad = record({"type": "DeliveryPickedUp"}, "delivery.events", world.partner.encode())
    await aside.put_aside(log, bad)
    (letter,) = log.values("order.dead-letters")
    await world.produce("order.dead-letters", None, letter)
    letter_id = msgspec.json.decode(letter)["id"]
    assert "can't read the event" in await refused(world, "replay", letter_id)
    order_id = order_id_of(world.order())
    envelope = Envelope("e1", "DeliveryPickedUp", EPOCH, "c1", order_id, 3)
    value = tmp_path / "event.json"
    value.write_bytes(encode_event(envelope, DeliveryPickedUp("d1", order_id, "driver-1")))
    await done(world, "replay", letter_id, "--value", str(value))
    rejection = await world.eventually(
        lambda rejections: next((each for each in rejections if each["key"] == order_id), None),
        "order.rejections",
    )
    assert rejection["command_type"] == "RecordPickup"
    assert rejection["correlation_id"] == order_id


async def test_what_is_not_there_is_told(world: World) -> None:
    """In one sentence."""
    assert "no dead letter" in await refused(world, "show", "no-such-letter")
    assert "can't be read" in await refused(
        world,
        "replay",
        await put_aside(world, b"k", b"junk"),
        *("--value", "/no/such/file"),
    )
