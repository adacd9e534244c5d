"""The live stream: filters, coming back, and viewers who are too slow."""

import asyncio
from contextlib import aclosing

import pytest
from starlette.types import Message

from services.common.problem import ProblemError
from services.web.records import LogRecord
from services.web.stream import Hub, LiveResponse, Wanted, records
from tests.web.written import ADMITTED, AT, CREATED, ORDER_ID, SUBMIT, Log

HEARTBEAT_SECONDS = 0.05


def hub(ring_max: int = 10, viewers_max: int = 5, viewer_records_max: int = 5) -> Hub:
    """A hub with small limits."""
    return Hub(ring_max, viewers_max, viewer_records_max)


def publish(to: Hub, *published: LogRecord) -> None:
    """Sends records out."""
    for record in published:
        to.publish(record, AT, record.order_id, "taqueria-1")


async def seen(
    of: Hub, last_id: str | None = None, wanted: Wanted | None = None, count: int = 9
) -> list[str]:
    """What a viewer is sent until it would have to wait, without the first line."""
    parts: list[str] = []
    async with aclosing(records(of, wanted or Wanted(), last_id, HEARTBEAT_SECONDS)) as stream:
        async for part in stream:
            if part.startswith(b": alive") or len(parts) > count:
                break
            parts.extend(f"{event}\n\n" for event in part.decode().split("\n\n")[:-1])
    return parts[1:]


def id_of(part: str) -> str:
    """The id of a server-sent event."""
    return next(line[4:] for line in part.splitlines() if line.startswith("id: "))


async def test_a_viewer_who_comes_back_gets_what_came_since() -> None:
    """In order, none twice."""
    log, of = Log(), hub()
    publish(of, *(log.event("order", CREATED) for _ in range(4)))
    assert await seen(of) == []
    all_ids = [each.id for each in of.since("") or []]
    assert all_ids == []
    first = f"{int(AT.timestamp() * 1000)}-1"
    assert [id_of(part).split("-")[1] for part in await seen(of, first)] == ["2", "3", "4"]


async def test_a_viewer_who_was_away_for_too_long_is_told_to_read_anew() -> None:
    """The ring holds only the newest."""
    log, of = Log(), hub(ring_max=2)
    publish(of, *(log.event("order", CREATED) for _ in range(4)))
    (only,) = await seen(of, f"{int(AT.timestamp() * 1000)}-1")
    assert only.startswith("event: reset")


async def test_all_viewers_are_told_when_the_log_has_been_read_to_its_end() -> None:
    """What they were shown before was what had been read by then; the stream goes on."""
    log, of = Log(), hub()
    stream = records(of, Wanted(), None, HEARTBEAT_SECONDS)
    await anext(stream)
    of.renew()
    publish(of, log.event("order", CREATED))
    reset, record = (await anext(stream)).split(b"\n\n")[:2]
    assert reset.startswith(b"event: reset")
    assert record.startswith(b"id: ")
    await stream.aclose()


async def test_a_slow_viewer_is_dropped_and_told() -> None:
    """It gets what had room, then the reset, and the others lose nothing."""
    log, of = Log(), hub(viewer_records_max=2)
    stream = records(of, Wanted(), None, HEARTBEAT_SECONDS)
    await anext(stream)
    publish(of, *(log.event("order", CREATED) for _ in range(4)))
    text = b"".join([part async for part in stream]).decode()
    rest = text.split("\n\n")[:-1]
    assert len(rest) == 3
    assert rest[-1].startswith("event: reset")
    assert of.viewers == 0


async def test_a_viewer_gets_what_it_wants() -> None:
    """By kind, owner and order."""
    log, of = Log(), hub()
    event = log.event("order", CREATED)
    publish(of, log.command("order", SUBMIT, "c1"), event)
    first = f"{int(AT.timestamp() * 1000)}-0"
    of.publish(event, AT, ORDER_ID, None)

    def count(wanted: Wanted) -> int:
        return sum(wanted.takes(each) for each in of._ring)

    assert count(Wanted()) == 2
    assert count(Wanted(kinds=frozenset({"commands"}))) == 1
    assert count(Wanted(owner="delivery")) == 0
    assert count(Wanted(order_id=ORDER_ID)) == 2
    assert count(Wanted(order_id="another")) == 0
    assert count(Wanted(restaurant_id="taqueria-1")) == 1
    assert of.since(first) is None


async def test_viewers_are_counted_while_they_look_on() -> None:
    """One more than may be is refused."""
    of = hub(viewers_max=1)
    stream = records(of, Wanted(), None, HEARTBEAT_SECONDS)
    of.check_room()
    await anext(stream)
    with pytest.raises(ProblemError):
        of.check_room()
    await stream.aclose()
    of.check_room()


async def test_many_viewers_get_each_record_once() -> None:
    """And a line now and then where nothing happens."""
    log, of = Log(), hub(viewers_max=100)
    streams = [records(of, Wanted(), None, HEARTBEAT_SECONDS) for _ in range(50)]
    await asyncio.gather(*(anext(each) for each in streams))
    publish(of, log.event("order", ADMITTED))
    parts = await asyncio.gather(*(anext(each) for each in streams))
    assert len({*parts}) == 1
    assert await anext(streams[0]) == b": alive\n\n"


async def test_who_was_sent_nothing_yet_has_a_place_to_come_back_to() -> None:
    """A connection that breaks before the first record loses none."""
    log, of = Log(), hub()

    async def greeted() -> str:
        async with aclosing(records(of, Wanted(), None, HEARTBEAT_SECONDS)) as stream:
            return id_of((await anext(stream)).decode())

    nowhere = await greeted()
    publish(of, log.event("order", CREATED))
    assert [part.startswith("event: reset") for part in await seen(of, nowhere)] == [True]
    here = await greeted()
    assert await seen(of, here) == []
    publish(of, log.event("order", ADMITTED))
    assert len(await seen(of, here)) == 1


async def test_a_viewer_who_takes_nothing_loses_its_place() -> None:
    """Its connection is full, so nothing can be told it; it is left, and another one has room."""
    log, of = Log(), hub(viewers_max=1)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 2:
            await asyncio.Event().wait()

    response = LiveResponse(records(of, Wanted(), None, HEARTBEAT_SECONDS), 0.05)
    viewing = asyncio.create_task(response.stream_response(send))
    await asyncio.sleep(0.01)
    assert of.viewers == 1
    publish(of, log.event("order", CREATED))
    await asyncio.wait_for(viewing, 5)
    assert of.viewers == 0
    assert all(message.get("more_body", True) for message in sent)
