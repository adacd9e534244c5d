"""A replay has the effect that the record should have had, once."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from msgspec import structs

from infra.dead_letters import replay as replay_module
from infra.dead_letters.letters import DeadLetterError
from infra.dead_letters.replay import Outgoing, replay
from services.common import ids
from services.common.codec import (
    COMMAND_BYTES_MAX,
    DRIVER,
    LANGUAGES,
    ORDER,
    encode_command,
    encode_event,
)
from services.common.decider import Envelope
from services.common.log import Appender
from services.common.messages.delivery import DeliveryPickedUp
from services.common.messages.driver import DriverBecameAvailable
from services.common.messages.order import ConfirmPreparation, RecordPickup
from services.common.reactions import Reactions
from services.common.telemetry import Counters
from services.common.values import GeoPoint
from services.matcher.process import REACTIONS as MATCHER_REACTIONS
from tests.common.memory_log import LogRecord, MemoryLog, MemoryProducer
from tests.common.tally import EPOCH
from tests.dead_letters.aside import BAD_PRICE, TRACE, case_of, record
from tests.dead_letters.aside import ORDER as GOOD_ORDER

ORDER_ID = ids.order_id("acme", "1001")


def read(outgoing: Outgoing) -> tuple[Envelope, Any]:
    """The command of a record, as its service reads it."""
    owner = outgoing.topic.removesuffix(".commands")
    return LANGUAGES[owner].decode_command(outgoing.value, "new/place/1", EPOCH)


def encoded(value: Any) -> bytes:
    """The value as a person might leave it in a file."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2)


async def test_a_command_goes_back_with_all_but_its_source() -> None:
    """Its id, cause, correlation and trace are its own; a later version may have been applied."""
    envelope = Envelope("c1", "ConfirmPreparation", EPOCH, "e1", "o1", 0, "delivery/d1", 4)
    command = ConfirmPreparation("o1", "t1")
    case = await case_of(record(encode_command(envelope, command), key=b"o1"))
    (outgoing,) = replay(case, case.original_value)
    assert (outgoing.topic, outgoing.key, outgoing.headers) == ("order.commands", b"o1", (TRACE,))
    again = structs.replace(envelope, source=None, source_version=None)
    assert read(outgoing) == (again, command)


async def test_a_command_without_id_gets_the_one_that_it_had_where_it_lay() -> None:
    """So the original, decided after all when its worker came back from a crash, is the same."""
    case = await case_of(record(GOOD_ORDER, offset=9))
    original, _ = ORDER.decode_command(case.original_value, "order.commands/0/9", EPOCH)
    first = replay(case, case.original_value)
    edited = replay(case, encoded({**GOOD_ORDER, "payment_token": "tok_other"}))
    assert first == replay(case, case.original_value)
    assert read(first[0])[0] == original
    assert read(edited[0])[0].id == read(edited[0])[0].causation_id == original.id


@pytest.mark.parametrize(
    ("named", "edited", "found"),
    [
        ("c1", "c1", "c1"),
        ("c1", "c2", "c1"),
        ("c1", None, "c1"),
        ("x" * 201, "c2", "c2"),
        (7, "c2", "c2"),
        (None, "c2", "c2"),
        ("", "c2", "c2"),
    ],
)
async def test_an_edited_command_keeps_the_id_of_the_original(
    named: Any, edited: Any, found: str
) -> None:
    """Where that is one: an edit is the same command, and two different edits count once."""
    case = await case_of(record({**BAD_PRICE, "id": named}))
    (outgoing,) = replay(case, encoded({**GOOD_ORDER, "id": edited}))
    envelope, _ = read(outgoing)
    assert (envelope.id, envelope.causation_id) == (found, found)


async def test_an_edit_of_what_was_no_json_is_taken() -> None:
    """Its id is that of the place."""
    for value in (b"junk", b"\xff", b"[]", b"", None):
        case = await case_of(record(value))
        (outgoing,) = replay(case, encoded(GOOD_ORDER))
        assert read(outgoing)[0].id == ids.derive(case.source, "command")


@pytest.mark.parametrize("key", [None, b"", b"another", b"\xff", ORDER_ID.encode()])
async def test_the_key_is_that_of_the_aggregate(key: bytes | None) -> None:
    """Whatever key the record had."""
    case = await case_of(record(GOOD_ORDER, key=key))
    (outgoing,) = replay(case, case.original_value)
    assert outgoing.key == ORDER_ID.encode()
    assert replay(case, case.original_value, key=ORDER_ID) == (outgoing,)


@pytest.mark.parametrize(
    ("value", "key", "reason"),
    [
        (BAD_PRICE, None, "price_cents"),
        (b"junk", None, "JSON"),
        (None, None, "no value"),
        (b"x" * 2_000_000, None, "2000000 bytes"),
        (GOOD_ORDER, "another", f"order_id is '{ORDER_ID}'"),
    ],
)
async def test_what_would_be_put_aside_again_is_refused_and_may_be_forced(
    value: Any, key: str | None, reason: str
) -> None:
    """With the reason of the service's own codec; forced, the record goes back as it was."""
    case = await case_of(record(value))
    with pytest.raises(DeadLetterError, match=f"order would put it aside again: .*{reason}"):
        replay(case, case.original_value, key)
    (outgoing,) = replay(case, case.original_value, key, is_forced=True)
    assert outgoing == Outgoing(
        "order.commands", (key or "k").encode(), case.original_value, (TRACE,)
    )


async def test_a_value_that_its_envelope_makes_too_long_is_refused() -> None:
    """What is appended is checked, not only what was given."""
    filler = "x" * (COMMAND_BYTES_MAX - len(msgspec.json.encode({**GOOD_ORDER, "reference": ""})))
    submit = {"type": "ConfirmPreparation", "order_id": "o1", "ticket_id": filler}
    case = await case_of(record(submit))
    assert case.value_bytes is not None
    longest = COMMAND_BYTES_MAX - case.value_bytes
    fits = {**submit, "ticket_id": filler + "x" * longest}
    assert len(msgspec.json.encode(fits)) == COMMAND_BYTES_MAX
    with pytest.raises(DeadLetterError, match="bytes"):
        replay(case, msgspec.json.encode(fits))


async def test_a_location_goes_back_to_the_topic_of_the_phones() -> None:
    """It is an input of the driver service like its commands."""
    report = {
        "type": "ReportLocation",
        "driver_id": "driver-1",
        "location": {"latitude": 1, "longitude": 2},
        "recorded_at": "2030-01-01T00:00:00Z",
    }
    case = await case_of(record(report, topic="driver.locations"), "driver")
    (outgoing,) = replay(case, case.original_value)
    assert (outgoing.topic, outgoing.key) == ("driver.locations", b"driver-1")
    DRIVER.decode_command(outgoing.value, "", EPOCH)


def became_available() -> LogRecord:
    """An event that the matcher makes two commands of."""
    content = DriverBecameAvailable("driver-1", "north", GeoPoint(1, 2), "south")
    envelope = Envelope("e1", "DriverBecameAvailable", EPOCH, "c1", "driver-1", 5)
    return record(encode_event(envelope, content), topic="driver.events", key=b"driver-1")


async def test_an_event_leads_to_the_commands_of_the_reaction_loop_without_source() -> None:
    """The same ids, causes, traces and keys, on the service's own commands."""
    log = MemoryLog()
    appender = Appender("matcher", MemoryProducer(log))
    matcher = LANGUAGES["matcher"]
    reactions = Reactions(matcher, MATCHER_REACTIONS, appender, Counters())
    await reactions.take([became_available()], 5)
    expected = log.read("matcher.commands")
    assert len(expected) == 2
    case = await case_of(became_available(), "matcher")
    outgoing = replay(case, case.original_value)
    assert [each.topic for each in outgoing] == ["matcher.commands"] * 2
    for each, as_in_loop in zip(outgoing, expected, strict=True):
        assert (each.key, list(each.headers)) == (as_in_loop.key, list(as_in_loop.headers))
        envelope, command = matcher.decode_command(as_in_loop.value, "", EPOCH)
        assert (envelope.source, envelope.source_version) == ("driver/driver-1", 5)
        assert read(each) == (structs.replace(envelope, source=None, source_version=None), command)


async def test_an_event_that_could_not_be_read_may_be_edited() -> None:
    """It keeps its id."""
    envelope = Envelope("e1", "DeliveryPickedUp", EPOCH, "c1", "o1", 3)
    good = encode_event(envelope, DeliveryPickedUp("d1", "o1", "driver-1"))
    bad = good.replace(b'"version":3', b'"version":0')
    case = await case_of(record(bad, topic="delivery.events"))
    with pytest.raises(DeadLetterError, match=r"order can't read the event: .* version"):
        replay(case, case.original_value, is_forced=True)
    (outgoing,) = replay(case, good.replace(b'"e1"', b'"e2"'))
    envelope, command = read(outgoing)
    assert (envelope.causation_id, command) == ("e1", RecordPickup("o1"))


async def test_a_reaction_that_still_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is appended, forced or not."""

    def broken(event: Any) -> Iterable[Any]:
        raise KeyError("no such thing")

    monkeypatch.setattr(replay_module, "REACTIONS", {"matcher": {"driver": broken}})
    case = await case_of(became_available(), "matcher")
    with pytest.raises(DeadLetterError, match="DriverBecameAvailable still fails: KeyError"):
        replay(case, case.original_value, is_forced=True)


async def test_an_event_that_nobody_reacts_to_any_more_appends_nothing() -> None:
    """The fix of a reaction may be to do nothing."""
    case = await case_of(became_available(), "delivery")
    assert replay(case, case.original_value) == ()


async def test_a_key_for_an_event_is_refused() -> None:
    """Each command has the key of its aggregate."""
    case = await case_of(became_available(), "matcher")
    with pytest.raises(DeadLetterError, match="--key"):
        replay(case, case.original_value, key="north")


@pytest.mark.parametrize(
    "topic", ["matcher.events", "order.events", "delivery.commands", "order.rejections", "gone", ""]
)
async def test_what_a_service_never_reads_is_not_replayed(topic: str) -> None:
    """Such as a topic that is no more."""
    case = await case_of(record(GOOD_ORDER, topic=topic))
    with pytest.raises(DeadLetterError, match="order takes nothing from"):
        replay(case, case.original_value, is_forced=True)


def test_the_reactions_of_every_service_are_known() -> None:
    """A service without any would have none of its letters replayed."""
    assert replay_module.REACTIONS.keys() == LANGUAGES.keys()
